"""pip-audit as a second opinion: run as a process, on generated `name==version` lines only, its answer merged by alias.

Always `--no-deps --disable-pip`: with a plain requirements file it would build, and so execute, what it audits.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from secpipe.core.artifact import Skip
from secpipe.core.documents import parse_json
from secpipe.core.errors import InputError, SecpipeError
from secpipe.core.evidence import Evidence, State, skipped
from secpipe.core.finding import Finding, sort_key
from secpipe.core.inventory import Inventory
from secpipe.core.text import plural, printable
from secpipe.formats.packages import versions
from secpipe.formats.packages.ecosystems import normal_name
from secpipe.scan.vulnerabilities import findings, match
from secpipe.scan.vulnerabilities.graph import Graph
from secpipe.scan.vulnerabilities.match import Hit, Package
from secpipe.scan.vulnerabilities.osv import Advisory
from secpipe.scan.vulnerabilities.store import AdvisoryStore
from secpipe.scan.vulnerabilities.vex import SUPPRESSED
from secpipe.system import files, places, process

CHECK = "audit"
SERVICES = ("pypi", "osv")
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,200}[A-Za-z0-9])?")
_VERSION = re.compile(r"[A-Za-z0-9.!+_-]{1,128}")


def second_opinion(
    inventory: Inventory,
    store: AdvisoryStore,
    *,
    tree: str | os.PathLike[str],
    service: str = "pypi",
    osv_url: str = "",
) -> Evidence:
    """Return what pip-audit finds in the PyPI packages of `inventory`; needs the network.

    `tree` is the folder under test: no program inside it is started. `store` only supplies KEV and EPSS facts. Its
    absence, its failure, a package it skips and a package it does not answer for are all evidence that nothing is
    known, never a clean result.
    """
    packages = {
        (package.name, package.version): package
        for package in match.packages(inventory)
        if package.ecosystem == "PyPI" and package.version
    }
    sendable = {key: package for key, package in packages.items() if _sendable(package)}
    skips = [
        Skip(package.component.path, f"{package.name} {package.version} cannot be asked of pip-audit")
        for key, package in packages.items()
        if key not in sendable
    ]
    if not sendable:
        return Evidence(CHECK, State.OK, skips=tuple(skips), facts={"packages": 0}, producer="pip-audit")
    results: dict[tuple[str, str], tuple[list[Hit], str]] = {}
    try:
        for batch in _batches(sendable):
            results |= _results(_run(batch.values(), tree, service, osv_url), batch)
    except SecpipeError as error:
        return skipped(CHECK, f"no second opinion: {error.message}", producer="pip-audit")
    graph = Graph(inventory)
    found = []
    for key, (hits, reason) in results.items():
        if reason:
            skips.append(Skip(sendable[key].component.path, f"pip-audit skipped {key[0]}: {reason}"))
        found += [findings.of_hit(hit, store, graph) for hit in hits]
    facts = {"packages": len(results), "service": service}
    return Evidence(CHECK, State.OK, "", None, tuple(sorted(found, key=sort_key)), tuple(skips), facts, "pip-audit")


def merge(first: Evidence, second: Evidence) -> Evidence:
    """Return `first` with what only `second` found; the same vulnerability under another id is not listed twice."""
    if second.state is not State.OK:
        return replace(first, skips=(*first.skips, Skip("", second.reason)))
    known: dict[tuple[str, str], set[str]] = {}
    for finding in first.findings:
        if finding.rule in {findings.VULNERABLE, findings.MALICIOUS, SUPPRESSED}:
            known.setdefault(_package(finding), set()).update(_names(finding))
    fresh = [finding for finding in second.findings if known.get(_package(finding), set()).isdisjoint(_names(finding))]
    fresh = [replace(finding, details={**finding.details, "source": "pip-audit"}) for finding in fresh]
    return replace(
        first,
        findings=tuple(sorted((*first.findings, *fresh), key=sort_key)),
        skips=(*first.skips, *second.skips),
        facts={**first.facts, "second_opinion": {**second.facts, "only_there": len(fresh)}},
        producer=f"{first.producer}; {second.producer}",
    )


def _package(finding: Finding) -> tuple[str, str]:
    return finding.details["package"], finding.details["version"]


def _names(finding: Finding) -> set[str]:
    return {finding.details["id"], *finding.details["aliases"]}


def _sendable(package: Package) -> bool:
    """Whether the package makes exactly one `name==version` line; anything else could be an option or a URL."""
    fits = _NAME.fullmatch(package.name) and _VERSION.fullmatch(package.version)
    return bool(fits) and versions.key("PyPI", package.version) is not None


def _batches(packages: dict[tuple[str, str], Package]) -> list[dict[tuple[str, str], Package]]:
    """Split so that no name stands twice in one requirements file, which pip-audit refuses."""
    batches: list[dict[tuple[str, str], Package]] = []
    count: dict[str, int] = {}
    for key, package in packages.items():
        place = count[key[0]] = count.get(key[0], -1) + 1
        if place == len(batches):
            batches.append({})
        batches[place][key] = package
    return batches


def _run(packages: Iterable[Package], tree: str | os.PathLike[str], service: str, osv_url: str) -> Any:
    """Return pip-audit's JSON; raises SecpipeError where it is absent, fails or prints no JSON."""
    if service not in SERVICES:
        raise InputError(f'unknown service "{printable(service, 40)}"', hint=f"one of {', '.join(SERVICES)}")
    program = process.find_program("pip-audit", outside=tree)
    if program is None:
        raise SecpipeError("pip-audit is not installed", hint="pip install 'secpipe[audit]'")
    lines = "".join(sorted(f"{package.name}=={package.version}\n" for package in packages))
    with tempfile.TemporaryDirectory(prefix="secpipe-audit-") as folder:
        requirements = Path(folder) / "requirements.txt"
        files.write_atomic(requirements, lines.encode())
        cache = places.cache_folder() / "pip-audit"
        files.make_folder(cache, mode=0o700)
        command = [program, "-r", str(requirements), "--no-deps", "--disable-pip", "-f", "json", "-s", service]
        command += ["--progress-spinner", "off", "--desc", "off", "--aliases", "on", "--cache-dir", str(cache)]
        command += ["--osv-url", osv_url] if osv_url else []
        result = process.run(command, cwd=folder)
    if result.truncated or result.code not in (0, 1):
        raise SecpipeError(f"pip-audit ended with exit code {result.code}: {_last(result.stderr)}")
    try:
        return parse_json(result.stdout, "the answer of pip-audit")
    except InputError as error:
        raise SecpipeError(f"{error.message} ({_last(result.stderr)})") from None


