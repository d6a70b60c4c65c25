"""`secpipe scan models`: find code in model files, without loading them."""

from __future__ import annotations

from collections.abc import Sequence

import click

from secpipe.cli.options import at_option, clock_of, emit, output_options, say
from secpipe.core.errors import EXIT_PASS
from secpipe.core.text import printable


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path())
@click.option("--allow", metavar="NAME", multiple=True, help="Also allow this dotted name in pickles. Repeatable.")
@click.option("--allow-list", metavar="FILE", help="TOML of [[allow]] entries: name, files, expires, owner, reason.")
@click.option("--explain", is_flag=True, help="Print what each pickle given imports, calls and sets; judge nothing.")
@at_option
@output_options()
def models(
    paths: tuple[str, ...],
    allow: tuple[str, ...],
    allow_list: str | None,
    explain: bool,
    at: str | None,
    formats: tuple[str, ...],
    output: str | None,
) -> int:
    """Find code in model files under PATHS (folders or files), by allow-list, without loading them.

    Every file is recognised by its content. Each comes out malicious, for review, or ok; what could not be looked at
    is listed and is
    never ok. Exit codes: 0 nothing found, 1 something malicious or for review, 3 something was not looked at.
    """
    from secpipe.api.models import scan_models

    if explain:
        return show(paths)
    found = scan_models(*paths, allow=allow, allow_list=allow_list, at=clock_of(at).now() if at else None)
    emit(found.to_dict(), formats, output)
    return found.exit_code


def show(paths: Sequence[str]) -> int:
    """Print what the pickles do when they are opened, line by line."""
    from secpipe.scan.models.allow import shipped_list
    from secpipe.scan.models.explain import explain
    from secpipe.system.files import open_regular

    for path in paths:
        with open_regular(path) as file:
            lines = list(explain(file, shipped_list()))
        say(f"{printable(path)}:")
        for line in lines:
            say(line)
    return EXIT_PASS
