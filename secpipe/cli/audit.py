"""`secpipe audit`: known vulnerabilities of a project's or an SBOM's packages, offline."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from secpipe.cli.options import at_option, clock_of, emit, output_options

if TYPE_CHECKING:
    from datetime import datetime

    from secpipe.core.evidence import Evidence
    from secpipe.core.inventory import Inventory


@click.command(short_help="Find known vulnerabilities in dependencies, offline.")
@click.argument("paths", nargs=-1, required=True, metavar="PATH|SBOM...")
@click.option("--advisories", metavar="PATH", help="Judge by this store, signed feed, or folder or zip of OSV records.")
@output_options()
@at_option
def audit(
    paths: tuple[str, ...], advisories: str | None, formats: Sequence[str], output: str | None, at: str | None
) -> int:
    """Find known vulnerabilities in the dependencies of projects and SBOMs (CycloneDX or SPDX, JSON).

    Works offline, on the local advisory store or the embedded snapshot. Exit codes: 0 none known, 1 found,
    3 could not decide (something was not looked at, or the data is of no use).
    """
    from secpipe.core.errors import EXIT_DENY, EXIT_PASS, EXIT_UNDECIDED
    from secpipe.core.evidence import State
    from secpipe.scan.vulnerabilities.audit import audit as judge
    from secpipe.scan.vulnerabilities.store import open_store

    now = clock_of(at).now()
    store = open_store(Path(advisories) if advisories else None, now=now)
    evidence = judge(inventory_of(paths), store, now=now)
    emit(document(evidence, now, simulated=at is not None), formats, output)
    if evidence.findings:
        return EXIT_DENY
    return EXIT_PASS if evidence.state is State.OK and not evidence.skips else EXIT_UNDECIDED


def inventory_of(paths: Sequence[str]) -> Inventory:
    """Return the packages of all paths: SBOM documents as they are, everything else through `sbom`."""
    from secpipe.core.inventory import Inventory
    from secpipe.core.limits import DEFAULT
    from secpipe.core.registry import load
    from secpipe.scan.vulnerabilities.bom import is_sbom, read_sbom
    from secpipe.system.files import open_regular, read_bytes
    from secpipe.system.tree import open_tree

    parts = []
    for path in paths:
        if Path(path).is_file():
            with open_regular(path) as file:
                head = file.read(4096)
            if is_sbom(head):
                parts.append(read_sbom(read_bytes(path, DEFAULT.document_bytes), Path(path).name))
                continue
        collect = load({"sbom": "secpipe.sbom.collect:collect"}, "sbom", "room")
        parts.append(collect(open_tree(path)))
    return Inventory(
        tuple(component for part in parts for component in part.components),
        tuple(relation for part in parts for relation in part.relations),
        tuple(skip for part in parts for skip in part.skipped),
    )


def document(evidence: Evidence, now: datetime, *, simulated: bool) -> dict[str, object]:
    """Return the `secpipe.findings/1` document of an audit."""
    from secpipe import __version__
    from secpipe.scan.vulnerabilities.osv import instant

    return {
        "schema": "secpipe.findings/1",
        "tool": {"name": "secpipe", "version": __version__},
        "command": "audit",
        "at": instant(now),
        "simulated": simulated,
        "evidence": {
            "check": evidence.check,
            "state": str(evidence.state),
            "reason": evidence.reason,
            "producer": evidence.producer,
            "facts": dict(evidence.facts),
        },
        "findings": [finding.to_dict() for finding in evidence.findings],
        "skipped": [skip.to_dict() for skip in evidence.skips],
    }
