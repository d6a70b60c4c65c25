"""`secpipe sbom validate`, `score` and `verify`: is this SBOM well-formed, complete, and true?"""

from __future__ import annotations

from typing import Any

import click

from secpipe.cli.options import emit as emit_document
from secpipe.cli.options import output_options, plain_format, tell
from secpipe.cli.sbom.files import read_bom, read_file, write
from secpipe.core.errors import EXIT_DENY, EXIT_PASS, EXIT_UNDECIDED
from secpipe.core.text import plural, printable


@click.command()
@click.argument("boms", nargs=-1, required=True, metavar="BOM...")
@plain_format
def validate(boms: tuple[str, ...], form: str, output: str) -> int:
    """Hold each BOM against its official schema (CycloneDX JSON 1.2 to 1.7) or what its format requires (CycloneDX in
    XML and textproto, SPDX 2.2, 2.3 and 3.0). Exit 1 if one is not valid.
    """
    from secpipe.sbom.validate import validate as judge

    results: list[dict[str, Any]] = []
    lines = []
    for place in boms:
        problems = judge(read_file(place))
        rows = [{"pointer": problem.pointer, "message": problem.message} for problem in problems]
        results.append({"path": printable(place), "valid": not rows, "problems": rows})
        lines += [f"{printable(place)}: {row['pointer'] or '/'}: {row['message']}" for row in rows]
        lines += [] if rows else [f"{printable(place)}: valid"]
    write(form, output, {"schema": "secpipe.sbom-validation/1", "results": results}, lines)
    return EXIT_PASS if all(result["valid"] for result in results) else EXIT_DENY


@click.command()
@click.argument("bom")
@click.option(
    "--profile",
    "names",
    multiple=True,
    metavar="NAME",
    help="g7-ai, cisa-2025, ntia, bsi-tr-03183 or eu-annex-xi; repeatable.",
)
@click.option("--minimum", type=click.IntRange(0, 100), metavar="PERCENT", help="Exit 1 below this score.")
@plain_format
def score(bom: str, names: tuple[str, ...], minimum: int | None, form: str, output: str) -> int:
    """Score BOM against minimum elements; each is verified, declared, missing or not disclosed.

    The score counts what a release's files can prove; the second figure counts also what only its owner knows.
    """
    from secpipe.core.inventory import Grade
    from secpipe.sbom.profiles import PROFILES
    from secpipe.sbom.profiles import score as judge

    document = read_bom(bom)
    results, lines, worst = [], [], 100
    for name in names or PROFILES:
        result = judge(document, name)
        worst = min(worst, result.percent)
        lines += ["", f"{result.title}: {result.percent}% ({result.whole}% with what only the owner knows)"]
        grades = {str(grade): sum(row.counts.get(grade, 0) for row in result.rows) for grade in Grade}
        lines.append("  " + ", ".join(f"{count} {grade}" for grade, count in grades.items() if count))
        rows: list[dict[str, Any]] = []
        for row in result.rows:
            counts = {str(grade): count for grade, count in sorted(row.counts.items())}
            rows.append({"id": row.element.id, "title": row.element.title, "needs": row.element.needs, "counts": counts,
                         "lacking": list(row.lacking), "fix": row.element.fix})  # fmt: skip
            if row.lacking:
                who = ", ".join(printable(item, 60) for item in row.lacking[:4]) + (
                    ", …" if len(row.lacking) > 4 else ""
                )
                lines.append(f"  missing  {row.element.id}  {row.element.title}: {who}")
                lines += [f"             {row.element.fix}"] if row.element.fix else []
        results.append({"profile": name, "title": result.title, "source": result.source, "percent": result.percent,
                        "whole": result.whole, "elements": rows})  # fmt: skip
    write(form, output, {"schema": "secpipe.sbom-score/1", "results": results}, lines[1:])
    return EXIT_DENY if minimum is not None and worst < minimum else EXIT_PASS


@click.command()
@click.argument("bom")
@click.argument("path", type=click.Path(exists=True))
@output_options()
def verify(bom: str, path: str, formats: tuple[str, ...], output: str | None) -> int:
    """Compare BOM with the files under PATH: changed, renamed, missing, added, and all that is derived of them
    (licences, parameters, cards, pedigree, hashes, the set of packages, services). Exit 1 on any difference, 3 if the
    BOM names no file that could be compared. What no file can prove is said to be asserted.

    The BOM itself may lie under PATH; it is left out.
    """
    from datetime import UTC, datetime

    from secpipe.api.inventories import Asked, inside, inventory_of
    from secpipe.core import findings
    from secpipe.core.evidence import Evidence, State
    from secpipe.sbom.drift import drift
    from secpipe.sbom.query import select
    from secpipe.system.clock import SystemClock

    document = read_bom(bom)
    services = bool(document.get("services") or select(document, "metadata.properties[name=secpipe:services]"))
    asked = Asked(services=services, own=inside(bom, (path,)))
    inventory, tree = inventory_of(path, datetime.now(UTC), asked)
    result = drift(document, tree, inventory)
    reason = "" if result.compared else "the SBOM names no file that could be compared"
    evidence = Evidence(
        "sbom-verify", State.OK if result.compared else State.SKIPPED, reason,
        findings=tuple(result.findings), skips=tuple(inventory.skipped), producer="secpipe",
        facts={"files": result.compared, "packages": result.libraries, "asserted": list(result.asserted)},
    )  # fmt: skip
    emit_document(findings.document(evidence, "sbom verify", SystemClock().now()), formats, output)
    for claim in result.asserted[:20]:
        tell(f"asserted, not proven: {printable(claim, 200)}")
    if len(result.asserted) > 20:
        tell(f"asserted, not proven: {len(result.asserted) - 20:,} more")
    if result.findings:
        return EXIT_DENY
    if not result.compared:
        tell(reason)
        return EXIT_UNDECIDED
    tell(f"{plural(result.compared, 'file')} and {plural(result.libraries, 'package')} as the SBOM says")
    return EXIT_PASS


def _tool() -> dict[str, str]:
    from secpipe.core.version import __version__

    return {"name": "secpipe", "version": __version__}
