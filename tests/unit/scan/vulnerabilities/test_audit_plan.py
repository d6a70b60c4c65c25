"""The fix plan: the smallest version that clears everything, and never one that is affected itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from secpipe.scan.vulnerabilities.audit import audit
from secpipe.scan.vulnerabilities.plan import lines_of

Make = Callable[..., Any]


def zero(*events: tuple[str, str]) -> list[dict[str, str]]:
    return [{"introduced": "0"}, *({kind: text} for kind, text in events)]


def test_one_upgrade_clears_all_and_leads_into_nothing_new(
    record: Make, store_of: Make, inventory_of: Make, now: datetime
) -> None:
    store = store_of(
        record("GHSA-1", "torch", *zero(("fixed", "1.9"))),
        record("GHSA-2", "torch", *zero(("fixed", "1.10"))),
        record("GHSA-3", "torch", {"introduced": "1.10"}, {"fixed": "1.11"}),  # not in 1.0, but in 1.10
    )
    evidence = audit(inventory_of(("torch", "1.0")), store, now=now)
    (step,) = evidence.facts["plan"]
    assert (step["to"], step["clears"], step["remains"]) == ("1.11", ["GHSA-1", "GHSA-2"], [])
    upgrades = {f.details["upgrade"] for f in evidence.findings if f.rule == "audit/known-vulnerability"}
    assert upgrades == {"1.11"}
    assert lines_of([step]) == ["upgrade torch 1.0 to 1.11: clears GHSA-1, GHSA-2"]


def test_what_stays_is_said(record: Make, store_of: Make, inventory_of: Make, now: datetime) -> None:
    store = store_of(record("GHSA-1", "torch", *zero(("fixed", "1.9"))), record("GHSA-2", "torch", *zero()))
    (step,) = audit(inventory_of(("torch", "1.0")), store, now=now).facts["plan"]
    assert (step["to"], step["clears"], step["remains"]) == ("1.9", ["GHSA-1"], ["GHSA-2"])
    assert "GHSA-2 stays" in lines_of([step])[0]


def test_without_a_fixed_version_nothing_is_promised(
    record: Make, store_of: Make, inventory_of: Make, now: datetime
) -> None:
    store = store_of(
        record("GHSA-1", "torch", *zero(("last_affected", "2.0"))), record("MAL-1", "evil", {"introduced": "0"})
    )
    steps = audit(inventory_of(("torch", "1.0"), ("evil", "1.0")), store, now=now).facts["plan"]
    assert [step["to"] for step in steps] == ["", ""]
    assert all("no known version" in line for line in lines_of(steps))


def test_a_last_affected_version_says_where_to_go(
    record: Make, store_of: Make, inventory_of: Make, now: datetime
) -> None:
    store = store_of(record("GHSA-1", "torch", *zero(("last_affected", "2.6.0-NA"))))
    (finding,) = [f for f in audit(inventory_of(("torch", "2.0")), store, now=now).findings if f.details.get("id")]
    assert finding.message.endswith("(GHSA-1): affected up to 2.6.0")
    assert finding.fix == "upgrade torch to a version above 2.6.0"
    assert finding.details["last_affected"] == "2.6.0"


def test_a_record_that_fixes_itself_is_no_way_out(
    record: Make, store_of: Make, inventory_of: Make, now: datetime
) -> None:
    store = store_of(record("GHSA-1", "torch", *zero(("fixed", "1.0")), versions=["1.0"]))
    evidence = audit(inventory_of(("torch", "1.0")), store, now=now)
    finding = next(f for f in evidence.findings if f.rule == "audit/known-vulnerability")
    assert finding.details["fixed"] == []
    assert evidence.facts["plan"][0]["to"] == ""
    store = store_of(record("GHSA-1", "torch", *zero(("fixed", "1.5")), versions=["1.0", "1.5"]))
    assert audit(inventory_of(("torch", "1.0")), store, now=now).facts["plan"][0]["to"] == ""


def test_a_final_release_is_preferred(record: Make, store_of: Make, inventory_of: Make, now: datetime) -> None:
    store = store_of(
        record("GHSA-1", "torch", *zero(("fixed", "2.0rc1"))), record("GHSA-2", "torch", *zero(("fixed", "2.0")))
    )
    assert audit(inventory_of(("torch", "1.0")), store, now=now).facts["plan"][0]["to"] == "2.0"
