"""Nothing is said of a folder in which nobody means harm."""

from __future__ import annotations

from pathlib import Path

import pytest

from secpipe.scan.models.scan import scan
from secpipe.system.tree import open_tree
from tests import skips
from tests.honest.models.folders import FOLDERS


def test_there_are_many() -> None:
    assert len(FOLDERS) >= 100


@pytest.mark.parametrize("name", FOLDERS)
def test_an_honest_folder_is_spared(name: str, tmp_path: Path) -> None:
    skips.module("jinja2")
    for path, data in FOLDERS[name].items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    said = scan(open_tree(tmp_path))
    assert not said.findings
    assert not said.skips
