"""A ZIP is found from its end: what stands before it hides nothing, and a program that unpacks itself is honest."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest

from secpipe.scan.models.scan import scan
from secpipe.system.tree import walk

PREFIXES = {
    "script": b"#!/bin/sh\nexec unzip $0\n", "image": b"\x89PNG\r\n\x1a\n" + b"\0" * 64, "program": b"MZ" + b"\0" * 510,
    "text": b"hello\n" * 9000, "elf": b"\x7fELF" + b"\1" * 200,
}  # fmt: skip


class _Shell:
    def __reduce__(self) -> Any:
        import os

        return os.system, ("true",)


def _zip(comment: bytes = b"", **members: bytes) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.comment = comment
        for name, content in members.items():
            archive.writestr(name.replace("__", "."), content)
    return data.getvalue()


@pytest.mark.parametrize("comment", [b"", b"c" * 60_000])
@pytest.mark.parametrize("name", ["m.zip", "logo.png", "notes.txt", "run", "app.py", "a.bin.dat"])
@pytest.mark.parametrize("prefix", PREFIXES)
def test_code_in_an_archive_behind_something_else_is_found(
    prefix: str, name: str, comment: bytes, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(PREFIXES[prefix] + _zip(comment, e__pkl=pickle.dumps(_Shell())))
    found = scan(walk(tmp_path))
    assert "models/dangerous-call" in {finding.rule for finding in found.findings}
    assert found.facts["files"][name]["outcome"] == "malicious"


@pytest.mark.parametrize("prefix", PREFIXES)
def test_an_honest_program_that_unpacks_itself_is_one(prefix: str, tmp_path: Path) -> None:
    (tmp_path / "app.pyz").write_bytes(PREFIXES[prefix] + _zip(__main____py=b"print(1)", data__json=b"{}"))
    assert scan(walk(tmp_path)).findings == ()


def test_the_mark_of_an_archive_in_other_bytes_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.dat").write_bytes(bytes(range(256)) * 9 + b"PK\5\6" + b"\0" * 40)
    found = scan(walk(tmp_path))
    assert (found.findings, found.skips) == ((), ())
