"""`secpipe sbom diff`, `merge`, `query` and `lineage`: SBOMs against each other and against a question."""

from __future__ import annotations

from typing import Any

import click

from secpipe.cli.options import plain_format, tell, write_result
from secpipe.cli.sbom.files import read_bom, write
from secpipe.core.errors import EXIT_DENY, EXIT_PASS
from secpipe.core.foreign import Sink
from secpipe.core.text import plural, printable


@click.command()
@click.argument("before")
@click.argument("after")
@click.option("--exit-code", is_flag=True, help="Exit 1 if there is a difference.")
@plain_format
def diff(before: str, after: str, exit_code: bool, form: str, output: str) -> int:
    """Say what changed from BEFORE to AFTER: weights, cards, licences, datasets, prompts, services, versions."""
    from secpipe.sbom.diff import diff as compare

    changes = compare(read_bom(before), read_bom(after))
    document = {"schema": "secpipe.sbom-diff/1", "changes": [change.to_dict() for change in changes]}
    lines = []
    for change in changes:
        values = f": {change.before or '-'} -> {change.after or '-'}" if change.before or change.after else ""
        what = f"{change.subject} {change.field}" if change.kind == "property" else change.subject
        lines.append(f"{change.kind:<18} {what}{values}" + (f"  ({change.note})" if change.note else ""))
    write(form, output, document, lines)
    tell(plural(len(changes), "difference"))
    return EXIT_DENY if changes and exit_code else EXIT_PASS


@click.command()
@click.argument("boms", nargs=-1, required=True, metavar="BOM...")
@click.option("-o", "--output", default="-", metavar="FILE", help="Write the document to FILE.")
def merge(boms: tuple[str, ...], output: str) -> int:
    """Join CycloneDX documents: components with the same purl or hash become one, no field of any tool is lost."""
    from secpipe.sbom.bom import dump
    from secpipe.sbom.merge import merge as join

    write_result(dump(join([read_bom(place) for place in boms])), output, Sink.JSON)
    return EXIT_PASS


@click.command()
@click.argument("bom")
@click.argument("expression")
@click.option("--count", is_flag=True, help="Print only how many match.")
@plain_format
def query(bom: str, expression: str, count: bool, form: str, output: str) -> int:
    """Find components of BOM for which EXPRESSION is true.

    \b
    kind=model and license~llama           models under a Llama licence
    name=torch and version<2.6             by version
    not hash                               components without a hash
    parameters>1000000000 or path~adapter  by any property or place
    Fields: name version kind purl license hash path ref supplier ancestor, a property's name, or a place like
    modelCard.modelParameters.task. Operators: = != ~ (holds) < <= > >=, and or not ( ).
    """
    from secpipe.sbom.bom import label, licenses_of
    from secpipe.sbom.query import query as find
    from secpipe.sbom.query import values

    hits = find(read_bom(bom), expression)
    if count:
        write_result(f"{len(hits)}\n", output)
        return EXIT_PASS
    rows = []
    for hit in hits:
        where = ", ".join(values(hit, "path")[:3])
        cells = (values(hit, "kind")[-1], label(hit), " ".join(licenses_of(hit)), where)
        rows.append("  ".join(printable(cell) for cell in cells if cell))
    write(form, output, {"schema": "secpipe.sbom-query/1", "expression": expression, "components": hits}, rows)
    tell(plural(len(hits), "component"))
    return EXIT_PASS


@click.command()
@click.argument("bom")
@click.option(
    "-f",
    "--format",
    "form",
    type=click.Choice(["terminal", "json", "mermaid", "dot"]),
    default="terminal",
    show_default=True,
    help="How the result is written.",
)
@click.option("-o", "--output", default="-", metavar="FILE", help="Write the result to FILE.")
def lineage(bom: str, form: str, output: str) -> int:
    """Show what each model of BOM was made from: base models, adapters, datasets."""
    from secpipe.sbom.graph import edges, render

    document = read_bom(bom)
    rows = edges(document)
    result: dict[str, Any] = {"schema": "secpipe.sbom-lineage/1", "edges": [row.to_dict() for row in rows]}
    write("json" if form == "json" else "terminal", output, result, render(rows, form))
    return EXIT_PASS
