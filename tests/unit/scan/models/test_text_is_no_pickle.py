"""A text of which an unpickler would not get past the first line accuses nobody; one that it would run does."""

from __future__ import annotations

from pathlib import Path

import pytest

from secpipe.scan.models.scan import scan
from secpipe.system.tree import walk
from tests.unit.formats.test_sniff_headers import MAIL

EVIL = b"F1.5\n0cposix\nsystem\n(S'true'\ntR."


@pytest.mark.parametrize(("data", "found"), [(MAIL, False), (EVIL, True), (b"I01\n" + EVIL, True)])
def test_a_line_that_is_no_number_ends_an_unpickler(tmp_path: Path, data: bytes, found: bool) -> None:
    (tmp_path / "USAGE").write_bytes(data)
    assert bool(scan(walk(tmp_path)).findings) is found


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"(installing-plugins)=\n# Installing plugins\n", False),  # an anchor of MyST
        (b"(Ninja)=\n# Ninja builds\n\nText.\n", False),
        (b"(ios)=\n# iOS\n", False),
        (b"(iposix\nsystem\n", True),
        (b"(S'true'\niposix\nsystem\n.", True),
        (b"(Niposix\nsystem\n.(installing)=\n# x\n", True),
        ("(i\u00e9vil\nr\u00fcn\n.".encode(), True),  # a module may be called so
        (b"(cposix\nsystem\n(S'true'\ntRca b\nc d\n.", True),  # the import that ends it comes too late
    ],
)
def test_an_import_that_no_module_can_answer_ends_an_unpickler(tmp_path: Path, data: bytes, found: bool) -> None:
    (tmp_path / "page.md").write_bytes(data)
    assert bool(scan(walk(tmp_path)).findings) is found
