"""Whatever stands in a verdict store: monitor and replay list it or judge it, and never raise anything of their own."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secpipe.gate.after import monitor, replay, today
from secpipe.gate.after.monitor_document import Frame, document
from secpipe.gate.policies.policy_file import Loaded, parse
from secpipe.gate.verdicts import store
from secpipe.gate.verdicts.store import Entry
from secpipe.report.monitor import render
from secpipe.report.replay import render as render_replay
from tests.unit.gate_past import NOW, POLICY, Gate

JUNK: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.sampled_from(["", "x", "deny", "gate/tree-policy-denies", "\x1b"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["rule", "effect", "at"]), inner),
    max_leaves=4,
)


@pytest.fixture(scope="module")
def entry(tmp_path_factory: pytest.TempPathFactory) -> Entry:
    return Gate(tmp_path_factory.mktemp("store")).judge(environment="dev")


@pytest.fixture(scope="module")
def policy() -> Loaded:
    return parse(POLICY.encode(), "new.toml")


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return where something stands in a document, down to three levels."""
    found = [path] if path else []
    if len(path) < 4 and isinstance(value, dict):
        for key, item in value.items():
            found += places(item, (*path, key))
    if len(path) < 4 and isinstance(value, list):
        for index, item in enumerate(value[:2]):
            found += places(item, (*path, index))
    return found


def spoilt(data: bytes, draw: st.DataObject) -> bytes:
    """Return a document with something else at one of its places, or without it."""
    value = json.loads(data)
    *above, last = draw.draw(st.sampled_from(places(value)))
    holder = value
    for key in above:
        holder = holder[key]
    if draw.draw(st.booleans()) and isinstance(holder, dict):
        del holder[last]
    else:
        holder[last] = draw.draw(JUNK)
    return json.dumps(value).encode()


def look(folder: Path, policy: Loaded) -> None:
    known = today.gather(None, None, "", NOW)
    for own in (None, policy):
        found = monitor.survey(folder, known, NOW + timedelta(days=3), policy=own, everything=True)
        made = document(found, Frame(NOW, False, str(folder), "", known))
        assert found.exit_code in (0, 1, 3)
        assert "\x1b" not in render(made)
    changes, damaged = replay.replay_store(folder, policy)
    assert len(changes) + len(damaged) == 1
    assert "\x1b" not in render_replay(replay.document(changes, damaged, policy, None, strict=True))


@settings(max_examples=120, deadline=None)
@given(draw=st.data(), name=st.sampled_from([store.VERDICT, store.EVIDENCE]))
def test_nothing_in_an_entry_can_raise(entry: Entry, policy: Loaded, draw: st.DataObject, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        data = spoilt(entry.read(name), draw)
        label = entry.name
        if name == store.VERDICT:  # whoever writes the store gives it the name that fits
            label = f"{label[:-8]}{hashlib.sha256(data).hexdigest()[:8]}"
        here = Path(folder) / entry.environment / entry.digest / label
        shutil.copytree(entry.folder, here)
        (here / name).write_bytes(data)
        look(Path(folder), policy)


BAD = [
    None,
    5,
    "x",
    [],
    {},
    [None],
    [5],
    [{}],
    [{"rule": "gate/tree-policy-denies"}],
    [{"rule": 1, "effect": [], "path": {}}],
]


@pytest.mark.parametrize("bad", BAD, ids=repr)
def test_every_part_of_a_verdict_may_be_anything(entry: Entry, policy: Loaded, bad: Any, tmp_path: Path) -> None:
    for number, key in enumerate(entry.verdict()):
        document = entry.verdict() | {key: bad}
        data = json.dumps(document).encode()
        label = f"{entry.name[:-8]}{hashlib.sha256(data).hexdigest()[:8]}"
        here = tmp_path / str(number) / entry.environment / entry.digest / label
        shutil.copytree(entry.folder, here)
        (here / store.VERDICT).write_bytes(data)
        look(tmp_path / str(number), policy)


@settings(max_examples=60, deadline=None)
@given(draw=st.data(), name=st.sampled_from([store.VERDICT, store.EVIDENCE, store.POLICY]))
def test_nothing_cut_or_flipped_can_raise(entry: Entry, policy: Loaded, draw: st.DataObject, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        data = bytearray(entry.read(name))
        for _ in range(draw.draw(st.integers(0, 3))):
            data[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
        cut = bytes(data[: draw.draw(st.integers(0, len(data)))])
        label = entry.name
        if name == store.VERDICT:
            label = f"{label[:-8]}{hashlib.sha256(cut).hexdigest()[:8]}"
        here = Path(folder) / entry.environment / entry.digest / label
        shutil.copytree(entry.folder, here)
        (here / name).write_bytes(cut)
        look(Path(folder), policy)
