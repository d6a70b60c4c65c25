"""OSV records: what is kept, what is refused, what is said to be unclear."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from secpipe.core.errors import InputError
from secpipe.formats.packages.ecosystems import normal_name
from secpipe.scan.vulnerabilities import rows
from secpipe.scan.vulnerabilities.osv import parse_advisory
from secpipe.scan.vulnerabilities.ranges import affects

INTRODUCED, FIXED = {"introduced": "0"}, {"fixed": "2.0"}


def test_facts_are_kept_and_prose_is_not(record: Callable[..., Any], now: datetime) -> None:
    value = record(
        "GHSA-aaaa-bbbb-cccc",
        "Py_Torch.x",
        INTRODUCED,
        FIXED,
        aliases=["CVE-2024-1", "GHSA-aaaa-bbbb-cccc", 7, "not an id"],
        summary="prose",
        details="prose",
        severity=[{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
        database_specific={"severity": "CRITICAL", "cwe_ids": ["CWE-502"]},
    )
    advisory = parse_advisory(value, now)
    assert advisory.aliases == ("CVE-2024-1",)
    assert advisory.affected[0].name == "py-torch-x"
    assert advisory.level == "critical"
    assert advisory.weaknesses == ("CWE-502",)
    assert "prose" not in rows.encode(advisory)
    assert rows.decode(rows.encode(advisory)) == advisory


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        {"id": ""},
        {"id": 5},
        {"id": "../../etc/passwd"},
        {"id": "A-1", "affected": 5},
        {"id": "A-1", "affected": [{"package": "torch"}]},
        {"id": "A-1", "affected": [{"package": {"ecosystem": "PyPI"}}]},
        {"id": "A-1", "affected": [{"package": {"ecosystem": "PyPI", "name": "x" * 10_000}}]},
        {"id": "A-1", "withdrawn": "some day"},
    ],
)
def test_records_that_say_nothing_are_refused(value: Any, now: datetime) -> None:
    with pytest.raises(InputError):
        parse_advisory(value, now)


@pytest.mark.parametrize(
    "ranges",
    [
        "all",
        [{"type": "ECOSYSTEM"}],
        [{"type": "ECOSYSTEM", "events": []}],
        [{"type": "ECOSYSTEM", "events": [{"fixed": "2.0"}]}],
        [{"type": "ECOSYSTEM", "events": [{"introduced": 0}]}],
        [{"type": "ECOSYSTEM", "events": [{"introduced": "0", "fixed": "1"}]}],
        [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}] * 3 + [{"fixed": 1.10}]}],
        [{"type": "MAGIC", "events": [{"introduced": "0"}]}],
        [{"type": "ECOSYSTEM", "events": [{"introduced": "9" * 100_000}]}],
    ],
)
def test_a_malformed_range_is_unclear_never_silently_unaffected(ranges: Any, now: datetime) -> None:
    value = {"id": "A-1", "affected": [{"package": {"ecosystem": "PyPI", "name": "torch"}, "ranges": ranges}]}
    affected = parse_advisory(value, now).affected[0]
    assert affected.unclear
    assert affects(affected, "1.0") is None


def test_commits_alone_are_unclear(record: Callable[..., Any], now: datetime) -> None:
    value = record("A-1", "torch")
    value["affected"][0]["ranges"] = [{"type": "GIT", "repo": "x", "events": [{"introduced": "0"}]}]
    assert "commits" in parse_advisory(value, now).affected[0].unclear


def test_a_malicious_package_without_versions_is_malicious_throughout(
    record: Callable[..., Any], now: datetime
) -> None:
    affected = parse_advisory(record("MAL-2026-1", "torchh"), now).affected[0]
    assert affects(affected, "0.0.1") is True


def test_withdrawn_names_nothing(record: Callable[..., Any], now: datetime) -> None:
    value = record("A-1", "torch", INTRODUCED, withdrawn="2026-01-01T00:00:00Z")
    assert parse_advisory(value, now).affected == ()


def test_a_modified_time_in_the_future_counts_as_now(record: Callable[..., Any], now: datetime) -> None:
    advisory = parse_advisory({**record("A-1", "torch", INTRODUCED), "modified": "9999-12-31T23:59:59Z"}, now)
    assert advisory.modified == "2026-11-21T12:00:00Z"


def test_names_are_compared_as_their_ecosystem_does() -> None:
    assert normal_name("PyPI", "Ruamel__YAML.-x") == "ruamel-yaml-x"
    assert normal_name("npm", "Axios") == "Axios"
    assert normal_name("crates.io", "Foo_Bar") == "foo-bar"


def test_versions_that_a_range_covers_are_left_out_of_the_row(record: Callable[..., Any], now: datetime) -> None:
    value = record("A-1", "torch", INTRODUCED, FIXED, versions=["1.0", "1.5", "2.0", "2.0.post1", "legacy-x"])
    row = rows.decode(rows.encode(parse_advisory(value, now))).affected[0]
    assert set(row.versions) == {"2.0", "2.0.post1"}
    full = parse_advisory(value, now).affected[0]
    for version in ("1.0", "1.5", "1.9", "2.0", "2.0.post1", "2.1", "legacy-x", "other-x"):
        assert affects(row, version) == affects(full, version), version
