"""No test of the command reads or fills the cache of whoever runs it."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def own_places(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder that holds this test's home and cache."""
    folder = tmp_path_factory.mktemp("places")
    monkeypatch.setenv("SECPIPE_HOME", str(folder / "home"))
    monkeypatch.setenv("SECPIPE_CACHE", str(folder / "cache"))
    return folder
