"""The verdict store: entries appear whole or not at all, and names out of it cannot lead elsewhere."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from secpipe.core.errors import InputError
from secpipe.gate.verdicts import store

DIGEST = "a" * 64
FILES = {store.VERDICT: json.dumps({"schema": "secpipe.verdict/1"}).encode(), store.EVIDENCE: b"{}"}


def test_what_is_kept_is_found_again_oldest_first(tmp_path: Path) -> None:
    late = store.keep(tmp_path, "prod", DIGEST, "2026-11-21T12:00:00Z", FILES)
    early = store.keep(tmp_path, "prod", DIGEST, "2026-11-20T12:00:00Z", FILES)
    other = store.keep(tmp_path, "dev", "b" * 64, "2026-11-20T12:00:00Z", FILES)
    assert list(store.entries(tmp_path)) == [other, early, late]
    assert list(store.entries(tmp_path, environment="prod", digest=DIGEST)) == [early, late]
    assert late.verdict()["schema"] == "secpipe.verdict/1"


def test_keeping_the_same_twice_changes_nothing(tmp_path: Path) -> None:
    one = store.keep(tmp_path, "prod", DIGEST, "2026-11-21T12:00:00Z", FILES)
    assert store.keep(tmp_path, "prod", DIGEST, "2026-11-21T12:00:00Z", FILES) == one
    assert len(list(store.entries(tmp_path))) == 1


@pytest.mark.parametrize("environment", ["..", "a/b", "", ".", "x" * 65, "a\n"])
def test_an_environment_cannot_leave_the_store(tmp_path: Path, environment: str) -> None:
    with pytest.raises(InputError):
        store.keep(tmp_path / "s", environment, DIGEST, "2026-11-21T12:00:00Z", FILES)
    assert not (tmp_path / "s").exists()


def test_links_and_strangers_in_the_store_are_passed_over(tmp_path: Path) -> None:
    real = store.keep(tmp_path, "prod", DIGEST, "2026-11-21T12:00:00Z", FILES)
    os.symlink(real.folder, real.folder.with_name("20261122T120000Z-00000000"))
    os.symlink(tmp_path / "prod", tmp_path / "staging")
    (tmp_path / "prod" / "notes").mkdir()
    (tmp_path / "README").write_text("mine")
    assert list(store.entries(tmp_path)) == [real]


def test_a_file_that_is_a_link_is_not_read(tmp_path: Path) -> None:
    entry = store.keep(tmp_path, "prod", DIGEST, "2026-11-21T12:00:00Z", FILES)
    (entry.folder / store.VERDICT).unlink()
    os.symlink("/etc/hostname", entry.folder / store.VERDICT)
    with pytest.raises(InputError):
        entry.verdict()


def test_no_store_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        list(store.entries(tmp_path / "none"))
