"""`audit`: known vulnerabilities of dependencies, offline; and what the command adds to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from os import PathLike, fspath
from pathlib import Path

from secpipe.api.findings import is_complete
from secpipe.api.results import Findings, findings_of
from secpipe.core.errors import EXIT_DENY, EXIT_PASS, EXIT_UNDECIDED, ConfigError, InputError
from secpipe.core.evidence import Evidence, State
from secpipe.core.finding import Finding, Severity
from secpipe.core.findings import document
from secpipe.core.inventory import Inventory
from secpipe.core.limits import DEFAULT
from secpipe.core.text import plural, printable
from secpipe.formats.boms import packages as bom
from secpipe.formats.imports import imported_modules
from secpipe.formats.packages.ecosystems import normal_name
from secpipe.formats.packages.scopes import is_development
from secpipe.scan.vulnerabilities import vex as vex_documents
from secpipe.scan.vulnerabilities.audit import Options
from secpipe.scan.vulnerabilities.audit import audit as judge
from secpipe.scan.vulnerabilities.findings import MALICIOUS, VULNERABLE
from secpipe.scan.vulnerabilities.local import open_store
from secpipe.scan.vulnerabilities.plan import lines_of
from secpipe.scan.vulnerabilities.store import AdvisoryStore
from secpipe.scan.vulnerabilities.vex import Statement
from secpipe.system.clock import SystemClock, parse_time
from secpipe.system.files import read_bytes


@dataclass(frozen=True, slots=True)
class Audited:
    """What was found, in what, and by which data."""

    evidence: Evidence
    inventory: Inventory
    store: AdvisoryStore
    left_out: int = 0  # packages that only development needs


def audit(
    *paths: str | PathLike[str],
    advisories: str | PathLike[str] | None = None,
    max_age: int | None = None,
    fail_on: str | None = None,
    vex: Iterable[str | PathLike[str]] = (),
    index: str | PathLike[str] | None = None,
    internal: Iterable[str] = (),
    scope: str = "all",
    at: datetime | None = None,
) -> Findings:
    """Find known vulnerabilities of the packages of projects and SBOMs, offline, as `secpipe audit` does.

    `advisories` is a store, a packed feed or OSV records instead of the default data; `max_age` in days; `scope` "prod"
    leaves out what only development needs. Exit codes: 0 nothing found, 1 a known vulnerability, a malicious package or
    a finding of at least medium severity (`fail_on`: only from that severity on), 3 could not decide. Raises
    InputError, ConfigError.
    """
    now = at or SystemClock().now()
    found = audited(
        [fspath(path) for path in paths], now, advisories=None if advisories is None else fspath(advisories),
        vex_files=[fspath(file) for file in vex], index=None if index is None else fspath(index),
        internal=tuple(internal), scope=scope,
    )  # fmt: skip
    return answer(aged(found.evidence, max_age, now), now, simulated=at is not None, fail_on=fail_on)


def audited(
    paths: Sequence[str],
    now: datetime,
    *,
    advisories: str | None = None,
    vex_files: Sequence[str] = (),
    index: str | None = None,
    internal: tuple[str, ...] = (),
    scope: str = "all",
) -> Audited:
    """Look up the packages of all paths; with `scope` "prod" without those that only development needs."""
    store = open_store(Path(advisories) if advisories else None, now=now)
    inventory, imported = gather(paths)
    kept = tuple(one for one in inventory.components if scope == "all" or not is_development(one))
    left_out = len(inventory.components) - len(kept)
    inventory = replace(inventory, components=kept)
    options = Options(imported, names_in(index) if index else None, internal)
    evidence = judge(inventory, store, now=now, vex=statements(vex_files), options=options)
    return Audited(evidence, inventory, store, left_out)


def answer(evidence: Evidence, now: datetime, *, simulated: bool, fail_on: str | None) -> Findings:
    """Return the answer that the evidence of an audit is, counted from the severity `fail_on`."""
    floor = Severity.parse(fail_on or "medium")
    counting = {VULNERABLE, MALICIOUS} if fail_on is None else set()
    bad = any(finding.rule in counting or finding.severity >= floor for finding in evidence.findings)
    told = document(evidence, "audit", now, simulated=simulated)
    return findings_of(told, EXIT_DENY if bad else EXIT_PASS if is_complete(evidence) else EXIT_UNDECIDED)


def gather(paths: Sequence[str]) -> tuple[Inventory, frozenset[str] | None]:
    """Return the packages of all paths, and the modules that Python code in them imports (None: no code seen)."""
    parts: list[Inventory] = []
    imported: set[str] | None = None
    for path in paths:
        if Path(path).is_file() and bom.is_sbom(Path(path).name):
            parts.append(bom.read_sbom(read_bytes(path, DEFAULT.document_bytes), Path(path).name))
            continue
        from secpipe.sbom.collect import collect
        from secpipe.system.tree import open_tree

        tree = open_tree(path)
        parts.append(collect(tree))
        if any(entry.suffix in {".py", ".ipynb"} for entry in tree.files):
            imported = (imported or set()) | imported_modules(tree)
    if not any(part.components or part.skipped for part in parts):
        raise InputError("nothing here names a dependency", hint="give a folder with a lock file, or an SBOM")
    inventory = Inventory(
        tuple(component for part in parts for component in part.components),
        tuple(relation for part in parts for relation in part.relations),
        tuple(skip for part in parts for skip in part.skipped),
    )
    return inventory, None if imported is None else frozenset(imported)


def names_in(path: str) -> frozenset[str]:
    """Return the names in an index snapshot, one a line."""
    text = read_bytes(path, DEFAULT.document_bytes).decode("utf-8", "replace")
    names = [line.strip() for line in text.splitlines()]
    return frozenset(names) | frozenset(normal_name("PyPI", name) for name in names)


def statements(paths: Sequence[str]) -> list[Statement]:
    """Return the statements of VEX files named on the command line."""
    return [item for path in paths for item in vex_documents.read_vex(read_bytes(path, DEFAULT.document_bytes), path)]


def ask(
    evidence: Evidence,
    inventory: Inventory,
    store: AdvisoryStore,
    tree: Path,
    service: str,
    osv_url: str,
    vex_files: Sequence[str],
    now: datetime,
) -> Evidence:
    """Return the evidence with pip-audit's opinion merged in; VEX answers count for it too."""
    from secpipe.scan.vulnerabilities import pip_audit

    second = pip_audit.second_opinion(inventory, store, tree=_folder(tree), service=service, osv_url=osv_url)
    answered, _ = vex_documents.apply(second.findings, statements(vex_files), now)
    return pip_audit.merge(evidence, replace(second, findings=tuple(answered)))


