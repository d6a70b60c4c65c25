"""VEX: what answers a finding, what does not, and that nothing answered is lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from secpipe.core.errors import InputError
from secpipe.core.evidence import Evidence
from secpipe.core.finding import Severity
from secpipe.core.shape import Table
from secpipe.core.times import rfc3339
from secpipe.report import vex as writers
from secpipe.sbom.validate import validate
from secpipe.scan.vulnerabilities.audit import audit
from secpipe.scan.vulnerabilities.vex import read_vex

Make = Callable[..., Any]
SPAN = ({"introduced": "0"}, {"fixed": "2.2.0"})
STATEMENT: dict[str, Any] = {
    "vulnerability": {"name": "CVE-2024-31583"},
    "products": [{"@id": "pkg:pypi/torch@2.0.0"}],
    "status": "not_affected",
    "justification": "vulnerable_code_not_in_execute_path",
    "expires": "2027-01-01T00:00:00Z",
}


def openvex(*changes: dict[str, Any], **head: Any) -> bytes:
    statements = [{k: v for k, v in {**STATEMENT, **change}.items() if v is not None} for change in changes or ({},)]
    top = {"@context": "https://openvex.dev/ns/v0.2.0", "author": "alice@acme", "timestamp": "2026-10-01T00:00:00Z"}
    return json.dumps({**top, "statements": statements, **head}).encode()


@pytest.fixture
def judge(record: Make, store_of: Make, inventory_of: Make, now: datetime) -> Make:
    """Audit torch 2.0.0, which has one vulnerability, under VEX documents."""

    def run(*documents: bytes, at: datetime = now, identity: str = "GHSA-1") -> Evidence:
        store = store_of(record(identity, "torch", *SPAN, aliases=["CVE-2024-31583"]))
        statements = [item for data in documents for item in read_vex(data, "vex.json")]
        return audit(inventory_of(("torch", "2.0.0")), store, now=at, vex=statements)

    return run


def rules(evidence: Evidence) -> set[str]:
    return {finding.rule for finding in evidence.findings} - {"audit/no-hash"}


def test_an_answered_finding_is_kept_listed_and_counted(judge: Make) -> None:
    evidence = judge(openvex())
    assert rules(evidence) == {"audit/suppressed"}
    (finding,) = [f for f in evidence.findings if f.rule == "audit/suppressed"]
    assert finding.severity is Severity.INFO
    assert finding.details["vex"]["author"] == "alice@acme"
    assert finding.details["vex"]["expires"] == "2027-01-01T00:00:00Z"
    assert evidence.facts["suppressed"] == 1
    assert evidence.facts["plan"] == []


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"justification": None}, "justification"),
        ({"justification": "  "}, "justification"),
        ({"expires": None}, "expiry"),
        ({"expires": "2026-11-21T12:00:00Z"}, "expired"),
        ({"expires": "never"}, "expiry"),
        ({"timestamp": "2026-12-01T00:00:00Z"}, "future"),
        ({"products": []}, "product"),
        ({"products": [{"@id": "acme-chat"}]}, "product"),
    ],
)
def test_a_statement_that_lacks_something_does_not_count_and_is_said(
    change: dict[str, Any], word: str, judge: Make
) -> None:
    evidence = judge(openvex(change))
    assert rules(evidence) == {"audit/known-vulnerability"}
    assert word in evidence.facts["vex_refused"][0]


def test_a_statement_without_an_author_does_not_count(judge: Make) -> None:
    assert rules(judge(openvex(author=""))) == {"audit/known-vulnerability"}


@pytest.mark.parametrize(
    "change",
    [
        {"status": "affected"},
        {"status": "under_investigation"},
        {"vulnerability": {"name": "CVE-2024-99999"}},
        {"vulnerability": {"name": ""}},
        {"products": [{"@id": "pkg:pypi/torch@2.0.1"}]},
        {"products": [{"@id": "pkg:npm/torch@2.0.0"}]},
        {"products": [{"@id": "pkg:pypi/torchvision@2.0.0"}]},
        {"products": [{"@id": "pkg:pypi/acme@1", "subcomponents": [{"@id": "pkg:pypi/torch@9"}]}]},
    ],
)
def test_a_statement_about_something_else_answers_nothing(change: dict[str, Any], judge: Make) -> None:
    assert rules(judge(openvex(change))) == {"audit/known-vulnerability"}


@pytest.mark.parametrize(
    "change",
    [
        {"products": [{"@id": "pkg:pypi/torch"}]},
        {"products": [{"@id": "pkg:pypi/acme@1", "subcomponents": [{"@id": "pkg:pypi/torch@2.0.0"}]}]},
        {"products": [{"@id": "x", "identifiers": {"purl": "pkg:pypi/Torch@2.0.0?arch=any#sub"}}]},
        {"vulnerability": {"name": "OTHER-1", "aliases": ["GHSA-1"]}},
        {"status": "fixed", "justification": None, "status_notes": "patched in our build"},
        {"justification": None, "impact_statement": "the loader is never reached"},
        {"expires": "2026-11-22"},
    ],
)
def test_these_answer(change: dict[str, Any], judge: Make) -> None:
    assert rules(judge(openvex(change))) == {"audit/suppressed"}


def test_a_malicious_package_cannot_be_answered(judge: Make) -> None:
    change = {"vulnerability": {"name": "MAL-2026-1"}}
    assert rules(judge(openvex(change), openvex(), identity="MAL-2026-1")) == {"audit/malicious-package"}


def cyclonedx(**analysis: Any) -> bytes:
    return json.dumps(
        {
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "metadata": {"authors": [{"name": "bob"}], "timestamp": "2026-10-01T00:00:00Z"},
            "components": [{"type": "library", "name": "torch", "bom-ref": "t", "purl": "pkg:pypi/torch@2.0.0"}],
            "vulnerabilities": [
                {
                    "id": "CVE-2024-31583",
                    "affects": [{"ref": "urn:cdx:3e671687-395b-41f5-a30f-a58921a69b79/1#t"}],
                    "analysis": {"state": "not_affected", "justification": "code_not_reachable", **analysis},
                    "properties": [{"name": "secpipe:expires", "value": "2027-01-01T00:00:00Z"}],
                }
            ],
        }
    ).encode()


def test_cyclonedx_answers_too(judge: Make) -> None:
    assert rules(judge(cyclonedx())) == {"audit/suppressed"}
    assert rules(judge(cyclonedx(state="exploitable"))) == {"audit/known-vulnerability"}
    assert rules(judge(cyclonedx(justification=""))) == {"audit/known-vulnerability"}


ROOT = Path(__file__).resolve().parents[4]
OPENVEX = Draft202012Validator(
    json.loads((ROOT / "tests/data/schemas/openvex-0.2.0.json").read_text()),
    format_checker=Draft202012Validator.FORMAT_CHECKER,
)


def held(text: str) -> str:
    """The document, valid by the schema of its standard."""
    if "openvex.dev" in text:
        OPENVEX.validate(json.loads(text))
    else:
        assert validate(text.encode()) == ()
    return text


@pytest.mark.parametrize("form", [writers.openvex, writers.cyclonedx])
def test_what_is_written_can_be_read_again(form: Make, judge: Make, now: datetime) -> None:
    def write(findings: Any, author: str, at: datetime) -> str:
        return held(form([Table(one.to_dict()) for one in findings], author, rfc3339(at)))

    text = write(judge(openvex()).findings, "carol", now).encode()
    assert rules(judge(text)) == {"audit/suppressed"}
    open_text = write(judge().findings, "carol", now).encode()
    assert rules(judge(open_text)) == {"audit/known-vulnerability"}  # saying "affected" answers nothing
    assert write(judge().findings, "carol", now) == write(judge().findings, "carol", now)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b'{"@context": 5}',
        b'{"@context":"https://openvex.dev/ns","statements":[],"statements":[]}',
        b"\xff",
    ],
)
def test_what_is_no_vex_document_is_refused(data: bytes) -> None:
    with pytest.raises(InputError):
        read_vex(data, "vex.json")


@pytest.mark.parametrize("junk", [5, None, "x", [], {}, [[]], [5], [{"@id": 5}], {"a": {}}])
@pytest.mark.parametrize("key", list(STATEMENT))
def test_junk_in_a_statement_answers_nothing(key: str, junk: Any, judge: Make) -> None:
    assert rules(judge(openvex({key: junk}))) == {"audit/known-vulnerability"}


CSAF = {
    "document": {"csaf_version": "2.0", "category": "csaf_vex", "publisher": {"name": "Acme PSIRT"},
                 "tracking": {"current_release_date": "2026-11-01T00:00:00Z"},
                 "notes": [{"category": "other", "title": "secpipe:expires", "text": "2027-01-01T00:00:00Z"}]},
    "product_tree": {"branches": [{"branches": [{"product": {"product_id": "P1", "name": "jinja2",
                     "product_identification_helper": {"purl": "pkg:pypi/jinja2@3.1.4"}}}]}]},
    "vulnerabilities": [{"cve": "CVE-2024-56326", "product_status": {"known_not_affected": ["P1"]},
                         "flags": [{"label": "vulnerable_code_not_in_execute_path", "product_ids": ["P1"]}]}],
}  # fmt: skip


def test_csaf_answers_what_it_says_is_not_affected() -> None:
    (one,) = read_vex(json.dumps(CSAF).encode(), "csaf.json")
    assert (one.status, one.justification, one.author, one.products, one.names) == (
        "not_affected", "vulnerable_code_not_in_execute_path", "Acme PSIRT", ("pkg:pypi/jinja2@3.1.4",),
        frozenset({"CVE-2024-56326"}),
    )  # fmt: skip
    assert one.refusal(datetime(2026, 11, 21, tzinfo=UTC)) == ""
    assert "expired" in one.refusal(datetime(2027, 2, 1, tzinfo=UTC))


def test_csaf_without_a_last_day_or_for_a_product_without_a_purl_answers_nothing() -> None:
    bare = json.loads(json.dumps(CSAF))
    bare["document"]["notes"] = []
    assert "expiry" in read_vex(json.dumps(bare).encode(), "x")[0].refusal(datetime(2026, 11, 21, tzinfo=UTC))
    other = json.loads(json.dumps(CSAF))
    other["product_tree"] = {}
    assert "product" in read_vex(json.dumps(other).encode(), "x")[0].refusal(datetime(2026, 11, 21, tzinfo=UTC))
