"""Whole user stories: transcripts run against the real command line under an injected clock."""

from __future__ import annotations

from pathlib import Path

import pytest

from secpipe.keystore import age
from tests.e2e.transcript import Shell
from tests.unit.keystore.conftest import quick_seal


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """Return a shell with its own home, cache and working folder; age files are real, at a low work factor."""
    monkeypatch.setattr(age, "seal", quick_seal)
    return Shell(tmp_path, monkeypatch)
