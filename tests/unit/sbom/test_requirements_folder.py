"""A `requirements/` folder holds requirements files, whatever they are called."""

from __future__ import annotations

from pathlib import Path

from secpipe.sbom.collect import collect
from secpipe.system.tree import walk


def test_files_in_a_requirements_folder_are_read(tmp_path: Path) -> None:
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements/prod.txt").write_text("click==8.1.8\n")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/prod.txt").write_text("left==1.0\n")
    assert [component.name for component in collect(walk(tmp_path)).components] == ["click"]
