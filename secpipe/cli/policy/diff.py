"""`secpipe policy diff`: what a change of policy means, before anybody pins it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

import click

from secpipe.cli.options import form_option, write_json, write_result
from secpipe.core.errors import EXIT_DENY, EXIT_PASS

if TYPE_CHECKING:
    from secpipe.gate.policies.policy_diff import Changed


@click.command()
@click.argument("before", metavar="BEFORE")
@click.argument("after", metavar="AFTER")
@click.option("--env", "environments", multiple=True, metavar="NAME", help="Repeatable (default: all of them).")
@click.option("--fail-on-looser", is_flag=True, help="End with 1 if anything may let more out than before.")
@form_option
def diff(before: str, after: str, environments: tuple[str, ...], fail_on_looser: bool, form: str) -> int:
    """Say what changes from BEFORE to AFTER (files or builtin:NAME), key by key: tighter, looser or different.

    Values that cannot be compared are `different`; --fail-on-looser counts them, too, apart from name and owner.
    """
    from secpipe.gate.policies import policy_file
    from secpipe.gate.policies.policy_diff import diff as compare

    old, new = policy_file.load(before), policy_file.load(after)
    changes = compare(old, new, environments)
    if form == "json":
        document = {
            "schema": "secpipe.policy-diff/1",
            "before": {"source": before, "digest": {"sha256": old.digest}},
            "after": {"source": after, "digest": {"sha256": new.digest}},
            "changes": [item.to_dict() for item in changes],
            "counts": _counts(changes),
        }
        write_json(document)
    else:
        write_result("\n".join(_lines(changes, old.digest == new.digest)) + "\n", "-")
    return EXIT_DENY if fail_on_looser and any(item.risky for item in changes) else EXIT_PASS


def _counts(changes: Sequence[Changed]) -> dict[str, int]:
    return {word: sum(item.change == word for item in changes) for word in ("looser", "different", "tighter")}


def _lines(changes: Sequence[Changed], same: bool) -> list[str]:
    from secpipe.core.text import plural, printable
    from secpipe.gate.policies.policy_origin import toml

    if not changes:
        return ["the same policy" if same else "nothing that decides changes (the digest does)"]
    key = max(len(item.key) for item in changes) + 2
    lines = []
    for environment, group in groupby(changes, key=lambda item: item.environment):
        lines.append(f"[env.{printable(environment)}]" if environment else "everywhere")
        for item in group:
            pairs = _pairs(item)
            lines += [
                f"  {item.change if not place else '':<10} {item.key if not place else '':<{key}}{mark} {toml(value)}"
                for place, (mark, value) in enumerate(pairs)
            ]
    counts = _counts(changes)
    told = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    return [*lines, "", f"{plural(len(changes), 'change')}: {told}"]


def _pairs(item: Changed) -> list[tuple[str, Any]]:
    """Return what is gone and what is new; of lists of tables only those that differ."""
    before, after = item.before, item.after
    tables = [each for each in (*_listed(before), *_listed(after)) if not isinstance(each, str)]
    if not tables:
        return [("-", before), ("+", after)]
    gone = [("-", each) for each in before if each not in after]
    return gone + [("+", each) for each in after if each not in before]


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()
