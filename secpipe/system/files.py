"""Files: bounded reads, atomic durable writes of state. Only `system` opens a file for writing."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, BinaryIO

from secpipe.core.errors import ConfigError, InputError, SecpipeError, UnsafeInput
from secpipe.core.text import printable
from secpipe.system import links

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
    """Replace the state file `path` by `data` in one step that survives a crash, with exactly this `mode`.

    For keys, trust material and state, which never follow a link: one that stands at `path` is replaced itself, one in
    a project's folders is refused (ConfigError, as for a missing folder). Raises SecpipeError where writing fails; the
    old content then stays and no temporary file is left. What the user names with `-o` goes through `outputs`.
    """
    replace(real_place(path), data, mode=mode)


def replace(target: Path, data: bytes, *, mode: int | None) -> None:
    """Replace the file `target`, whose folder is free of links: temporary file, fsync, rename, fsync of the folder.

    `mode` None keeps mode and owner of what stands there, and lets the umask decide for a new file. Anything but a
    regular file or a link is refused: renaming over a device would take it from the whole machine. Raises SecpipeError.
    """
    temporary = target.with_name(f"{_hidden(target)}{os.urandom(6).hex()}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    try:
        old = _old(target)
        descriptor = os.open(temporary, flags, 0o666 if mode is None and old is None else 0o600)
    except OSError as error:
        raise SecpipeError(f"cannot write {printable(str(target))}: {reason(error)}") from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            _settle(file.fileno(), mode, old)
            os.fsync(file.fileno())
        os.replace(temporary, target)
        sync_folder(target.parent)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        if isinstance(error, OSError):
            raise SecpipeError(f"cannot write {printable(str(target))}: {reason(error)}") from error
        raise


def sweep(path: str | os.PathLike[str]) -> None:
    """Remove what writers of the state file `path` left who died before it had its name. Raises SecpipeError."""
    place = real_place(path)
    begin = _hidden(place)
    for name in names(place.parent):
        if name.startswith(begin) and name.endswith(".tmp") and len(name) == len(begin) + 16:
            remove(place.parent / name)


def _hidden(target: Path) -> str:
    """Return how temporary names of `target` begin: of no other file's, and short enough for every file system."""
    name = target.name
    if len(name) > 48:
        import hashlib  # few names are so long

        name = f"{name[:39]}~{hashlib.sha256(os.fsencode(name)).hexdigest()[:8]}"
    return f".{name}."


def state_place(path: str | os.PathLike[str]) -> Path:
    """Return where a state file lies that a library opens itself; raises ConfigError for a link, device or folder."""
    place = real_place(path)
    if place.is_symlink():
        raise ConfigError(f"{printable(str(place))} is a link, and state never follows one", hint="name its target")
    _old(place)
    return place


def real_place(path: str | os.PathLike[str]) -> Path:
    """Return `path` with its folder free of links; raises ConfigError for one that lies in a project."""
    folder = links.follow(Path(path).parent)
    if isinstance(folder, int):
        raise ConfigError(f"{printable(os.fspath(path))} is in no folder")
    return folder / Path(path).name


def _old(target: Path) -> os.stat_result | None:
    """Return the stat of the regular file at `target`, None where nothing or a link stands; raises SecpipeError."""
    try:
        info = os.lstat(target)
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(info.st_mode):
        raise ConfigError(f"{printable(str(target))} is a folder")
    if not stat.S_ISREG(info.st_mode) and not stat.S_ISLNK(info.st_mode):
        raise ConfigError(f"{printable(str(target))} is a device, pipe or socket and cannot hold this")
    return info if stat.S_ISREG(info.st_mode) else None


def _settle(descriptor: int, mode: int | None, old: os.stat_result | None) -> None:
    """Give a new file its mode, or mode and owner of the `old` one; what cannot be kept never widens who reads it."""
    if sys.platform == "win32":
        pass  # access lists come from the folder
    elif mode is not None:
        os.fchmod(descriptor, mode)
    elif old is not None:
        kept = stat.S_IMODE(old.st_mode) & 0o777
        mine = os.fstat(descriptor)
        if (mine.st_uid, mine.st_gid) != (old.st_uid, old.st_gid):
            try:
                os.fchown(descriptor, old.st_uid, old.st_gid)
            except OSError:  # only root gives files away
                kept &= 0o707
        os.fchmod(descriptor, kept)


def append(path: str | os.PathLike[str], data: bytes) -> None:
    """Add to the end of a file that others write too (a CI job summary); raises SecpipeError, ConfigError."""
    target = links.follow(path)
    try:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
        with os.fdopen(target if isinstance(target, int) else os.open(target, flags, 0o644), "wb", buffering=0) as file:
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
    target = real_place(path)
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
    """Create a folder and its parents; raise SecpipeError, ConfigError where something is in the way."""
    if os.path.isdir(path):
        return
    there = Path(path).absolute()
    while not os.path.lexists(there) and there != there.parent:
        there = there.parent
    try:
        links.follow(there)
        if not os.path.isdir(there):
            shown = printable(str(there))
            raise ConfigError(f"{shown} is not a folder", hint="name another place, or rename what stands there")
        os.makedirs(path, mode=mode, exist_ok=True)
    except OSError as error:
        raise SecpipeError(f"cannot create {printable(os.fspath(path))}: {reason(error)}") from error


def write_folder(path: Path, contents: Mapping[str, bytes]) -> None:
    """Create the folder `path` with these files in one step that survives a crash; one that stands already is kept.

    Raises SecpipeError.
    """
    if path.is_dir():
        return
    beside = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
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
        import shutil  # rare, and it brings every archive format along

        shutil.rmtree(beside, ignore_errors=True)


def folders(path: str | os.PathLike[str]) -> list[str]:
    """Return the names of the real folders in `path`, sorted, links left out; raises InputError."""
    return _listed(path, lambda item: item.is_dir(follow_symlinks=False))


def names(path: str | os.PathLike[str]) -> list[str]:
    """Return the names of the regular files in the folder `path`, sorted, links left out; raises InputError."""
    return _listed(path, lambda item: item.is_file(follow_symlinks=False))


def _listed(path: str | os.PathLike[str], wanted: Callable[[os.DirEntry[str]], bool]) -> list[str]:
    try:
        with os.scandir(os.fspath(path)) as found:
            return sorted(item.name for item in found if wanted(item))
    except OSError as error:
        raise InputError(f"cannot read {printable(os.fspath(path))}: {reason(error)}") from error


def rename(old: str | os.PathLike[str], new: str | os.PathLike[str]) -> None:
    """Rename a file within a project's or a user's folder, durably; raises SecpipeError."""
    try:
        os.replace(real_place(old), target := real_place(new))
    except OSError as error:
        raise SecpipeError(f"cannot rename {printable(os.fspath(old))}: {reason(error)}") from error
    sync_folder(target.parent)


def remove(path: str | os.PathLike[str]) -> None:
    """Remove a file durably; absent is fine. Raises SecpipeError."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise SecpipeError(f"cannot remove {printable(os.fspath(path))}: {reason(error)}") from error
    sync_folder(Path(path).parent)
