"""`secpipe guard`: verify the verdict on a model folder, and only then become the command that loads it."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

import click

from secpipe.cli.options import tell
from secpipe.cli.verdict.options import named, rules_options
from secpipe.core.errors import ConfigError

_PLACE = "{path}"


@click.command(short_help="Start a command only if a signed verdict lets the model folder out.")
@click.argument("place", metavar="FOLDER", type=click.Path(path_type=Path))
@click.argument("command", metavar="-- COMMAND...", nargs=-1, required=True, type=click.UNPROCESSED)
@click.option("--store", type=click.Path(path_type=Path), metavar="FOLDER", help="The verdict store.")
@click.option(
    "--verdict", type=click.Path(path_type=Path), metavar="PATH", help="One signed verdict, instead of a store."
)
@click.option("--env", "environment", default="prod", show_default=True, metavar="NAME", help="Where it is going.")
@rules_options
@click.option("--copy", type=click.Path(path_type=Path), metavar="FOLDER", help="Load a private, read-only copy.")
@click.option("--max-age", type=click.FloatRange(min=0), metavar="DAYS", help="How old the verdict may be.")
@click.option("--name", default="", metavar="NAME", help="What the verdict must call the release.")
@click.option("--exclude", multiple=True, metavar="PATH", help="Relative path that is no part of the release.")
@click.option(
    "--log", "log", type=click.Path(path_type=Path), metavar="LOG", help="A log whose newest verdict this must be."
)
def guard(
    place: Path,
    command: tuple[str, ...],
    store: Path | None,
    verdict: Path | None,
    environment: str,
    copy: Path | None,
    max_age: float | None,
    name: str,
    exclude: tuple[str, ...],
    log: Path | None,
    **options: Any,
) -> NoReturn:
    """Become COMMAND if a signed verdict lets exactly the files in FOLDER out; else end with 1 (no) or 3 (not decided).

    {path} in COMMAND stands for the folder that was verified, free of links, or for its copy. Every file is hashed.
    Without --copy, whoever may write to FOLDER can still change it before COMMAND reads it.
    """
    from secpipe.api.guarding import Wish, guarded
    from secpipe.cli.hashed import hashed
    from secpipe.gate.deploying import VerdictSource
    from secpipe.system.clock import SystemClock
    from secpipe.system.process import become
    from secpipe.system.sealed import unlinked

    if (store is None) == (verdict is None):
        raise ConfigError("by which verdict?", hint="--store FOLDER, or --verdict with one signed verdict")
    if not any(_PLACE in word for word in command):
        if copy is not None:
            raise ConfigError(f"the command would not load the copy: it has no {_PLACE}", hint=f"-- serve {_PLACE}")
        if os.path.abspath(place) != str(unlinked(place)):
            raise ConfigError(
                "FOLDER leads through a link, which can be turned to another folder after this one is verified",
                hint=f"write {_PLACE} for it in the command",
            )
    asked = Wish(environment, None if max_age is None else timedelta(days=max_age), name, exclude)
    found = guarded(
        place,
        named(options),
        VerdictSource(store, verdict),
        asked,
        SystemClock().now(),
        copy=copy,
        log=log,
        opener=hashed,
    )
    tell(f"secpipe: {found.sentence}")
    if found.made_executable:
        tell(f"secpipe: made executable since it was judged: {', '.join(found.made_executable[:5])}")
    become([word.replace(_PLACE, str(found.path)) for word in command])
