"""`secpipe policy replay`: which verdicts of the past another policy would have changed."""

from __future__ import annotations

from pathlib import Path

import click

from secpipe.cli.options import emit, form_option


@click.command(
    epilog="""\b
Examples:
  secpipe policy replay new.toml --store verdicts
  secpipe policy replay new.toml --store verdicts --env prod --fail-on-change -f json"""
)
@click.argument("new", metavar="NEW.toml")
@click.option("--store", required=True, type=click.Path(path_type=Path), metavar="FOLDER", help="Verdict store.")
@click.option("--env", "environment", default="", metavar="NAME", help="Only verdicts for this environment.")
@click.option("--policy", "old", default="", metavar="FILE", help="Compare with this policy, not with what was stored.")
@click.option("--fail-on-change", is_flag=True, help="End with 1 where a verdict would change.")
@form_option
@click.option("-o", "--output", metavar="FILE", type=click.Path(dir_okay=False), help="Write the result to FILE.")
def replay(
    new: str,
    store: Path,
    environment: str,
    old: str,
    fail_on_change: bool,
    form: str,
    output: str | None,
) -> int:
    """Decide every verdict of a store again, at its own time, by the policy NEW.toml (or builtin:NAME).

    Nothing is looked at again but the recorded evidence. Ends with 0, also where verdicts
    would change; with 1 where they would and --fail-on-change was given; with 3 where a verdict could not be replayed,
    or its own policy no longer gives what was stored.
    """
    from secpipe.gate.after import replay as room
    from secpipe.gate.policies import policy_file

    loaded = policy_file.load(new)
    against = policy_file.load(old) if old else None
    changes, damaged = room.replay_store(store, loaded, environment=environment, old=against)
    document = room.document(changes, damaged, loaded, against, strict=fail_on_change)
    emit(document, [form], output)
    return int(document["exit_code"])
