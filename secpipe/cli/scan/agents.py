"""`secpipe scan agents`: what assistants and agents of a project may do, item by item."""

from __future__ import annotations

import click

from secpipe.cli.options import at_option, clock_of, emit, output_options


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--policy", metavar="FILE", help="Policy whose [agents] section says what is approved.")
@click.option("--env", "environment", default="prod", metavar="NAME", help="Environment the approvals are judged for.")
@at_option
@output_options()
def agents(
    paths: tuple[str, ...],
    policy: str | None,
    environment: str,
    at: str | None,
    formats: tuple[str, ...],
    output: str | None,
) -> int:
    """Read what assistants and agents may do: servers, skills, hooks, permissions, rules. Nothing is started.

    Without --policy only what is wrong in itself is found; with it, also what nobody approved. Prose that instructs is
    searched for known patterns and not understood. Exit codes: 0 nothing found, 1 found, 3 something was not read.
    """
    from secpipe.api.agents import judged_items

    found = judged_items(paths, policy=policy, env=environment, at=clock_of(at).now() if at else None)
    emit(found.to_dict(), formats, output)
    return found.exit_code
