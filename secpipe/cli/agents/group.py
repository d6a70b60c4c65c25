"""`secpipe agents`: the lock of a project's agents: write it, say what a change allows, pin the tools of a server."""

from __future__ import annotations

from typing import Any

import click

from secpipe.cli.options import say
from secpipe.core.errors import EXIT_DENY, EXIT_PASS, InputError
from secpipe.core.text import plural, printable


@click.group()
def agents() -> None:
    """Lock what agents of a project may do, and say what a change allows."""


@agents.command(short_help="Write the lock: version, host, digest, capabilities.")
@click.argument("path", default=".")
@click.option("--output", "-o", metavar="FILE", help="Where it is written (default: agents.lock.json in PATH).")
def lock(path: str, output: str | None) -> int:
    """Write the lock: every item with its version, host, digest and capabilities. Pinned tools stay pinned."""
    from pathlib import Path

    from secpipe.cli.options import write_result
    from secpipe.scan.agents.lock import LOCK_NAME, make, written

    place = output or str(Path(path) / LOCK_NAME)
    made = make(_items(path), _kept(place)["tools"])
    write_result(written(made), place)
    say(f"{plural(len(made['items']), 'item')} locked in {printable(place)}")
    return EXIT_PASS


@agents.command()
@click.argument("path", default=".")
@click.option("--lock", "place", metavar="FILE", help="The lock to compare with (default: agents.lock.json in PATH).")
def diff(path: str, place: str | None) -> int:
    """Say in words what differs from the lock. Exit codes: 0 nothing allows more, 1 something does."""
    from pathlib import Path

    from secpipe.scan.agents.lock import LOCK_NAME, differences, make

    before = _kept(place or str(Path(path) / LOCK_NAME), needed=True)
    found = list(differences(before, make(_items(path), before["tools"])))
    for more, words in sorted(found, key=lambda one: not one[0]):
        say(f"{'+' if more else ' '} {words}")
    if not found:
        say("nothing differs from the lock")
    return EXIT_DENY if any(more for more, _ in found) else EXIT_PASS


@agents.command(short_help="Pin the tools of a server from its answer to tools/list.")
@click.argument("file")
@click.option("--server", metavar="NAME", help="The server whose tools these are (default: the name of FILE).")
@click.option(
    "--lock", "place", default="agents.lock.json", show_default=True, metavar="FILE", help="The lock to write."
)
def pin(file: str, server: str | None, place: str) -> int:
    """Pin the tools of a server: FILE is its recorded answer to tools/list. No server is started."""
    from pathlib import PurePath

    from secpipe.cli.options import write_result
    from secpipe.core.limits import DEFAULT
    from secpipe.scan.agents.lock import differences, make, pinned_tools, written
    from secpipe.system.files import read_bytes

    name = server or PurePath(file).name.removesuffix(".json").removesuffix(".tools")
    before = _kept(place)
    after = {**before, "tools": {**before["tools"], name: pinned_tools(read_bytes(file, DEFAULT.text_bytes), file)}}
    for more, words in differences(before, after):
        say(f"{'+' if more else ' '} {words}")
    write_result(written(make(before["items"], after["tools"])), place)
    say(f"{plural(len(after['tools'][name]), 'tool')} of {printable(name, 80)} pinned in {printable(place)}")
    return EXIT_PASS


def _items(path: str) -> list[dict[str, Any]]:
    from secpipe.api.agents import look

    evidence = look(path)
    if evidence.skips:
        skip = evidence.skips[0]
        raise InputError(f"{printable(skip.path)} was not read ({skip.reason}): a lock of a part would be none")
    return list(evidence.facts["items"])


def _kept(place: str, *, needed: bool = False) -> dict[str, Any]:
    """Return the lock that is there, or an empty one."""
    from pathlib import Path

    from secpipe.core.limits import DEFAULT
    from secpipe.scan.agents.lock import read
    from secpipe.system.files import read_bytes

    if not needed and not Path(place).exists():
        return {"items": [], "tools": {}}
    return read(read_bytes(place, DEFAULT.document_bytes))
