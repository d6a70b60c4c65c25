"""Files: bounded reads, atomic durable writes. Nothing else in secpipe opens a file for writing."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import stat
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, BinaryIO

from secpipe.core.errors import InputError, SecpipeError, UnsafeInput
from secpipe.core.text import printable

# O_NONBLOCK: opening a FIFO must not hang. O_BINARY exists on Windows only.
_READ_FLAGS = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def check_private(path: str | os.PathLike[str]) -> None:
    """Raise InputError unless only the owner can read or write `path` (POSIX; Windows relies on its ACLs)."""
    if os.name == "nt":
        return
    try:
        info = os.stat(path)
    except OSError as error:
        raise InputError(f"cannot read {os.fspath(path)}: {reason(error)}") from error
    if stat.S_ISREG(info.st_mode) and stat.S_IMODE(info.st_mode) & 0o077:
        mode = stat.S_IMODE(info.st_mode)
        raise InputError(
            f"{os.fspath(path)} can be read by others (mode {mode:04o})", hint=f"chmod 600 {os.fspath(path)}"
        )


def open_descriptor(path: str | os.PathLike[str], *, follow: bool = True) -> tuple[int, os.stat_result]:
    """Open a regular file for reading and return (descriptor, its stat); the caller closes it. Raises InputError."""
    flags = _READ_FLAGS | (0 if follow else getattr(os, "O_NOFOLLOW", 0))
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        raise InputError(f"cannot read {printable(os.fspath(path))}: {reason(error)}") from error
    info = os.fstat(descriptor)
    if not stat.S_ISREG(info.st_mode):
        os.close(descriptor)
        raise InputError(f"cannot read {printable(os.fspath(path))}: not a regular file")
    return descriptor, info


def open_regular(path: str | os.PathLike[str], *, follow: bool = True) -> BinaryIO:
    """Open a regular file for reading, unbuffered; raise InputError for anything else.

    With `follow=False` a symbolic link as last part of the path is refused.
    """
    return os.fdopen(open_descriptor(path, follow=follow)[0], "rb", buffering=0)


def read_bytes(path: str | os.PathLike[str], limit: int, *, follow: bool = True) -> bytes:
    """Return the content of a regular file; raise UnsafeInput above `limit` bytes, InputError when unreadable."""
    with open_regular(path, follow=follow) as file:
        data = read_upto(file, limit + 1)
    if len(data) > limit:
        raise UnsafeInput(f"{printable(os.fspath(path))} is larger than {limit:,} bytes")
    return data


def read_upto(file: BinaryIO, count: int) -> bytes:
    """Return up to `count` bytes; fewer only at the end of the file."""
    parts = []
    while count > 0 and (part := file.read(min(count, 1 << 20))):
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def reason(error: OSError) -> str:
    """Return the operating system's words for an error, lower case, without the path."""
    return (error.strerror or type(error).__name__).lower()


def write_atomic(path: str | os.PathLike[str], data: bytes, *, mode: int = 0o644) -> None:
    """Replace `path` by `data` in one step that survives a crash: temporary file, fsync, rename, fsync of the folder.

    On any failure the old content stays and no temporary file is left. Raises SecpipeError.
    """

    import tempfile  # only writers pay for it

    target = Path(path)
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=f".{target.name[:64]}.", suffix=".tmp", dir=target.parent)
    except OSError as error:
        raise SecpipeError(f"cannot write {printable(str(target))}: {reason(error)}") from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            if hasattr(os, "fchmod"):
                os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        os.replace(temporary, target)
        sync_folder(target.parent)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        if isinstance(error, OSError):
            raise SecpipeError(f"cannot write {printable(str(target))}: {reason(error)}") from error
        raise


def append(path: str | os.PathLike[str], data: bytes) -> None:
    """Add to the end of a file that others write too (a CI job summary); raises SecpipeError."""
    try:
        with open(path, "ab") as file:
            file.write(data)
    except OSError as error:
        raise SecpipeError(f"cannot write {printable(os.fspath(path))}: {reason(error)}") from error


