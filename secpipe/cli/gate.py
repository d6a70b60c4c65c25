"""`secpipe gate`: may I publish this? Yes or no, in plain words, for a folder or a ZIP."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click


@click.command(short_help="May I publish this? Yes or no, in plain words.")
@click.argument("place", metavar="FOLDER|ZIP", type=click.Path(path_type=Path))
@click.option("--policy", default="", metavar="FILE", help="Policy file, or builtin:NAME (default builtin:baseline).")
@click.option("--env", "environment", default="prod", show_default=True, metavar="NAME", help="Where it goes.")
@click.option("--page", metavar="FILE", help="Write the whole report here, as HTML.")
@click.option("--open/--no-open", "opens", default=None, help="Open the report (default: where a person is watching).")
def gate(place: Path, policy: str, environment: str, page: str | None, opens: bool | None) -> int:
    """Say YES, NO or NOT YET, and what to do, in words that need no knowledge of computers.

    It is secpipe check with another voice: the same checks, the same rules, the same exit codes. Nothing of the project
    is run, and nothing leaves this machine. A ZIP is judged by what is in it.
    """
    from secpipe.api.checking import judged, request_of
    from secpipe.cli.options import emit, watching

    with _folder(place) as (folder, asked), watching() as watch:
        request = request_of(folder, policy=policy, environment=environment, at=None, cache=False, parts=False, **asked)
        document = judged(request, watch or (lambda text: None), watch=watch).document
    watched = sys.stdout.isatty() and not os.environ.get("CI")
    shown = watched if opens is None else opens
    page = page or ("secpipe-report.html" if shown else None)
    emit(document, ("plain", *[f"html={page}"] * bool(page)), None)
    if page and shown:
        click.launch(str(Path(page).absolute()))
    return int(document["exit_code"])


@contextlib.contextmanager
def _folder(place: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Give the folder to judge, and what is to be said of it beside its path."""
    if not place.is_file():
        yield place, {}
        return
    from secpipe.gate.zipped import unzipped

    with unzipped(place) as written:
        inside = place.absolute().parent  # what is told to run is for whoever unpacked it
        yield written.folder, {"name": place.stem, "not_read": written.not_read, "repository": inside}
