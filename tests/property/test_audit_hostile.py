"""Nothing that a feed, a manifest, an SBOM, a VEX document or a store holds raises anything but our own errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secpipe.core.errors import InputError
from secpipe.core.inventory import Component, ComponentKind, Inventory
from secpipe.formats.boms import packages as bom
from secpipe.scan.vulnerabilities import exploits, manifest, rows, severity, snapshot, sqlite, vex
from secpipe.scan.vulnerabilities.audit import audit
from secpipe.scan.vulnerabilities.feed import harvest
from secpipe.scan.vulnerabilities.osv import parse_advisory
from secpipe.scan.vulnerabilities.store import AdvisoryStore, Feed

NOW = datetime(2026, 11, 21, tzinfo=UTC)
_ANY = st.characters()  # halves of characters too, as JSON can spell them
_SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(_ANY, max_size=12))
_JSON = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)
RECORD = {
    "id": "GHSA-1", "modified": "2026-01-01T00:00:00Z", "withdrawn": None, "aliases": ["CVE-1-1"],
    "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
    "affected": [
        {"package": {"ecosystem": "PyPI", "name": "torch"}, "versions": ["1.0"],
         "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.0"}]}]}
    ],
    "database_specific": {"severity": "HIGH", "cwe_ids": ["CWE-502"]},
}  # fmt: skip
MANIFEST = {
    "schema": "secpipe.advisories/1", "name": "m", "source": "s", "version": 1, "date": "2026-01-01T00:00:00Z",
    "expires": "2027-01-01T00:00:00Z", "records": 1, "coverage": {"PyPI": "*", "npm": ["next"]},
    "files": [{"name": "osv.zip", "kind": "osv", "sha256": "0" * 64, "size": 5}],
}  # fmt: skip
BOM = {
    "bomFormat": "CycloneDX", "metadata": {"component": {"type": "application", "name": "app"}},
    "components": [{"type": "library", "name": "torch", "purl": "pkg:pypi/torch@2", "hashes": [{"alg": "SHA-256"}]}],
    "dependencies": [{"ref": "a", "dependsOn": ["b"]}],
}  # fmt: skip
SPDX = {
    "spdxVersion": "SPDX-2.3", "documentDescribes": ["a"],
    "packages": [{"SPDXID": "a", "name": "x",
                  "externalRefs": [{"referenceType": "purl", "referenceLocator": "pkg:a/b"}]}],
    "relationships": [{"spdxElementId": "a", "relationshipType": "DEPENDS_ON", "relatedSpdxElement": "b"}],
}  # fmt: skip
VEX = {
    "@context": "https://openvex.dev/ns/v0.2.0", "author": "a", "timestamp": "2026-01-01T00:00:00Z",
    "statements": [{"vulnerability": {"name": "CVE-1-1", "aliases": ["x"]}, "status": "not_affected",
                    "products": [{"@id": "pkg:pypi/torch", "subcomponents": [{"@id": "pkg:pypi/torch"}]}],
                    "justification": "component_not_present", "expires": "2027-01-01T00:00:00Z"}],
}  # fmt: skip
KEV = {"catalogVersion": "1", "dateReleased": "2026-01-01", "vulnerabilities": [{"cveID": "CVE-2024-1000"}]}


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return every place in a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, item in inner for found in places(item, (*path, key)))]


def put(value: Any, path: tuple[Any, ...], junk: Any) -> Any:
    """Return a copy of a JSON value with `junk` in one place."""
    if not path:
        return junk
    copy = json.loads(json.dumps(value))
    at = copy
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = junk
    return copy


def encoded(value: Any) -> bytes:
    return json.dumps(value).encode()


TARGETS: dict[str, tuple[Any, Callable[[Any], object]]] = {
    "record": (RECORD, lambda value: sqlite.build([rows.encode(parse_advisory(value, NOW))], {}, {})),
    "manifest": (MANIFEST, lambda value: manifest.parse_manifest(encoded(value))),
    "bom": (BOM, lambda value: bom.read_sbom(encoded(value), "x")),
    "spdx": (SPDX, lambda value: bom.read_sbom(encoded(value), "x")),
    "vex": (VEX, lambda value: [item.refusal(NOW) for item in vex.read_vex(encoded(value), "x")]),
    "kev": (KEV, lambda value: exploits.parse_kev(encoded(value))),
}


@pytest.mark.parametrize("name", TARGETS)
@given(data=st.data())
@settings(max_examples=80, deadline=None)
def test_junk_in_any_place_is_an_error_of_ours_or_none(name: str, data: st.DataObject) -> None:
    good, parse = TARGETS[name]
    value = put(good, data.draw(st.sampled_from(places(good))), data.draw(_JSON))
    try:
        parse(value)
    except InputError:
        return


@given(cut=st.integers(0, 4000), flip=st.integers(0, 4000), byte=st.integers(1, 255))
@settings(max_examples=120, deadline=None)
def test_a_mutated_store_is_an_error_of_ours_or_still_a_store(cut: int, flip: int, byte: int) -> None:
    whole = bytearray(_STORE)
    whole[flip * len(whole) // 4001] ^= byte
    for data in (bytes(whole), _STORE[: cut * len(_STORE) // 4001]):
        try:
            found = sqlite.SqliteRows(data)
            found.find("PyPI", "torch")
            found.exploitation("CVE-1-1")
            found.everything()
        except InputError:
            continue


@given(flip=st.integers(0, 10_000), byte=st.integers(1, 255), cut=st.integers(0, 10_000))
@settings(max_examples=120, deadline=None)
def test_a_mutated_snapshot_is_an_error_of_ours_or_still_a_store(flip: int, byte: int, cut: int) -> None:
    whole = bytearray(_SNAPSHOT)
    whole[flip % len(whole)] ^= byte
    for data in (bytes(whole), _SNAPSHOT[: cut % len(_SNAPSHOT)]):
        try:
            snapshot.read(data).find("PyPI", "torch")
        except InputError:
            continue


@given(data=st.binary(max_size=300), ending=st.sampled_from(["json", "yaml", "zip"]))
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_as_a_feed(data: bytes, ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"feed.{ending}"
    for content in (data, b"PK\3\4" + data, b"PK\5\6" + data, data + b"PK\5\6" + b"\0" * 18):
        path.write_bytes(content)
        try:
            harvest(path, NOW)
        except InputError:
            continue


_XML = (
    b'<?xml version="1.0"?><bom xmlns="http://cyclonedx.org/schema/bom/1.6"><components><component type="library">'
    b"<name>torch</name><purl>pkg:pypi/torch@2</purl><hashes><hash alg='SHA-1'>00</hash></hashes></component>"
    b'</components><dependencies><dependency ref="a"><dependency ref="b"/></dependency></dependencies></bom>'
)
_TAGS = b"SPDXVersion: SPDX-2.3\nPackageName: x\nExternalRef: A purl pkg:pypi/x@1\nRelationship: a DEPENDS_ON b\n"


@given(
    data=st.sampled_from([_XML, _TAGS]),
    flip=st.integers(0, 500),
    byte=st.integers(1, 255),
    cut=st.integers(0, 500),
    junk=st.binary(max_size=12),
)
@settings(max_examples=150, deadline=None)
def test_mutated_forms_of_sboms(data: bytes, flip: int, byte: int, cut: int, junk: bytes) -> None:
    whole = bytearray(data)
    whole[flip % len(whole)] ^= byte
    for content in (bytes(whole), data[:cut], data[:cut] + junk + data[cut:]):
        for name in ("x.xml", "x.spdx"):
            try:
                bom.read_sbom(content, name)
            except InputError:
                continue


@given(text=st.text(max_size=80))
def test_any_text_as_a_vector(text: str) -> None:
    for vector in (text, f"CVSS:3.1/{text}", f"CVSS:4.0/{text}"):
        value = severity.score(vector)
        assert value is None or 0 <= value <= 10


@given(
    name=st.text(_ANY, min_size=1, max_size=30),
    version=st.text(_ANY, max_size=30),
    ecosystem=st.sampled_from(["PyPI", "npm", "X"]),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_component_can_be_audited(name: str, version: str, ecosystem: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECPIPE_HOME", "/nonexistent")
    store = AdvisoryStore("s", (_FEED,), sqlite.SqliteRows(_STORE), digest="", records=1)
    part = Component("r", ComponentKind.LIBRARY, name, version, "", ecosystem, "requirements.txt")
    torch = Component("t", ComponentKind.LIBRARY, "torch", version, "", "PyPI", "requirements.txt")
    for judge in (_EMBEDDED, store):
        evidence = audit(Inventory((part, torch)), judge, now=NOW)
        assert evidence.reason == ""
        json.dumps([finding.to_dict() for finding in evidence.findings]).encode()
        json.dumps(dict(evidence.facts)).encode()


_ROWS = [rows.encode(parse_advisory({**RECORD, "id": f"GHSA-{number}"}, NOW)) for number in range(40)]
_FEED = Feed("m", "s", "2026-01-01T00:00:00Z", 40, {"PyPI": "*"})
_STORE = sqlite.build(_ROWS, {"feeds": [snapshot.feed_row(_FEED)], "records": 40}, {"CVE-1-1": ("2026-01-01", 0.5)})
_SNAPSHOT = snapshot.write([_FEED], [rows.decode(text) for text in _ROWS])
_EMBEDDED = snapshot.load()
