"""A private, read-only copy of a folder that was hashed: what is copied is held against the digests once more."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from pathlib import Path

from secpipe.core.artifact import FileEntry
from secpipe.core.errors import ConfigError, InputError, SecpipeError, TrustError
from secpipe.core.limits import MIB
from secpipe.core.text import printable
from secpipe.system import files
from secpipe.system.tree import FolderTree


def copy_place(tree: Path, target: Path) -> Path:
    """Return where a copy of the folder `tree` can be made; raises ConfigError where none can."""
    place = files.real_place(target)
    if os.path.lexists(place):
        raise ConfigError(f"{printable(str(place))} exists already", hint="name a new folder")
    if place.is_relative_to(os.path.realpath(tree)):
        raise ConfigError(f"{printable(str(place))} lies in what is copied", hint="name a folder outside of it")
    return place


def sealed_copy(tree: FolderTree, target: Path) -> Path:
    """Copy the files and links of `tree` to the new folder `target` and return where it is; only we may read it.

    Whatever the tree left out is not copied. Nobody may write to the copy, and other users may not read it; who runs as
    the same user can undo that. Raises ConfigError where something stands at `target` or it lies in the tree,
    TrustError where the bytes copied are not those that were hashed; then no copy is left.
    """
    place = copy_place(tree.root, target)
    try:
        os.mkdir(place, 0o700)
    except OSError as error:
        raise SecpipeError(f"cannot create {printable(str(place))}: {files.reason(error)}") from error
    try:
        for entry in tree.files:
            _folder(place, entry.path)
            _copy(tree, entry, place / entry.path)
        for link in tree.links:
            _folder(place, link.path)
            os.symlink(link.target, place / link.path)
        for folder, _, _ in os.walk(place, topdown=False):
            os.chmod(folder, 0o500)
    except OSError as error:
        remove_copy(place)
        raise SecpipeError(f"cannot write {printable(str(place))}: {files.reason(error)}") from error
    except BaseException:
        remove_copy(place)
        raise
    return place


def remove_copy(place: Path) -> None:
    """Remove a copy made by `sealed_copy`, as far as that is possible."""
    for folder, _, _ in os.walk(place):
        with contextlib.suppress(OSError):
            os.chmod(folder, 0o700)
    shutil.rmtree(place, ignore_errors=True)


def _folder(place: Path, path: str) -> None:
    parent = path.rpartition("/")[0]
    if parent:
        os.makedirs(place / parent, mode=0o700, exist_ok=True)


def _copy(tree: FolderTree, entry: FileEntry, target: Path) -> None:
    """Write one file, its digest taken of the very bytes that are written."""
    hasher = hashlib.sha256()
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    with (
        files.open_regular(tree.root / entry.path, follow=False) as source,
        os.fdopen(os.open(target, flags, 0o500 if entry.mode & 0o111 else 0o400), "wb", buffering=0) as file,
    ):
        left = entry.size
        while left > 0 and (part := source.read(min(left, MIB))):
            hasher.update(part)
            file.write(part)
            left -= len(part)
        more = source.read(1)
    if left or more or hasher.hexdigest() != entry.sha256:
        raise TrustError(f"{printable(entry.path)} changed after it was verified", hint="find out who writes there")


def read_sealed(root: Path, entry: FileEntry) -> bytes:
    """Return the bytes of a file that was hashed; they are what is returned and what is compared.

    Raises TrustError where they are not those that were hashed, InputError where it cannot be read.
    """
    with files.open_regular(root / entry.path, follow=False) as source:
        data = files.read_upto(source, entry.size + 1)
    if hashlib.sha256(data).hexdigest() != entry.sha256:
        raise TrustError(f"{printable(entry.path)} changed after it was verified", hint="find out who writes there")
    return data


def unlinked(path: str | os.PathLike[str]) -> Path:
    """Return the folder that `path` leads to, free of links; raises InputError where there is none."""
    try:
        place = Path(path).resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(f"there is no folder {printable(os.fspath(path))}") from error
    if not place.is_dir():
        raise InputError(f"{printable(os.fspath(path))} is no folder", hint="a verdict is about a whole release")
    return place
