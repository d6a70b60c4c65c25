"""Transformations: what an attacker, or chance, does to a project without changing what it does."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.metamorphic.seeds import PART, Seed

Made = dict[str, "bytes | str"]  # a str is a link's target


@dataclass(frozen=True, slots=True)
class Change:
    """`keeps`: both twins keep their verdict. Otherwise the bad twin may end undecided, and so may the honest one."""

    name: str
    make: Callable[[Seed, Mapping[str, bytes]], Made]
    fits: Callable[[Seed], bool] = lambda seed: True
    keeps: bool = True


def _code(seed: Seed) -> bool:
    return seed.kind == "code"


def _model(seed: Seed) -> bool:
    return seed.wing == "models"


def _folder(new: str) -> Change:
    """Every folder that sounds as if it did not ship; `main.py` follows where code is imported."""

    def make(seed: Seed, files: Mapping[str, bytes]) -> Made:
        module = new.replace("/", ".").encode()
        moved = {path.replace(f"{PART}/", f"{new}/"): data for path, data in files.items()}
        return {**moved, "main.py": files["main.py"].replace(PART.encode(), module)}

    return Change(f"folder {new}", make)


def _file(new: str) -> Change:
    def make(seed: Seed, files: Mapping[str, bytes]) -> Made:
        moved = {path.replace("/client.py", f"/{new}.py"): data for path, data in files.items()}
        return {**moved, "main.py": files["main.py"].replace(b"client", new.encode())}

    return Change(f"file {new}", make, _code)


def _bytes(name: str, bend: Callable[[bytes], bytes], fits: Callable[[Seed], bool], keeps: bool = True) -> Change:
    return Change(name, lambda seed, files: {**files, seed.part: bend(files[seed.part])}, fits, keeps)


def _linked(seed: Seed, files: Mapping[str, bytes]) -> Made:
    depth = "../" * seed.part.count("/")
    return {**files, "data/notes.txt": files[seed.part], seed.part: f"{depth}data/notes.txt"}


def _among(seed: Seed, files: Mapping[str, bytes]) -> Made:
    """The 301st of many, in the order of names."""
    return {**{f"{PART}/a{number:03}.py": b"x = 1\n" for number in range(300)}, **files}


def _zipped(seed: Seed, files: Mapping[str, bytes]) -> Made:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(seed.part.rpartition("/")[2], files[seed.part])
    return {**{path: data for path, data in files.items() if path != seed.part}, f"{PART}/all.zip": out.getvalue()}


def _tarred(seed: Seed, files: Mapping[str, bytes]) -> Made:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        info = tarfile.TarInfo(seed.part.rpartition("/")[2])
        info.size = len(files[seed.part])
        archive.addfile(info, io.BytesIO(files[seed.part]))
    return {**{path: data for path, data in files.items() if path != seed.part}, f"{PART}/all.tar.gz": out.getvalue()}


def _text(seed: Seed) -> bool:
    return seed.part.endswith((".py", ".json", ".txt"))


def _spaced(data: bytes) -> bytes:
    return data[:-1] + b" " * (65 << 20) + data[-1:]


_PAD = 9 << 20
_EXEMPT = (
    "tests", "test", "testing", "specs", "mocks", "fixtures", "vendor", "third_party", "docs", "examples", "snapshots",
)  # fmt: skip

CHANGES = (
    Change("none", lambda seed, files: dict(files)),
    *(_folder(name) for name in _EXEMPT),
    *(_file(name) for name in ("AUDIT", "CREDIT", "JobSpec", "ModelSpec", "test_client", "client_test", "conftest")),
    Change("link", _linked),
    Change("among 300", _among),
    Change("in a zip", _zipped, _model),
    Change("in a tar.gz", _tarred, _model),
    _bytes("gzip", lambda data: gzip.compress(data, mtime=0), lambda seed: seed.name == "pickle"),
    _bytes("byte order mark", lambda data: b"\xef\xbb\xbf" + data, _text),
    _bytes("CRLF", lambda data: data.replace(b"\n", b"\r\n"), _text),
    _bytes("UTF-16", lambda data: data.decode().encode("utf-16"), _text, keeps=False),
    _bytes("padded before", lambda data: b"# " + b"x" * _PAD + b"\n" + data, _code, keeps=False),
    _bytes("padded behind", lambda data: data + b"\n# " + b"x" * _PAD, _code, keeps=False),
    _bytes("behind a long string", lambda data: b"s = '" + b"x" * 70_000 + b"'\n" + data, _code),
    _bytes("padded with space", _spaced, lambda seed: seed.name == "template", keeps=False),
)  # fmt: skip
