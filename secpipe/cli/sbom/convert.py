"""`secpipe sbom vex` and `convert`: statements attached, other formats written."""

from __future__ import annotations

import click

from secpipe.cli.options import tell, write_result
from secpipe.cli.sbom.files import read_bom, read_file, sink_of
from secpipe.core.errors import EXIT_PASS, EXIT_UNDECIDED
from secpipe.core.foreign import Sink
from secpipe.core.text import plural


@click.command()
@click.argument("bom")
@click.argument("statements", nargs=-1, required=True, metavar="VEX...")
@click.option("-o", "--output", default="-", metavar="FILE", help="Write the document to FILE.")
def vex(bom: str, statements: tuple[str, ...], output: str) -> int:
    """Attach OpenVEX or CycloneDX VEX documents to BOM. Exit 3 if no statement is about one of its components."""
    from secpipe.core.documents import parse_json
    from secpipe.sbom.bom import dump
    from secpipe.sbom.vex import attach

    document, attached = read_bom(bom), 0
    for place in statements:
        result = attach(document, parse_json(read_file(place), place))
        document, attached = result.document, attached + result.statements
        for name in result.unmatched:
            tell(f"not in the SBOM: {name}")
    write_result(dump(document), output, Sink.JSON)
    tell(f"{plural(attached, 'statement')} attached")
    return EXIT_PASS if attached else EXIT_UNDECIDED


@click.command()
@click.argument("bom")
@click.option(
    "-f",
    "--format",
    "form",
    type=click.Choice(["cyclonedx-json", "cyclonedx-xml", "spdx-json"]),
    default="spdx-json",
    show_default=True,
    help="How the document is written.",
)
@click.option("--spec", type=click.Choice(["1.6", "1.7"]), help="Version of CycloneDX to write.")
@click.option("-o", "--output", default="-", metavar="FILE", help="Write the document to FILE.")
def convert(bom: str, form: str, spec: str | None, output: str) -> int:
    """Write BOM (CycloneDX or SPDX, in any form that is read) in another format or version; what the target cannot hold
    is named on stderr.
    """
    from secpipe.sbom.convert import lost, to_format

    document = read_bom(bom)
    data = to_format(document, form, spec)
    for name in lost(document, form, spec):
        tell(f"not carried over: {name}")
    write_result(data, output, sink_of(form))
    return EXIT_PASS
