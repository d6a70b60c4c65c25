"""A model in an archive is a model: it needs a signature like any other."""

from __future__ import annotations

import io
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from secpipe.core.verdict import Decision
from secpipe.gate.decide import decide
from secpipe.scan.models.scan import scan
from secpipe.system.tree import walk
from tests.unit.gate_builders import clean, ok, situation

HEADER = b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
MODEL = len(HEADER).to_bytes(8, "little") + HEADER + bytes(4)


def pack(path: Path, name: str, data: bytes) -> None:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(name, data)
        return
    with tarfile.open(path, "w:gz") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(data)
        archive.addfile(entry, io.BytesIO(data))


@pytest.mark.parametrize("archive", ["a.zip", "a.tar.gz"])
def test_an_archive_with_an_unsigned_model_denies_and_one_with_text_does_not(archive: str, tmp_path: Path) -> None:
    unsigned = ok("signatures", covered={}, artifacts=[])
    for name, data, decision in (("w.safetensors", MODEL, Decision.DENY), ("a.txt", b"hello", Decision.PASS)):
        pack(tmp_path / archive, name, data)
        evidence = clean(models=replace(scan(walk(tmp_path)), skips=()), signatures=unsigned)
        assert decide(situation(evidence)).decision is decision, name