def _last(text: bytes) -> str:
    lines = text.decode("utf-8", "replace").strip().splitlines()
    return printable(lines[-1], 200) if lines else "it said nothing"


def _results(answer: Any, asked: dict[tuple[str, str], Package]) -> dict[tuple[str, str], tuple[list[Hit], str]]:
    """Return (hits, why it was skipped) by package; raises SecpipeError where an answer is missing or unreadable."""
    try:
        found: dict[tuple[str, str], tuple[list[Hit], str]] = {}
        for item in answer["dependencies"]:
            name = normal_name("PyPI", item["name"])
            if "skip_reason" in item:
                for key in asked:
                    if key[0] == name:
                        found[key] = ([], printable(str(item["skip_reason"]), 200))
                continue
            about = _match(name, item["version"], asked)
            if about is not None:
                found[about] = ([_hit(vuln, asked[about]) for vuln in item["vulns"]], "")
    except (KeyError, TypeError, AttributeError) as error:
        raise SecpipeError("the answer of pip-audit has an unknown shape") from error
    missing = sorted(f"{name} {version}" for name, version in asked.keys() - found.keys())
    if missing:
        raise SecpipeError(f"pip-audit did not answer for {plural(len(missing), 'package')}: {', '.join(missing[:5])}")
    return found


def _match(name: str, version: str, asked: dict[tuple[str, str], Package]) -> tuple[str, str] | None:
    """Return which package an answer is about: pip-audit writes versions in their normal form."""
    wanted = versions.key("PyPI", version)
    return next((key for key in asked if key[0] == name and versions.key("PyPI", key[1]) == wanted), None)


def _hit(vuln: dict[str, Any], package: Package) -> Hit:
    names = {str(vuln["id"]), *map(str, vuln["aliases"])}
    fixed = [str(text) for text in vuln["fix_versions"]]
    here = versions.key("PyPI", package.version)
    keyed: dict[str, Any] = {
        text: key for text in fixed if (key := versions.key("PyPI", text)) is not None and key > here
    }
    first = min(names, key=match.preference)
    advisory = Advisory(first, tuple(sorted(names - {first})))
    return Hit(package, first, advisory.aliases, (advisory,), tuple(sorted(keyed, key=lambda text: keyed[text])))
