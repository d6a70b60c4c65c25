"""Differential test: the same real records, asked of pip-audit over a loopback OSV service and judged by us.

The service matches by its own reading of the schema (a version listed, or inside a pair of events), written without our
code, so that agreement means something.
"""

from __future__ import annotations

import json
import random
import threading
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from packaging.version import InvalidVersion, Version

from secpipe.core.evidence import Evidence, State
from secpipe.core.finding import Finding
from secpipe.core.inventory import Component, ComponentKind, Inventory
from secpipe.formats.packages.ecosystems import normal_name
from secpipe.scan.vulnerabilities.audit import audit
from secpipe.scan.vulnerabilities.local import open_store
from secpipe.scan.vulnerabilities.pip_audit import merge, second_opinion
from secpipe.scan.vulnerabilities.store import AdvisoryStore
from secpipe.system.process import find_program
from tests import skips

VECTORS = skips.vectors()
PYPA, STACK = VECTORS / "osv" / "pypa-advisory-database-2024-10-10.zip", VECTORS / "osv" / "ghsa-ai-stack.json"
NOW = datetime(2026, 11, 21, tzinfo=UTC)

pytestmark = [
    pytest.mark.interop,
    skips.unless_possible(PYPA.exists(), "the shared vectors are not here"),
    skips.unless_installed(find_program("pip-audit", outside="/nonexistent"), "pip-audit is not installed"),
]


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECPIPE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SECPIPE_CACHE", str(tmp_path / "cache"))


def pypa_records() -> list[dict[str, Any]]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    with zipfile.ZipFile(PYPA) as archive:
        names = [name for name in archive.namelist() if name.endswith(".yaml")]
        return [yaml.load(archive.read(name), Loader=loader) for name in names]


