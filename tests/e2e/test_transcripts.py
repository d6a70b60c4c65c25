"""Each transcript is one story: commands and exactly what they print."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.transcript import Shell, play

FOLDER = Path(__file__).parent / "transcripts"


@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.glob("*.txt")))
def test_transcript(name: str, shell: Shell) -> None:
    play(FOLDER / name, shell)
