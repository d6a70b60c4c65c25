"""`secpipe config show`: what is set outside the command line, and where each value comes from."""

from __future__ import annotations

import click

from secpipe.cli.options import plain_format


@click.group()
def config() -> None:
    """Show the options that your own file and environment set."""


@config.command(short_help="List options that are set, and where each comes from.")
@click.option("--origin", is_flag=True, help="Say for each value where it comes from, and list what is not set, too.")
@plain_format
def show(origin: bool, form: str, output: str) -> int:
    """List what commands that judge take from your own file and from SECPIPE_* variables.

    The command line wins over a variable, a variable over the file. Nothing in a judged project is read: no .env, no
    file in it. Custody, the mode, confirmations, simulated times and exclusions cannot be set this way.
    """
    from secpipe.cli.config import settings as room
    from secpipe.cli.options import write_json, write_result
    from secpipe.core.text import printable
    from secpipe.system.settings_file import settings_file

    found, states, ignored = room.settings(), room.places_of(), room.unread()
    if form == "json":
        document = {
            "schema": "secpipe.settings/1",
            "file": settings_file(),
            "options": [{"name": one.name, "value": one.value or None, "origin": one.origin} for one in found],
            "places": [{"name": one.name, "value": one.value or None, "origin": one.origin} for one in states],
            "not_read": [{"variable": name, "why": why} for name, why in ignored],
        }
        write_json(document, output)
        return 0
    rows = [one for one in (*found, *states) if origin or (one.value and one in found)]
    wide = max((len(one.name) for one in rows), default=0)
    lines = [
        f"{one.name:<{wide}}  {printable(one.value) or '(not set)'}" + (f"  from {one.origin}" if origin else "")
        for one in rows
    ]
    lines += [f"{name} is not read: {why}" for name, why in ignored]
    write_result("\n".join(lines or ["nothing is set: secpipe config show --origin lists what can be"]) + "\n", output)
    return 0
