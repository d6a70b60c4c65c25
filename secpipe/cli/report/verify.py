"""`secpipe report verify`: does an HTML report show what the document inside it says?"""

from __future__ import annotations

import click


@click.command(short_help="Hold an HTML report to the document inside it.")
@click.argument("file", metavar="PAGE", type=click.Path(dir_okay=False))
@click.option("-o", "--output", metavar="FILE", help="Write the document (JSON) that the page holds here.")
def verify(file: str, output: str | None) -> int:
    """Say whether an HTML report is what secpipe makes of the document inside it, byte for byte.

    Exit 0: it is. 1: somebody changed the page, or the document. 3: nobody here can tell, since another version of
    secpipe wrote it. Who made the report, only a signature says: secpipe sign PAGE, secpipe verify PAGE.
    """
    from secpipe.api.rendering import as_written
    from secpipe.cli.options import say, tell, write_json
    from secpipe.core.errors import EXIT_DENY, EXIT_PASS, EXIT_UNDECIDED
    from secpipe.core.limits import DEFAULT
    from secpipe.core.version import __version__
    from secpipe.report.html.embedded import taken_out
    from secpipe.report.read import read
    from secpipe.system.files import read_bytes

    page = read_bytes(file, DEFAULT.document_bytes)
    document = taken_out(page)
    if output:
        write_json(document, output)
    report = read(document)
    if as_written(document, "html") == page:
        say(f"the page shows what its document says: {report.sentence}")
        return EXIT_PASS
    if report.version != __version__:
        tell(f"secpipe {report.version} wrote this page: secpipe {__version__} cannot say whether somebody changed it")
        return EXIT_UNDECIDED
    tell("the page is not what secpipe makes of the document inside it: somebody changed one of them")
    return EXIT_DENY
