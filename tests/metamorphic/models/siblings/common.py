"""How attacks and their honest twins are written down: a case is a kind, a name, and two folders of files."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from typing import Any

from tests.metamorphic.models.writing import Do, Name, Writer

Files = dict[str, bytes]
#: kind, name, hostile files, honest files.
CASES: list[tuple[str, str, Files, Files]] = []
N = Name
EVIL = b"cposix\nsystem\n(X\x02\x00\x00\x00idtR."


def case(kind: str, name: str, bad: Files, good: Files) -> None:
    """Enter a case; the kind is its number in the list of attacks."""
    CASES.append((kind, name, bad, good))


def pickled(value: Any) -> bytes:
    return value if isinstance(value, bytes) else Writer().whole(value)


def pk(kind: str, name: str, bad: Any, good: Any, file: str = "model.pkl") -> None:
    """Enter two pickles, each as a value or as bytes."""
    case(kind, name, {file: pickled(bad)}, {file: pickled(good)})


def array() -> Do:
    """Return an array of three numbers as numpy pickles it."""
    dtype = Do(N("numpy.dtype"), ("f4", False, True), state=(3, "<", None, None, None, -1, -1, 0))
    made = (N("numpy.ndarray"), (0,), b"b")
    return Do(N("numpy._core.multiarray._reconstruct"), made, state=(1, (3,), dtype, False, b"\0" * 12))


def zipped(members: Files, method: int = zipfile.ZIP_STORED, before: bytes = b"") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as made:
        for name, data in members.items():
            made.writestr(name, data)
    return before + file.getvalue()


def tarred(members: Files) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as made:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            made.addfile(info, io.BytesIO(data))
    return file.getvalue()


def written(value: Any) -> bytes:
    """Return a value as JSON."""
    return json.dumps(value).encode()


def tag(number: int, data: bytes) -> bytes:
    """Return a field of protobuf that holds bytes."""
    length, count = b"", len(data)
    while True:
        length += bytes([count & 127 | (128 if count > 127 else 0)])
        count >>= 7
        if not count:
            return bytes([number << 3 | 2]) + length + data
