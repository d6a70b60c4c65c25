"""Kept results: an entry that was edited, cut, moved, or written under another key is as good as absent."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path

import pytest

from secpipe.system import diskcache
from tests import skips

DOCUMENT = {"decision": "allow", "path": "\udcff", "n": [1, 2.5, None]}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SECPIPE_HOME", str(tmp_path / "home"))
    place = tmp_path / "cache" / "verdicts" / "ab"
    diskcache.keep(place, DOCUMENT)
    return place


def test_what_is_kept_is_found_and_private(place: Path, tmp_path: Path) -> None:
    assert diskcache.find(place) == DOCUMENT
    if sys.platform != "win32":
        assert stat.S_IMODE((tmp_path / "home" / "cache.key").stat().st_mode) == 0o600
        assert stat.S_IMODE(place.stat().st_mode) == 0o600


def test_absent_is_absent_and_makes_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECPIPE_HOME", str(tmp_path / "home"))
    assert diskcache.find(tmp_path / "cache" / "verdicts" / "ab") is None
    assert not (tmp_path / "home").exists()


def test_every_cut_and_every_flipped_byte_counts_as_absent(place: Path) -> None:
    data = place.read_bytes()
    for index in range(len(data)):
        place.write_bytes(data[:index])
        assert diskcache.find(place) is None
        place.write_bytes(data[:index] + bytes([data[index] ^ 1]) + data[index + 1 :])
        assert diskcache.find(place) is None
    place.write_bytes(data + b" ")
    assert diskcache.find(place) is None
    place.write_bytes(data)
    assert diskcache.find(place) == DOCUMENT


def test_an_entry_moved_elsewhere_counts_as_absent(place: Path) -> None:
    for other in (place.with_name("cd"), place.parent.with_name("shadow-ai") / place.name):
        other.parent.mkdir(exist_ok=True)
        other.write_bytes(place.read_bytes())
        assert diskcache.find(other) is None


def test_an_entry_without_a_mac_or_under_another_key_counts_as_absent(place: Path, tmp_path: Path) -> None:
    data = place.read_bytes()
    place.write_bytes(json.dumps(DOCUMENT).encode())
    assert diskcache.find(place) is None
    place.write_bytes(data)
    (tmp_path / "home" / "cache.key").write_bytes(b"k" * 32)
    assert diskcache.find(place) is None


@skips.unless_possible(sys.platform != "win32", "POSIX permissions and links")
def test_a_key_that_others_can_read_and_a_link_for_an_entry_are_not_used(place: Path, tmp_path: Path) -> None:
    key = tmp_path / "home" / "cache.key"
    key.chmod(0o644)
    assert diskcache.find(place) is None
    key.chmod(0o600)
    moved = place.rename(tmp_path / "real")
    place.symlink_to(moved)
    assert diskcache.find(place) is None


def test_a_short_key_is_neither_used_nor_replaced(place: Path, tmp_path: Path) -> None:
    key = tmp_path / "home" / "cache.key"
    key.write_bytes(b"short")
    diskcache.keep(place, {"decision": "deny"})
    assert diskcache.find(place) is None
    assert key.read_bytes() == b"short"
