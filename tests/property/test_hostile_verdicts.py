"""Mutated verdicts and overrides: a refusal, never a crash, and never a yes that was not signed."""

from __future__ import annotations

import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from secpipe.core.errors import InputError
from secpipe.core.trust import HalfClass
from secpipe.gate import storing
from secpipe.gate.policies.policy import BreakGlass
from secpipe.gate.verdicts import override, signed, vsa
from secpipe.gate.verdicts.signed import About, Broken
from secpipe.sign import bundle as bundles
from tests.unit.gate_builders import NOW
from tests.unit.verdict_world import DIGEST, Gate, halves

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@cache
def world() -> tuple[Gate, Path, dict[str, bytes]]:
    gate = Gate(Path(tempfile.mkdtemp()))
    folder = gate.sign(gate.denied())
    gate.let(folder, "alice-key", "bob-key")
    return gate, folder, {path.name: path.read_bytes() for path in folder.iterdir()}


@cache
def predicate() -> str:
    gate = Gate(Path(tempfile.mkdtemp()))
    outcome = gate.outcome()
    return json.dumps(vsa.predicate(storing.summarise(outcome, storing.contents(outcome), "verdict")))


def same(one: bytes, other: bytes) -> bool:
    """Base64 has spare bits at its end, and JSON spaces: what is read the same is the same bundle."""
    try:
        return bundles.decode(one, "one") == bundles.decode(other, "other")
    except InputError:
        return False


@given(st.data())
@settings(deadline=None, max_examples=60)
def test_any_change_of_any_byte_of_a_bundle_is_noticed(data: st.DataObject) -> None:
    gate, folder, good = world()
    names = sorted(name for name in good if name.endswith(".att.json"))
    name = data.draw(st.sampled_from(names))
    raw = bytearray(good[name])
    place = data.draw(st.integers(0, len(raw) - 2))
    raw[place] ^= data.draw(st.integers(1, 255))
    cut = data.draw(st.booleans())
    changed = bytes(raw[:place] if cut else raw)
    assume(not same(changed, good[name]))
    (folder / name).write_bytes(changed)
    try:
        found = signed.attempt(folder, "", About(DIGEST, None, "prod"), gate.trust, NOW)
        if name.startswith("vsa"):
            assert isinstance(found, Broken)
        else:
            assert not isinstance(found, Broken)
            assert override.overridden(found, DIGEST, gate.trust, BreakGlass(), NOW) is None
    finally:
        (folder / name).write_bytes(good[name])


@given(st.data())
@settings(deadline=None, max_examples=150)
def test_a_predicate_of_any_shape_is_read_or_refused(data: st.DataObject) -> None:
    body: dict[str, Any] = json.loads(predicate())
    table = data.draw(st.sampled_from([body, body[vsa.EXTENSION]]))
    table[data.draw(st.sampled_from([*table, "extra"]))] = data.draw(JSON)
    try:
        told = vsa.read(body, "it")
    except InputError:
        return
    assert told.passed == (body["verificationResult"] == "PASSED")


@given(JSON, JSON)
@settings(deadline=None, max_examples=100)
def test_an_override_of_any_shape_is_refused(grant: Any, holder: Any) -> None:
    try:
        override.read({"grant": grant, "holder": holder}, "it")
    except InputError:
        return
    raise AssertionError("nothing of this shape is an override")


def test_the_world_itself_is_overridden() -> None:
    gate, folder, _ = world()
    assert set(halves(folder)) == set(HalfClass)
    assert gate.ask().overridden is not None