def write_stream(path: str | os.PathLike[str], source: IO[bytes], size: int, *, executable: bool = False) -> None:
    """Create `path` with exactly `size` bytes from `source`, for scratch folders: not durable, never over a link."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    try:
        with os.fdopen(os.open(path, flags, 0o755 if executable else 0o644), "wb") as file:
            while size > 0 and (part := source.read(min(size, 1 << 20))):
                file.write(part)
                size -= len(part)
    except OSError as error:
        raise SecpipeError(f"cannot write {printable(os.fspath(path))}: {reason(error)}") from error
    if size:
        raise InputError(f"{printable(os.fspath(path))} ended {size:,} bytes early")


def make_link(path: str | os.PathLike[str], target: bytes) -> None:
    """Create a symbolic link in a scratch folder; raises InputError where that is not possible."""
    try:
        os.symlink(os.fsdecode(target), path)
    except (OSError, ValueError) as error:
        raise InputError(f"cannot make the link {printable(os.fspath(path))}") from error


def create_exclusive(path: str | os.PathLike[str], data: bytes, *, mode: int = 0o600) -> None:
    """Create `path` durably; raise InputError where something stands already, SecpipeError on any other failure."""
    target = Path(path)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(target, flags, mode)
    except FileExistsError as error:
        raise InputError(f"{printable(str(target))} exists already") from error
    except OSError as error:
        raise SecpipeError(f"cannot write {printable(str(target))}: {reason(error)}") from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        sync_folder(target.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(target)
        raise SecpipeError(f"cannot write {printable(str(target))}: {reason(error)}") from error


def sync_folder(folder: str | os.PathLike[str]) -> None:
    """Make a rename or a new name in `folder` durable (a no-op on Windows)."""
    if sys.platform != "win32":
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def make_folder(path: str | os.PathLike[str], *, mode: int = 0o755) -> None:
    """Create a folder and its parents; raise SecpipeError."""
    try:
        os.makedirs(path, mode=mode, exist_ok=True)
    except OSError as error:
        raise SecpipeError(f"cannot create {printable(os.fspath(path))}: {reason(error)}") from error


def write_folder(path: Path, contents: Mapping[str, bytes]) -> None:
    """Create the folder `path` with these files in one step that survives a crash; one that stands already is kept.

    Raises SecpipeError.
    """
    if path.is_dir():
        return
    beside = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        make_folder(beside)
        for name, data in contents.items():
            write_atomic(beside / name, data)
        os.replace(beside, path)
        sync_folder(path.parent)
    except OSError as error:
        if not path.is_dir():  # otherwise another process wrote the same
            raise SecpipeError(f"cannot write {printable(str(path))}: {reason(error)}") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def folders(path: str | os.PathLike[str]) -> list[str]:
    """Return the names of the real folders in `path`, sorted, links left out; raises InputError."""
    try:
        with os.scandir(path) as found:
            return sorted(item.name for item in found if item.is_dir(follow_symlinks=False))
    except OSError as error:
        raise InputError(f"cannot read {printable(os.fspath(path))}: {reason(error)}") from error


def names(path: str | os.PathLike[str]) -> list[str]:
    """Return the names of the regular files in the folder `path`, sorted, links left out; raises InputError."""
    try:
        with os.scandir(path) as found:
            return sorted(item.name for item in found if item.is_file(follow_symlinks=False))
    except OSError as error:
        raise InputError(f"cannot read {printable(os.fspath(path))}: {reason(error)}") from error


def remove(path: str | os.PathLike[str]) -> None:
    """Remove a file durably; absent is fine. Raises SecpipeError."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise SecpipeError(f"cannot remove {printable(os.fspath(path))}: {reason(error)}") from error
    sync_folder(Path(path).parent)
