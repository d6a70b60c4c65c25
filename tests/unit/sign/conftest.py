"""Signed worlds for the tests of signing, in both forms."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.sign.world import World


@pytest.fixture(params=["directory", "file"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    (tmp_path / "project").mkdir()
    return World(tmp_path / "project", request.param)


@pytest.fixture
def make_world(tmp_path: Path) -> Callable[[str], World]:
    def make(form: str) -> World:
        folder = tmp_path / form
        folder.mkdir()
        return World(folder, form)

    return make
