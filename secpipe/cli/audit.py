"""`secpipe audit`: known vulnerabilities of a project's or an SBOM's packages, offline."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from secpipe.cli.options import at_option, clock_of, emit, output_options, write_result
from secpipe.core.foreign import Sink

if TYPE_CHECKING:
    from secpipe.core.evidence import Evidence

SEVERITIES = ["info", "low", "medium", "high", "critical"]
SORTS = ["priority", "severity", "package"]


@click.command(short_help="Find known vulnerabilities in dependencies, offline.")
@click.argument("paths", nargs=-1, required=True, metavar="PATH|SBOM...")
@click.option("--advisories", metavar="PATH", help="Judge by this store, packed feed, or folder or zip of OSV records.")
@click.option("--offline", is_flag=True, help="Refuse whatever needs the network (the default needs none).")
@click.option(
    "--max-age", type=click.IntRange(0), metavar="DAYS", help="Data older than this decides nothing (exit 3)."
)
@click.option("--fail-on", type=click.Choice(SEVERITIES), help="Exit 1 from this severity on.")
@click.option("--vex", "vex_files", multiple=True, metavar="FILE", help="Apply OpenVEX or CycloneDX VEX; repeatable.")
@click.option(
    "--write-vex", metavar="FILE", help="Write the findings as OpenVEX (CycloneDX if FILE ends in .cdx.json)."
)
@click.option("--author", default="", help="Who answers for --write-vex.")
@click.option("--fix-plan", is_flag=True, help="Print the upgrades that clear the findings, nothing else.")
@click.option("--sort", type=click.Choice(SORTS), default="severity", show_default=True)
@click.option("--index", metavar="FILE", help="Names known to exist, one a line: others are reported.")
@click.option("--internal", multiple=True, metavar="GLOB", help="Names that must never come from a public index.")
@click.option("--second-opinion", type=click.Choice(["pypi", "osv"]), help="Ask pip-audit as well (network).")
@click.option("--osv-url", metavar="URL", default="", help="Which OSV service pip-audit asks.")
@click.option("--provenance", metavar="DIR", help="Verify the PEP 740 attestations of the wheels and sdists in DIR.")
@click.option(
    "--publisher", "publishers", multiple=True, metavar="NAME=URL", help="Which repository publishes a package."
)
@output_options()
@at_option
def audit(
    paths: tuple[str, ...],
    advisories: str | None,
    offline: bool,
    max_age: int | None,
    fail_on: str | None,
    vex_files: tuple[str, ...],
    write_vex: str | None,
    author: str,
    fix_plan: bool,
    sort: str,
    index: str | None,
    internal: tuple[str, ...],
    second_opinion: str | None,
    osv_url: str,
    provenance: str | None,
    publishers: tuple[str, ...],
    formats: Sequence[str],
    output: str | None,
    at: str | None,
) -> int:
    """Find known vulnerabilities in the dependencies of projects and SBOMs (CycloneDX or SPDX, JSON).

    Works offline, on the local advisory store or else the embedded snapshot. Exit codes: 0 nothing found, 1 a known
    vulnerability, a malicious package or a finding of at least medium severity, 3 could not decide: something was
    not looked at, or the data is of no use.
    """
    from secpipe.cli import audit_run as work
    from secpipe.core.errors import ConfigError
    from secpipe.scan.vulnerabilities.audit import Options
    from secpipe.scan.vulnerabilities.audit import audit as judge
    from secpipe.scan.vulnerabilities.local import open_store

    if offline and second_opinion:
        raise ConfigError("--second-opinion needs the network, and --offline refuses it")
    if write_vex and not author:
        raise ConfigError("a VEX document names who answers for it", hint="--author NAME")
    now = clock_of(at).now()
    store = open_store(Path(advisories) if advisories else None, now=now)
    inventory, imported = work.gather(paths)
    options = Options(imported, work.names_in(index) if index else None, internal)
    evidence = judge(inventory, store, now=now, vex=work.statements(vex_files), options=options)
    if second_opinion:
        evidence = work.ask(evidence, inventory, store, Path(paths[0]), second_opinion, osv_url, vex_files, now)
    if provenance or publishers:
        evidence = work.attested(evidence, inventory, provenance, publishers, Path(paths[0]))
    evidence = work.aged(work.ordered(evidence, sort), max_age, now)
    if write_vex:
        write_result(work.vex_document(evidence, write_vex, author, now), write_vex, Sink.JSON)
    if fix_plan:
        write_result(work.plan_text(evidence), output or "-")
    else:
        from secpipe.core import findings

        emit(findings.document(evidence, "audit", now, simulated=at is not None), formats, output)
    work.account(evidence, now)
    return exit_code(evidence, fail_on)


def exit_code(evidence: Evidence, fail_on: str | None) -> int:
    """Return 1 where something was found that counts, 3 where something was not decided, else 0."""
    from secpipe.core.errors import EXIT_DENY, EXIT_PASS, EXIT_UNDECIDED
    from secpipe.core.evidence import State
    from secpipe.core.finding import Severity
    from secpipe.scan.vulnerabilities.findings import MALICIOUS, VULNERABLE

    floor = Severity.parse(fail_on or "medium")
    counting = {VULNERABLE, MALICIOUS} if fail_on is None else set()
    if any(finding.rule in counting or finding.severity >= floor for finding in evidence.findings):
        return EXIT_DENY
    return EXIT_PASS if evidence.state is State.OK and not evidence.skips else EXIT_UNDECIDED
