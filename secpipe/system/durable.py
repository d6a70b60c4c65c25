"""Files that grow: bytes that are on the disk when a call returns, and many files settled together."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from secpipe.core.errors import InputError, SecpipeError
from secpipe.core.text import printable
from secpipe.system import files

_TOGETHER = 1024  # files written before the first of them is settled
_FLAGS = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


def append_at(path: Path, data: bytes, at: int) -> None:
    """Write `data` at the end of the file `path`, which is at `at`, and return when the disk has it.

    Nothing of `data` stays where that fails (a full disk). Raises SecpipeError; InputError for another length.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | _FLAGS)
    except OSError as error:
        raise SecpipeError(f"cannot write {printable(str(path))}: {files.reason(error)}") from error
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        if os.fstat(file.fileno()).st_size != at:
            raise InputError(f"{printable(str(path))} was changed by somebody else")
        try:
            file.seek(at)
            rest = memoryview(data)
            while rest:
                rest = rest[file.write(rest) :]
            os.fsync(file.fileno())
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(file.fileno(), at)
            raise SecpipeError(f"cannot write {printable(str(path))}: {files.reason(error)}") from error


def cut(path: Path, size: int) -> None:
    """Cut the file `path` back to `size` bytes, durably; raises SecpipeError."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | _FLAGS), "wb", buffering=0) as file:
            os.ftruncate(file.fileno(), size)
            os.fsync(file.fileno())
    except OSError as error:
        raise SecpipeError(f"cannot write {printable(str(path))}: {files.reason(error)}") from error


def write_all(base: Path, items: Iterable[tuple[str, bytes]]) -> None:
    """Write many files below the folder `base`, and return when the disk has them all; raises SecpipeError.

    Cheaper than one by one, and a crash may leave any part of them: for what is written again then. The caller holds
    a lock on the folder.
    """
    waiting: list[Path] = []
    try:
        for place, data in items:
            path = base / place
            files.make_folder(path.parent)
            temporary = path.with_name(f".{path.name}.tmp")  # the same again after a crash, so that none piles up
            with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _FLAGS, 0o644), "wb") as file:
                file.write(data)
            os.replace(temporary, path)
            waiting.append(path)
            if len(waiting) >= _TOGETHER:
                _settle(base, waiting)
                waiting.clear()
        _settle(base, waiting)
    except OSError as error:
        raise SecpipeError(f"cannot write {printable(str(error.filename or base))}: {files.reason(error)}") from error


def drop(folder: Path) -> None:
    """Remove a folder of files that others replaced; what cannot be removed stays and does no harm."""
    if not folder.is_symlink():
        shutil.rmtree(folder, ignore_errors=True)


def _settle(base: Path, paths: Iterable[Path]) -> None:
    """Wait until the disk has these files, and their names all the way up to `base`."""
    folders: dict[Path, None] = {}
    for path in paths:
        descriptor = os.open(path, os.O_RDWR | _FLAGS)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        folder = path.parent
        while folder != base and folder not in folders:
            folders[folder] = None
            folder = folder.parent
    for folder in (*folders, base):
        files.sync_folder(folder)
