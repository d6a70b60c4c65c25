"""The audit as a policy sees it: findings, facts, and everything that must not look clean."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from secpipe.core.evidence import State
from secpipe.core.finding import Severity
from secpipe.core.inventory import Component, Inventory, Relation, RelationKind
from secpipe.scan.vulnerabilities.audit import Options, audit
from secpipe.scan.vulnerabilities.local import open_store
from secpipe.scan.vulnerabilities.store import AdvisoryStore

V3 = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
V4 = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"
SPAN = ({"introduced": "0"}, {"fixed": "2.2.0"})
Make = Callable[..., Any]


def test_a_vulnerable_package_is_one_plain_sentence(
    record: Make, store_of: Make, inventory_of: Make, now: datetime
) -> None:
    store = store_of(
        record("GHSA-1", "torch", *SPAN, aliases=["CVE-2024-31583"], severity=[{"type": "CVSS_V3", "score": V3}]),
        record("PYSEC-1", "torch", *SPAN, aliases=["CVE-2024-31583", "GHSA-1"]),
    )
    evidence = audit(inventory_of(("torch", "2.0.0")), store, now=now)
    (finding,) = evidence.findings if len(evidence.findings) == 1 else [f for f in evidence.findings if f.severity > 1]
    assert finding.rule == "audit/known-vulnerability"
    assert finding.message == "torch 2.0.0 has a known vulnerability (CVE-2024-31583): fixed in 2.2.0"
    assert finding.fix == "upgrade torch to 2.2.0"
    assert finding.subject == "pkg:pypi/torch@2.0.0 CVE-2024-31583"
    assert finding.severity is Severity.CRITICAL
    details = finding.details
    assert details["aliases"] == ["GHSA-1", "PYSEC-1"]
    assert details["fixed"] == ["2.2.0"]
    assert details["cvss"] == 9.8
    assert details["vector"] == V3
    assert "model-loading" in details["tags"]
    assert evidence.state is State.OK
    assert evidence.facts["packages"] == 1
    assert evidence.facts["advisories"]["records"] == 2
    assert evidence.facts["advisories"]["date"] == "2026-11-01T00:00:00Z"
    json.dumps(dict(evidence.facts))


def test_a_careless_alias_does_not_join_two_vulnerabilities(
    record: Make, store_of: Make, inventory_of: Make, now: datetime
) -> None:
    store = store_of(
        record("PYSEC-1", "torch", *SPAN, aliases=["CVE-2021-1", "GHSA-q"]),
        record("PYSEC-2", "torch", *SPAN, aliases=["CVE-2021-2", "GHSA-q"]),
        record("GHSA-q", "torch", *SPAN, aliases=["CVE-2021-1"]),
        record("SNYK-9", "torch", *SPAN, aliases=["PYSEC-2"]),
    )
    found = audit(inventory_of(("torch", "2.0.0")), store, now=now).findings
    ids = {f.details["id"]: f.details["aliases"] for f in found if f.rule == "audit/known-vulnerability"}
    assert ids == {"CVE-2021-1": ["GHSA-q", "PYSEC-1"], "CVE-2021-2": ["GHSA-q", "PYSEC-2", "SNYK-9"]}


def test_what_is_fixed_or_withdrawn_is_not_found(
    record: Make, store_of: Make, inventory_of: Make, now: datetime
) -> None:
    store = store_of(
        record("GHSA-1", "torch", *SPAN),
        record("GHSA-2", "torch", {"introduced": "0"}, withdrawn="2026-10-01T00:00:00Z"),
        record("GHSA-3", "torchvision", {"introduced": "0"}),
        record("GHSA-4", "torch", {"introduced": "0"}, ecosystem="npm"),
    )
    evidence = audit(inventory_of(("torch", "2.2.0")), store, now=now)
    assert [f for f in evidence.findings if f.rule == "audit/known-vulnerability"] == []
    assert evidence.state is State.OK
    assert evidence.skips == ()


@pytest.mark.parametrize(
    ("vectors", "level", "severity"),
    [
        ([V3], "", Severity.CRITICAL),
        ([V4], "", Severity.CRITICAL),
        (["CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N"], "", Severity.LOW),
        (["CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:L"], "", Severity.MEDIUM),
        (["AV:N/AC:L/Au:N/C:P/I:P/A:P"], "", Severity.HIGH),
        (["CVSS:3.1/AV:X"], "MODERATE", Severity.MEDIUM),
        (["CVSS:9.9/" + "A" * 400], "", Severity.HIGH),
        ([], "LOW", Severity.LOW),
        ([], "", Severity.HIGH),  # what nobody rated is not harmless
    ],
)
def test_severity(
    vectors: list[str], level: str, severity: Severity, record: Make, store_of: Make, inventory_of: Make, now: datetime
) -> None:
    rated = [{"type": "CVSS_V3", "score": vector} for vector in vectors]
    store = store_of(record("GHSA-1", "torch", *SPAN, severity=rated, database_specific={"severity": level}))
    finding = audit(inventory_of(("torch", "2.0.0")), store, now=now).findings[0]
    assert finding.severity is severity


def test_a_package_without_a_version_is_not_clean(
    record: Make, store_of: Make, inventory_of: Make, now: datetime
) -> None:
    evidence = audit(inventory_of(("numpy", "")), store_of(record("GHSA-1", "torch", *SPAN)), now=now)
    assert evidence.facts["packages"] == 0
    assert evidence.facts["unjudged"] == 1
    assert "numpy" in evidence.skips[0].reason
    assert [finding.rule for finding in evidence.findings] == ["audit/unpinned"]


def test_a_malicious_name_needs_no_version(record: Make, store_of: Make, inventory_of: Make, now: datetime) -> None:
    store = store_of(record("MAL-2026-9", "torchtritoon", {"introduced": "0"}))
    found = audit(inventory_of(("torchtritoon", "")), store, now=now).findings
    assert found[0].rule == "audit/malicious-package"
    assert found[0].severity is Severity.CRITICAL


def test_an_ecosystem_without_a_feed_is_not_clean(record: Make, store_of: Make, library: Make, now: datetime) -> None:
    inventory = Inventory((library("left-pad", "1.0.0", ecosystem="npm"),))
    evidence = audit(inventory, store_of(record("GHSA-1", "torch", *SPAN)), now=now)
    assert evidence.facts["packages"] == 0
    assert "npm" in evidence.skips[0].reason


def test_a_library_from_nowhere_is_not_clean(record: Make, store_of: Make, library: Make, now: datetime) -> None:
    strange = replace(library("thing", "1.0"), ecosystem="", purl="", ref="library:abc")
    evidence = audit(Inventory((strange,)), store_of(record("GHSA-1", "torch", *SPAN)), now=now)
    assert "thing" in evidence.skips[0].reason


def test_an_unjudgeable_advisory_is_said(record: Make, store_of: Make, inventory_of: Make, now: datetime) -> None:
    store = store_of(record("GHSA-1", "torch", {"introduced": "0"}, {"fixed": "main"}))
    (finding,) = [f for f in audit(inventory_of(("torch", "2.0")), store, now=now).findings if "GHSA" in f.message]
    assert finding.rule == "audit/unclear-advisory"


def test_what_the_inventory_skipped_stays_skipped(record: Make, store_of: Make, now: datetime) -> None:
    from secpipe.core.artifact import Skip

    evidence = audit(Inventory(skipped=(Skip("uv.lock", "damaged"),)), store_of(record("A-1", "torch", *SPAN)), now=now)
    assert [skip.path for skip in evidence.skips] == ["uv.lock"]


def test_data_from_the_future_decides_nothing(record: Make, tmp_path: Path, inventory_of: Make, now: datetime) -> None:
    (tmp_path / "f.json").write_text(json.dumps(record("GHSA-1", "torch", *SPAN)))
    store = open_store(tmp_path / "f.json", now=now)
    evidence = audit(inventory_of(("torch", "2.0.0")), store, now=now - timedelta(days=300))
    assert evidence.state is State.SKIPPED
    assert "future" in evidence.reason
    assert evidence.findings  # what was found is still said
    only_future = {**record("GHSA-1", "torch", *SPAN), "modified": "2099-01-01T00:00:00Z"}
    (tmp_path / "g.json").write_text(json.dumps(only_future))
    evidence = audit(inventory_of(("torch", "2.0.0")), open_store(tmp_path / "g.json", now=now), now=now)
    assert evidence.state is State.SKIPPED


def test_records_that_could_not_be_read_leave_the_evidence_incomplete(
    record: Make, store_of: Make, inventory_of: Make, now: datetime
) -> None:
    evidence = audit(inventory_of(("numpy", "1.0")), store_of(record("A-1", "torch", *SPAN), {"id": 5}), now=now)
    assert any("could not be read" in skip.reason for skip in evidence.skips)


def test_a_purl_that_says_something_else_hides_nothing(
    record: Make, store_of: Make, library: Make, now: datetime
) -> None:
    store = store_of(record("GHSA-1", "torch", *SPAN))
    for part in (
        library("torch", "9.9", purl="pkg:pypi/torch@2.0.0"),
        library("torch", "2.0.0", purl="pkg:pypi/torch@9.9"),
        library("torch", "2.0.0", purl="pkg:pypi/harmless@2.0.0"),
        library("harmless", "2.0.0", purl="pkg:pypi/torch@2.0.0"),
    ):
        found = audit(Inventory((part,)), store, now=now).findings
        assert "audit/known-vulnerability" in {finding.rule for finding in found}, part.purl


def test_direct_or_through_whom(record: Make, store_of: Make, library: Make, now: datetime) -> None:
    parts = [library("app", "1"), library("mid", "1", direct=False), library("torch", "2.0.0", direct=False)]
    edges = [(0, 1), (1, 2), (2, 0)]  # a circle must not hang
    relations = tuple(Relation(parts[a].ref, RelationKind.DEPENDS_ON, parts[b].ref) for a, b in edges)
    store = store_of(record("GHSA-1", "torch", *SPAN))
    evidence = audit(Inventory(tuple(parts), relations), store, now=now)
    finding = next(f for f in evidence.findings if f.rule == "audit/known-vulnerability")
    assert finding.details["path_in_graph"] == ["app", "mid", "torch"]
    assert finding.details["direct"] is False
    assert evidence.facts["plan"][0]["via"] == ["app", "mid", "torch"]


def test_imported_packages_come_first(record: Make, store_of: Make, inventory_of: Make, now: datetime) -> None:
    store = store_of(record("GHSA-1", "pillow", *SPAN), record("GHSA-2", "pyyaml", *SPAN))
    inventory = inventory_of(("pillow", "1.0"), ("pyyaml", "1.0"))
    found = audit(inventory, store, now=now, options=Options(imported=frozenset({"PIL"}))).findings
    facts = {f.details["package"]: f.details for f in found if f.rule == "audit/known-vulnerability"}
    assert facts["pillow"]["imported"] is True
    assert facts["pyyaml"]["imported"] is False
    assert audit(inventory, store, now=now).findings[0].details["imported"] is None


def test_hostile_names_do_not_reach_a_terminal(record: Make, store_of: Make, library: Make, now: datetime) -> None:
    nasty = "torch\x1b[2J\u202e"
    store = store_of(record("GHSA-1", nasty, *SPAN))
    found = audit(Inventory((library(nasty, "1.0"),)), store, now=now).findings
    text = json.dumps([finding.to_dict() for finding in found], ensure_ascii=False)
    assert found
    assert "\x1b" not in json.loads(text)[0]["message"]


def test_the_embedded_snapshot_judges_a_fresh_install(inventory_of: Make, now: datetime) -> None:
    store = open_store()
    assert store.about["source"] == "embedded snapshot"
    evidence = audit(inventory_of(("torch", "2.0.0+cu118"), ("transformers", "4.30.0")), store, now=now)
    hit = {finding.details["package"] for finding in evidence.findings if finding.severity >= Severity.HIGH}
    assert hit == {"torch", "transformers"}
    assert evidence.facts["advisories"]["date"].startswith("2026-07-23")
    old = audit(inventory_of(("left-over-name", "1.0")), store, now=now)
    assert old.facts["advisories"]["date"].startswith("2024-10-10")  # the older feed was needed here


def test_pip_settings_of_components_keep_their_place(
    record: Make, store_of: Make, library: Callable[..., Component], now: datetime
) -> None:
    part = library("torch", "2.0.0", path="sub/requirements.txt", line=7)
    finding = audit(Inventory((part,)), store_of(record("GHSA-1", "torch", *SPAN)), now=now).findings[0]
    assert (finding.path, finding.line) == ("sub/requirements.txt", 7)


def test_a_store_that_breaks_underway_is_a_skip(
    record: Make, store_of: Make, inventory_of: Make, now: datetime
) -> None:
    good: AdvisoryStore = store_of(record("GHSA-1", "torch", *SPAN))

    class Broken:
        def find(self, ecosystem: str, name: str) -> list[str]:
            return ['["half a row"']

        def exploitation(self, cve: str) -> tuple[str, float | None]:
            return "", None

        def names(self, ecosystem: str) -> frozenset[str]:
            return frozenset()

    store = AdvisoryStore("x", good.feeds, Broken(), digest="", records=1)
    evidence = audit(inventory_of(("torch", "2.0")), store, now=now)
    assert evidence.state is State.SKIPPED
    assert "damaged" in evidence.reason
