"""The files of a `keys/` folder, each read once: none may hold a private key, and what was looked at is read."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from secpipe.core.errors import InputError, TrustError, UnsafeInput
from secpipe.core.text import printable
from secpipe.system import files

FILE_LIMIT = 4 << 20
FOLDER_LIMIT = 256 << 20
NO_KEYS = "secpipe keys init makes them, --trust names another folder"
_MAX_FILES = 100_000
_MOST_HELD = 32 << 20
_PRIVATE = (b"PRIVATE" + b" KEY-----", b"age-encryption" + b".org/v1", b"AGE-SECRET" + b"-KEY-")
# DER of PKCS#8 (version 0, then an AlgorithmIdentifier), of an encrypted PKCS#8, of SEC 1 and of PKCS#1 keys
_PRIVATE_DER = re.compile(
    rb"\x30(?:[\x00-\x7f]|\x81.|\x82..|\x83...)"
    rb"(?:\x02\x01[\x00\x01]\x30|\x02\x01\x01\x04|\x02\x01\x00\x02|\x30(?:.|\x81.|\x82..)\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x05)",
    re.DOTALL,
)

#: Path -> content of the files that were looked at, links left out; what is not in it is read where it lies.
Held = Mapping[str, bytes]


def refuse_private_keys(folder: Path) -> Held:
    """Return the files of `folder`; raise TrustError where one holds a private key: public trust material only.

    Raises UnsafeInput for more files or bytes than a trust folder can have.
    """
    left, room = FOLDER_LIMIT, _MOST_HELD
    held: dict[str, bytes] = {}
    for path, link in _walk(folder):
        with files.open_regular(path) as file:
            data = files.read_upto(file, min(FILE_LIMIT + 1, left))
        left -= len(data)
        if left <= 0:
            raise UnsafeInput(f"{printable(str(folder))} holds more than {FOLDER_LIMIT:,} bytes", hint=NO_KEYS)
        if any(mark in data for mark in _PRIVATE) or _PRIVATE_DER.match(data):
            raise TrustError(
                f"{printable(path)} holds a private key; this folder is for public keys only",
                hint="move it to $SECPIPE_HOME, and revoke it if it was ever pushed",
            )
        if not link and len(data) <= min(FILE_LIMIT, room):
            held[path] = data
            room -= len(data)
    return held


def _walk(folder: Path) -> Iterator[tuple[str, bool]]:
    """Yield every file below `folder`, and whether a link leads to it; links to folders are not followed."""
    count, todo = 0, [os.fspath(folder)]
    while todo:
        try:
            with os.scandir(todo.pop()) as found:
                entries = list(found)
        except OSError:
            continue
        count += len(entries)
        if count > _MAX_FILES:
            raise UnsafeInput(f"{printable(str(folder))} holds more than {_MAX_FILES:,} files", hint=NO_KEYS)
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                todo.append(entry.path)
            elif entry.is_file():
                yield entry.path, entry.is_symlink()


def read_public(path: str | Path, held: Held) -> bytes:
    """Return a file of the folder, as it was when it was looked at; raises InputError, UnsafeInput."""
    data = held.get(os.fspath(path))
    return files.read_bytes(path, FILE_LIMIT, follow=False) if data is None else data


def lay_public(path: Path, data: bytes) -> None:
    """Put a file of a trust folder in its place, also over a damaged one or a link; the right one stays as it is."""
    try:
        if files.read_bytes(path, FILE_LIMIT, follow=False) == data:
            return
    except InputError:
        pass  # nothing there, or nothing that can be read
    files.make_folder(path.parent)
    files.write_atomic(path, data)


def listing(folder: Path) -> list[str]:
    """Return the names in `folder`; raises InputError, UnsafeInput for more than a trust folder can have."""
    try:
        names = os.listdir(folder)
    except OSError as error:
        raise InputError(f"cannot read {printable(str(folder))}: {files.reason(error)}", hint=NO_KEYS) from error
    if len(names) > _MAX_FILES:
        raise UnsafeInput(f"{printable(str(folder))} holds more than {_MAX_FILES:,} files")
    return names
