"""Whole user stories: transcripts run against the real command line under an injected clock."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.transcript import Shell


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """Return a shell with its own home, cache and working folder."""
    return Shell(tmp_path, monkeypatch)
