"""Truncated and mutated bundles and payloads: an InputError or a refusal, never anything else, and never a yes."""

from __future__ import annotations

import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secpipe.core.errors import InputError
from secpipe.core.evidence import State
from secpipe.sign import bundle as bundles
from secpipe.sign import manifest as manifests
from secpipe.sign import statement as statements
from secpipe.sign.legacy import verify_legacy
from secpipe.system.tree import open_tree
from tests.unit.sign.world import NOW, World

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@cache
def good(form: str) -> tuple[World, bytes, bytes]:
    """One signed world for all examples, with its two bundles."""
    world = World(Path(tempfile.mkdtemp()), form).sign()
    return world, world.classical.read_bytes(), world.pq.read_bytes()


def reads(data: bytes) -> None:
    try:
        payload = bundles.decode(data, "bundle").payload
        statement = statements.decode(payload, "bundle")
        manifests.parse_predicate(statement.predicate, "bundle")
    except InputError:
        pass


@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    reads(data)


@given(JSON)
def test_any_json(value: Any) -> None:
    reads(json.dumps(value).encode())


@given(st.data())
def test_any_value_at_any_place_of_a_bundle(data: st.DataObject) -> None:
    _, classical, _ = good("directory")
    document = json.loads(classical)
    reads(json.dumps(_replaced(document, data)).encode())


@given(st.data())
def test_any_value_at_any_place_of_a_statement(data: st.DataObject) -> None:
    _, classical, _ = good("directory")
    document = _replaced(json.loads(bundles.decode(classical, "x").payload), data)
    reads(bundles.encode(json.dumps(document).encode(), b"x", "0" * 64))


def _replaced(document: Any, data: st.DataObject) -> Any:
    """Return the document with one value, somewhere, replaced by any JSON."""
    if isinstance(document, dict) and document and data.draw(st.integers(0, 3)):
        key = data.draw(st.sampled_from(sorted(document)))
        return document | {key: _replaced(document[key], data)}
    if isinstance(document, list) and document and data.draw(st.integers(0, 3)):
        return [_replaced(document[0], data), *document[1:]]
    return data.draw(JSON)


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(["directory", "file"]), st.sampled_from([0, 1]), st.data())
def test_no_mutation_of_one_half_ever_verifies_as_something_else(form: str, half: int, data: st.DataObject) -> None:
    world, *halves = good(form)
    content = bytearray(halves[half])
    position = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        del content[position : position + data.draw(st.integers(1, 50))]
    else:
        content[position] = data.draw(st.integers(0, 255))
    target = (world.classical, world.pq)[half]
    try:
        target.write_bytes(bytes(content))
        evidence = world.verify()
        if evidence.state is State.OK:  # a space after the end, or a bit that base64 drops
            mine, old = bundles.decode(bytes(content), "x"), bundles.decode(halves[half], "x")
            assert (mine.payload, mine.signature, mine.hint) == (old.payload, old.signature, old.hint)
        else:
            assert evidence.state is State.FAILED
            assert not evidence.facts["covered"]
    finally:
        target.write_bytes(halves[half])


@settings(deadline=None, max_examples=100)
@given(JSON | st.binary(max_size=100))
def test_legacy_reading_never_crashes(value: Any) -> None:
    world, *_ = good("file")
    bundle = world.folder / "hostile.json"
    bundle.write_bytes(value if isinstance(value, bytes) else json.dumps(value).encode())
    pem = world.key.version.halves[0].pem.encode()
    evidence = verify_legacy(world.path, open_tree(world.path), pem, reason="fuzzing", bundle=bundle, now=NOW)
    assert evidence.state is State.FAILED


@pytest.mark.slow
@settings(deadline=None, max_examples=20_000)
@given(st.data())
def test_any_value_anywhere_for_long(data: st.DataObject) -> None:
    _, classical, _ = good("directory")
    document = _replaced(json.loads(bundles.decode(classical, "x").payload), data)
    reads(bundles.encode(json.dumps(document).encode(), b"x", "0" * 64))