def entries(record: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for affected in record["affected"]:
        if affected["package"]["ecosystem"] == "PyPI":
            yield normal_name("PyPI", affected["package"]["name"]), affected


def listed(affected: dict[str, Any], version: Version) -> bool:
    """The service's own reading of a record."""
    if any(text == str(version) or _same(text, version) for text in affected.get("versions", ())):
        return True
    spans = [span for span in affected.get("ranges", ()) if span["type"] == "ECOSYSTEM"]
    return any(_inside(span["events"], version) for span in spans)


def _same(text: str, version: Version) -> bool:
    try:
        return Version(text) == version
    except InvalidVersion:
        return False


def _inside(events: list[dict[str, str]], version: Version) -> bool:
    try:
        lows = [Version(event["introduced"]) for event in events if "introduced" in event]
        ends = [(Version(text), kind) for event in events for kind, text in event.items() if kind != "introduced"]
    except InvalidVersion:
        return False
    for low in lows:
        above = sorted(end for end in ends if end[0] >= low)
        if version >= low and (not above or version < above[0][0] or above[0] == (version, "last_affected")):
            return True
    return False


def _spelt(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Service:
    """POST /v1/query as osv.dev has it."""

    def __init__(self, records: list[dict[str, Any]]) -> None:
        index: dict[str, list[tuple[dict[str, Any], dict[str, Any]]]] = {}
        for record in records:
            for name, affected in entries(record):
                index.setdefault(name, []).append((record, affected))

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                version = Version(asked["version"])
                found = [record for record, item in index.get(asked["package"]["name"], ()) if listed(item, version)]
                for record in found:  # pip-audit compares spellings, osv.dev sends normal ones
                    for affected in record["affected"]:
                        affected["package"]["name"] = normal_name("PyPI", affected["package"]["name"])
                body = json.dumps({"vulns": found} if found else {}, default=_spelt).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1/query"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()


@pytest.fixture
def service() -> Iterator[Callable[[list[dict[str, Any]]], str]]:
    running: list[Service] = []

    def start(records: list[dict[str, Any]]) -> str:
        running.append(Service(records))
        return running[-1].url

    yield start
    for item in running:
        item.server.shutdown()
        item.server.server_close()


def pairs(records: list[dict[str, Any]], names: int, each: int, seed: int) -> list[tuple[str, str]]:
    """Return real name/version pairs: versions that records list, and the versions that mend them."""
    known: dict[str, set[str]] = {}
    for record in records:
        for name, affected in entries(record):
            texts = list(affected.get("versions", ()))
            spans = [span for span in affected.get("ranges", ()) if span["type"] == "ECOSYSTEM"]
            texts += [event["fixed"] for span in spans for event in span["events"] if "fixed" in event]
            known.setdefault(name, set()).update(text for text in texts if _same(text, _version(text)))
    draw = random.Random(seed)
    chosen = draw.sample(sorted(name for name in known if known[name]), names)
    return [(name, text) for name in chosen for text in draw.sample(sorted(known[name]), min(each, len(known[name])))]


def _version(text: str) -> Version:
    try:
        return Version(text)
    except InvalidVersion:
        return Version("0")


def inventory(found: list[tuple[str, str]]) -> Inventory:
    return Inventory(
        tuple(
            Component(f"pkg:pypi/{n}@{v}", ComponentKind.LIBRARY, n, v, f"pkg:pypi/{n}@{v}", "PyPI") for n, v in found
        )
    )


def by_package(evidence: Evidence) -> dict[tuple[str, str], list[frozenset[str]]]:
    found: dict[tuple[str, str], list[frozenset[str]]] = {}
    for finding in evidence.findings:
        if finding.rule in {"audit/known-vulnerability", "audit/malicious-package"}:
            key = (finding.details["package"], finding.details["version"])
            found.setdefault(key, []).append(frozenset({finding.details["id"], *finding.details["aliases"]}))
    return found


def differences(ours: Evidence, theirs: Evidence) -> tuple[list[Any], list[Any]]:
    """Return (only ours, only theirs), as (package, version, ids)."""
    mine, other = by_package(ours), by_package(theirs)
    extra = [(*key, sorted(ids)) for key, groups in mine.items() for ids in groups if not _met(ids, other.get(key, []))]
    lost = [(*key, sorted(ids)) for key, groups in other.items() for ids in groups if not _met(ids, mine.get(key, []))]
    return extra, lost


def _met(ids: frozenset[str], groups: list[frozenset[str]]) -> bool:
    return any(not ids.isdisjoint(group) for group in groups)


def run(
    store: AdvisoryStore, records: list[dict[str, Any]], found: list[tuple[str, str]], url: str, tmp_path: Path
) -> tuple[list[Any], list[Any], int]:
    packages = inventory(found)
    theirs = second_opinion(packages, store, tree=tmp_path, service="osv", osv_url=url)
    assert theirs.state is State.OK, theirs.reason
    assert theirs.skips == ()
    ours = audit(packages, store, now=NOW)
    return *differences(ours, theirs), sum(map(len, by_package(theirs).values()))


def test_three_hundred_pairs_of_the_pypa_database(service: Any, tmp_path: Path) -> None:
    records = pypa_records()
    found = pairs(records, 320, 1, seed=9)
    assert len(found) >= 300
    extra, lost, hits = run(open_store(PYPA, now=NOW), records, found, service(records), tmp_path)
    assert hits > 200
    assert lost == []
    assert extra == []


def test_the_ai_stack(service: Any, tmp_path: Path) -> None:
    records = json.loads(STACK.read_text())
    found = pairs(records, 55, 3, seed=2)
    extra, lost, hits = run(open_store(STACK, now=NOW), records, found, service(records), tmp_path)
    assert hits > 200
    assert lost == []
    odd = {record["id"] for record in records for _, item in entries(record) if _odd(item)}
    unexplained = [item for item in extra if odd.isdisjoint(item[2])]
    assert unexplained == []
    assert extra  # the explanation is needed: without it these vulnerabilities are missed


def _odd(affected: dict[str, Any]) -> bool:
    """Whether a bound is no version (`2.6.0-NA`): osv.dev orders it below everything and so matches nothing."""
    texts = [
        text
        for span in affected.get("ranges", ())
        if span["type"] != "GIT"
        for e in span["events"]
        for text in e.values()
    ]
    return any(text != "0" and not _same(text, _version(text)) for text in texts)


def test_results_are_merged_by_alias(service: Any, tmp_path: Path) -> None:
    records = json.loads(STACK.read_text())
    packages = inventory([("torch", "2.0.0")])
    store = open_store(STACK, now=NOW)
    ours = audit(packages, store, now=NOW)
    same = merge(ours, second_opinion(packages, store, tree=tmp_path, service="osv", osv_url=service(records)))
    assert len(same.findings) == len(ours.findings)
    fresh = {
        "id": "GHSA-new", "modified": "2026-11-20T00:00:00Z",
        "affected": [{"package": {"ecosystem": "PyPI", "name": "torch"}, "versions": ["2.0.0"]}],
    }  # fmt: skip
    more = merge(
        ours, second_opinion(packages, store, tree=tmp_path, service="osv", osv_url=service([*records, fresh]))
    )
    added: list[Finding] = [finding for finding in more.findings if finding.details.get("source") == "pip-audit"]
    assert [finding.details["id"] for finding in added] == ["GHSA-new"]


def test_no_service_is_a_value_and_not_a_clean_result(tmp_path: Path) -> None:
    packages = inventory([("torch", "2.0.0")])
    store = open_store()
    lost = second_opinion(packages, store, tree=tmp_path, service="osv", osv_url="http://127.0.0.1:9/v1/query")
    assert lost.state is State.SKIPPED
    merged = merge(audit(packages, store, now=NOW), lost)
    assert any("second opinion" in skip.reason for skip in merged.skips)