def attested(
    evidence: Evidence, inventory: Inventory, folder: str | None, publishers: Sequence[str], tree: Path
) -> Evidence:
    """Return the evidence with what the attestations in `folder` prove; `publishers` are `NAME=URL`."""
    from secpipe.scan.vulnerabilities.provenance import with_provenance

    if folder is None:
        raise ConfigError("--publisher says who may sign, and nothing signed is given", hint="--provenance FOLDER")
    named = {}
    for text in publishers:
        name, equals, url = text.partition("=")
        if not (name and equals and url.startswith(("https://github.com/", "https://gitlab.com/"))):
            raise ConfigError(
                f'unusable --publisher "{printable(text, 100)}"', hint="NAME=https://github.com/OWNER/REPO"
            )
        named[normal_name("PyPI", name)] = url
    return with_provenance(evidence, inventory, folder, named, tree=_folder(tree))


def _folder(path: Path) -> Path:
    return path if path.is_dir() else path.resolve().parent


def ordered(evidence: Evidence, sort: str) -> Evidence:
    """Return the evidence with its findings in the order asked for; worst first is how it comes."""

    def by_priority(finding: Finding) -> int:
        return -int(finding.details.get("priority", 0))

    def by_package(finding: Finding) -> str:
        return str(finding.details.get("package") or finding.details.get("component", ""))

    if sort == "severity":
        return evidence
    key = {"priority": by_priority}.get(sort, by_package)
    return replace(evidence, findings=tuple(sorted(evidence.findings, key=key)))


def aged(evidence: Evidence, days: int | None, now: datetime) -> Evidence:
    """Return the evidence as `stale` where its data is older than `days`."""
    date = evidence.facts["advisories"]["date"]
    if days is None or evidence.state is not State.OK or parse_time(date) >= now - timedelta(days=days):
        return evidence
    reason = f"the advisory data is of {date[:10]}, older than {plural(days, 'day')}"
    return replace(evidence, state=State.STALE, reason=reason, since=parse_time(date) + timedelta(days=days))


def vex_document(evidence: Evidence, target: str, author: str, now: datetime) -> str:
    """Return the findings as OpenVEX, or as CycloneDX where the target's name says so."""
    from secpipe.core.shape import Table
    from secpipe.core.times import rfc3339
    from secpipe.report.vex import cyclonedx, openvex

    write = cyclonedx if target.endswith(".cdx.json") else openvex
    return write((Table(finding.to_dict()) for finding in evidence.findings), author, rfc3339(now))


def plan_text(evidence: Evidence) -> str:
    """Return the fix plan as lines."""
    found = lines_of(evidence.facts.get("plan", []))
    return "\n".join(found or ["nothing to upgrade"]) + "\n"
