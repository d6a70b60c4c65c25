"""The table of ecosystems: every row is known to every wing, its versions in its own order."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from secpipe.core.evidence import State
from secpipe.core.inventory import Component, ComponentKind, Inventory
from secpipe.formats.locks import table as locks
from secpipe.formats.locks.library import library
from secpipe.formats.packages import purl, versions
from secpipe.formats.packages.ecosystems import TABLE, Ecosystem, normal_name, of, spelled
from secpipe.scan.shadow_ai import shell
from secpipe.scan.shadow_ai.catalogue import shipped_catalogue
from secpipe.scan.vulnerabilities.audit import audit
from secpipe.scan.vulnerabilities.local import open_at

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)

ROWS = pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
NAMES = {"Maven": "org.example:thing", "Go": "example.org/Some/thing", "Packagist": "acme/thing", "npm": "@acme/thing"}


def name_of(row: Ecosystem) -> str:
    return NAMES.get(row.name, "thing")


@ROWS
def test_every_word_for_an_ecosystem_is_understood(row: Ecosystem) -> None:
    for word in (row.name, row.purl, row.word, row.name.lower(), row.purl.upper(), f"{row.name}:https://e.example/r"):
        assert of(word) is row
    assert spelled(row.name.upper()) == row.name
    assert of("Debian:12") is None
    assert spelled("Debian:12") == "Debian:12"


def test_no_word_means_two_ecosystems() -> None:
    words = [word.lower() for row in TABLE for word in {row.name.lower(), row.purl, row.word}]
    assert len(words) == len(set(words))


@ROWS
def test_a_purl_of_it_is_written_and_read(row: Ecosystem) -> None:
    made = purl.for_ecosystem(row.name, name_of(row), "1.0.0")
    assert made.startswith(f"pkg:{row.purl}/")
    for text in (made, made.replace("pkg:", "PKG:"), made.replace(row.purl, row.purl.upper())):
        found = purl.parse(text)
        assert found is not None
        assert (found.ecosystem, found.version) == (row.name, "1.0.0")
        assert normal_name(row.name, found.name) == normal_name(row.name, name_of(row))


@ROWS
def test_its_versions_can_be_ordered(row: Ecosystem) -> None:
    assert versions.is_ordered(row.name)
    assert versions.key(row.name, "1.9.0") < versions.key(row.name.lower(), "1.10.0")
    assert versions.key(row.name, "") is None


@ROWS
@pytest.mark.parametrize("spelling", [str, str.lower, str.upper])
def test_a_lock_file_of_it_can_be_audited(row: Ecosystem, spelling: Callable[[str], str], tmp_path: Any) -> None:
    """From the reader of a lock file through an advisory, however its feed spells the ecosystem, to a finding."""
    events = [{"introduced": "0"}, {"fixed": "1.10.0"}]
    affected = {
        "package": {"ecosystem": spelling(row.name), "name": name_of(row)},
        "ranges": [{"type": "ECOSYSTEM", "events": events}],
    }
    advisory = {"id": "OSV-1", "modified": "2026-11-01T00:00:00Z", "affected": [affected]}
    (tmp_path / "OSV-1.json").write_text(json.dumps(advisory))
    store = open_at(tmp_path, NOW)
    old, new = (library(row.name, name_of(row), version, path="lock") for version in ("1.9.0", "1.10.0"))
    assert old.ecosystem == row.name
    assert old.purl
    for component, hit in ((old, True), (new, False)):
        evidence = audit(Inventory((component,)), store, now=NOW)
        assert evidence.state is State.OK
        assert bool([item for item in evidence.findings if item.rule == "audit/known-vulnerability"]) is hit
        named = Component("r", ComponentKind.FILE, "other", "", component.purl.replace("pkg:", "PKG:"))
        again = audit(Inventory((named,)), store, now=NOW)
        assert bool([item for item in again.findings if item.rule == "audit/known-vulnerability"]) is hit


@ROWS
def test_somebody_reads_its_files(row: Ecosystem) -> None:
    assert [one for one in locks.TABLE if one.ecosystem == row.name]


def test_nobody_speaks_of_an_ecosystem_that_the_table_does_not_know() -> None:
    known = {row.word for row in TABLE}
    catalogue = shipped_catalogue()
    assert set(catalogue.packages) <= known
    assert set(shell.ECOSYSTEM.values()) <= known
    read = {row.ecosystem for row in locks.TABLE if row.reader or not row.locked}  # others are only named as not read
    assert read <= {row.name for row in TABLE}


@pytest.mark.parametrize("ecosystem", sorted(shipped_catalogue().packages))
def test_a_catalogued_package_is_found_in_any_spelling(ecosystem: str) -> None:
    catalogue = shipped_catalogue()
    name = next(name for name in catalogue.packages[ecosystem] if "*" not in name)
    for spelling in {name, name.upper() if normal_name(ecosystem, "A") == "a" else name}:
        assert catalogue.package(ecosystem, spelling) == catalogue.packages[ecosystem][name]


CHAINS = {
    "RubyGems": ["1.0.a", "1.0.a.1", "1.0.b1", "1.0.b10", "1.0.rc1", "1.0", "1.0.0.1", "1.0.1.pre", "1.0.1", "1.10"],
    "Packagist": ["1.0-dev", "1.0-alpha1", "1.0.0-alpha2", "1.0-beta", "1.0b2", "1.0-RC1", "1.0", "1.0-p1", "1.10"],
    "NuGet": ["1.0.0-alpha", "1.0.0-Beta", "1.0.0-beta.2", "1.0.0-RC.1", "1.0.0", "1.0.0.1", "1.0.1"],
    "Pub": ["1.0.0-dev.1", "1.0.0-dev.2", "1.0.0", "1.0.0+1", "1.0.0+2", "1.0.1"],
    "Hex": ["1.0.0-rc.0", "1.0.0-rc.1", "1.0.0"],
    "Go": ["v0.0.0-20200101000000-abcdefabcdef", "v0.0.0-20210101000000-abcdefabcdef", "v0.1.0", "v1.0.0+incompatible"],
}  # fmt: skip
SAME = {
    "RubyGems": [("1", "1.0.0"), ("1.a", "1.0.0.a"), ("1-1", "1.pre.1")],
    "Packagist": [("v1.0", "1.0.0.0"), ("1.0-stable", "1"), ("1.0.0-BETA1", "1.0-b1"), ("1.0+x", "1.0")],
    "NuGet": [("1.0.0-BETA", "1.0.0-beta"), ("1.0", "1.0.0.0")],
    "Pub": [("1.0.0", "1.0")],
}


@pytest.mark.parametrize("ecosystem", CHAINS)
def test_the_order_is_that_of_its_own_documents(ecosystem: str) -> None:
    for left, right in pairwise(CHAINS[ecosystem]):
        assert versions.key(ecosystem, left) < versions.key(ecosystem, right), (left, right)
    for left, right in SAME.get(ecosystem, ()):
        assert versions.key(ecosystem, left) == versions.key(ecosystem, right), (left, right)


@pytest.mark.parametrize(("ecosystem", "text"), [("Packagist", "dev-main"), ("RubyGems", "abc"), ("NuGet", "latest")])
def test_what_is_no_version_has_no_key(ecosystem: str, text: str) -> None:
    assert versions.key(ecosystem, text) is None
