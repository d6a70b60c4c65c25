"""`secpipe audit`: known vulnerabilities of a project's or an SBOM's packages, offline."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from secpipe.cli.options import at_option, clock_of, emit, output_options, tell, write_result
from secpipe.core.foreign import Sink

if TYPE_CHECKING:
    from datetime import datetime

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
@click.option(
    "--scope",
    type=click.Choice(["all", "prod"]),
    default="all",
    show_default=True,
    help="prod: without what only development needs.",
)
@click.option("--sort", type=click.Choice(SORTS), default="severity", show_default=True, help="What comes first.")
@click.option("--index", metavar="FILE", help="Names known to exist, one a line: others are reported.")
@click.option("--internal", multiple=True, metavar="GLOB", help="Names that must never come from a public index.")
@click.option("--second-opinion", type=click.Choice(["pypi", "osv"]), help="Ask pip-audit as well (network).")
@click.option("--osv-url", metavar="URL", default="", help="Which OSV service pip-audit asks.")
@click.option(
    "--provenance", metavar="FOLDER", help="Verify the PEP 740 attestations of the wheels and sdists in FOLDER."
)
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
    scope: str,
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
    from secpipe.api import auditing as work
    from secpipe.core.errors import ConfigError
    from secpipe.core.text import plural

    if offline and second_opinion:
        raise ConfigError("--second-opinion needs the network, and --offline refuses it")
    if write_vex and not author:
        raise ConfigError("a VEX document names who answers for it", hint="--author NAME")
    now = clock_of(at).now()
    found = work.audited(
        paths, now, advisories=advisories, vex_files=vex_files, index=index, internal=internal, scope=scope
    )  # fmt: skip
    if found.left_out:
        tell(f"{plural(found.left_out, 'package')} that only development needs left out")
    evidence = found.evidence
    if second_opinion:
        first = Path(paths[0])
        evidence = work.ask(evidence, found.inventory, found.store, first, second_opinion, osv_url, vex_files, now)
    if provenance or publishers:
        evidence = work.attested(evidence, found.inventory, provenance, publishers, Path(paths[0]))
    evidence = work.aged(work.ordered(evidence, sort), max_age, now)
    answer = work.answer(evidence, now, simulated=at is not None, fail_on=fail_on)
    if write_vex:
        write_result(work.vex_document(evidence, write_vex, author, now), write_vex, Sink.JSON)
    if fix_plan:
        write_result(work.plan_text(evidence), output or "-")
    else:
        emit(answer.to_dict(), formats, output)
    account(evidence, now)
    return answer.exit_code


def account(evidence: Evidence, now: datetime) -> None:
    """Say on stderr what was judged by which data, and how old that is."""
    from secpipe.core.evidence import State
    from secpipe.core.text import plural
    from secpipe.system.clock import parse_time

    about = evidence.facts["advisories"]
    age = f", {plural((now - parse_time(about['date'])).days, 'day')} old" if about["date"] else ""
    words = [f"judged {plural(evidence.facts['packages'], 'package')} by {about['source']}"]
    words += [f"of {about['date'][:10]}{age}", f"({plural(about['records'], 'record')})"]
    tell(" ".join(words))
    if about["note"]:
        tell(f"note: {about['note']}")
    for reason in evidence.facts.get("vex_refused", []):
        tell(f"note: {reason}")
    if evidence.state is not State.OK:
        tell(f"not decided: {evidence.reason}")
    for skip in evidence.skips[:20]:
        tell(f"not looked at: {skip.path + ': ' if skip.path else ''}{skip.reason}")
