"""`secpipe report FILE`: a saved verdict or scan result in another format; nothing is judged again."""

from __future__ import annotations

import sys

import click

from secpipe.cli.options import emit, output_options


@click.command(short_help="Render a saved verdict or scan result.")
@click.argument("file", metavar="FILE", type=click.Path(dir_okay=False, allow_dash=True))
@output_options()
def show(file: str, formats: tuple[str, ...], output: str | None) -> int:
    """Render a saved verdict (`check -f json`) or scan result in another format.

    FILE is a secpipe.verdict/2 or secpipe.findings/1 document, or - for standard input. Nothing is judged again: the
    exit code is 0 when the file could be rendered, whatever it says, and 3 when it is not such a document.
    """
    from secpipe.core.limits import DEFAULT
    from secpipe.report.read import load
    from secpipe.system.files import read_bytes, read_upto

    limit = DEFAULT.document_bytes
    data = read_upto(sys.stdin.buffer, limit + 1) if file == "-" else read_bytes(file, limit)
    emit(load(data), formats, output)
    return 0
