"""The one digest pass: every regular file read once, its SHA-256 taken of what was read, and shown to whoever looks."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import stat
import sys
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from secpipe.core.artifact import FileEntry, Skip
from secpipe.core.errors import InputError
from secpipe.core.limits import MIB
from secpipe.system import files, forked

_BUFFER = MIB
_HEAD = 64
_WORKERS = min(8, os.cpu_count() or 1)
_BATCH_BYTES = 16 * MIB
_SMALL = MIB // 4
#: From so many small files on, a second process costs less than it saves: their work is Python's, which has one lock.
_MANY = 20_000
_PROCESSES = 4
_RUN = 1000  # files whose results are handed over together
#: A file written within this time could be written again without a new stamp: file systems stamp in ticks.
_TICK_NS = 20_000_000
_TICKS = 3

Progress = Callable[[int], None]
Result = FileEntry | Skip


class Look(Protocol):
    """Takes each small file with its whole content; what it saw in another process is handed over as JSON."""

    def __call__(self, entry: FileEntry, data: bytes, /) -> None: ...

    def told(self, entries: Sequence[FileEntry], /) -> Any:
        """Return what was seen in these files."""

    def take(self, entries: Sequence[FileEntry], told: Any, /) -> None:
        """Take over what another one saw in these files."""


def hashed(base: Path, paths: list[tuple[str, int]], progress: Progress | None, look: Look | None) -> list[Result]:
    """Return the entries of files (path, size), by path; what cannot be read is a `Skip`.

    Large files are hashed on a few threads (hashlib releases the GIL), very many small ones by several processes.
    """
    large = [(path, size) for path, size in paths if size > _SMALL]
    small = [path for path, size in paths if size <= _SMALL]
    if len(large) <= 1:
        several = len(small) >= _MANY
        rest = [_digest(base, path, bytearray(_BUFFER), progress) for path, _ in large]
        return sorted([*(_shared if several else _all)(base, small, progress, look), *rest], key=lambda one: one.path)
    from concurrent.futures import ThreadPoolExecutor  # a twentieth of a cold start that verifies one file

    stop = threading.Event()

    def watch(count: int) -> None:
        if stop.is_set():  # an interrupt must not wait for the end of a large file
            raise OSError("stopped")
        if progress:
            progress(count)

    def run(batch: list[str]) -> list[Result]:
        buffer = bytearray(_BUFFER)
        return [_digest(base, path, buffer, watch) for path in batch if not stop.is_set()]

    with ThreadPoolExecutor(_WORKERS) as pool:
        try:
            parts = pool.map(run, _batches(large))
            found = _all(base, small, progress, look)
            return sorted([*found, *(entry for part in parts for entry in part)], key=lambda entry: entry.path)
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise


def one(base: Path, path: str, progress: Progress | None) -> Result:
    """Return the entry of one file."""
    return _digest(base, path, bytearray(_BUFFER), progress)


def _all(base: Path, paths: Sequence[str], progress: Progress | None, look: Look | None) -> list[Result]:
    buffer = bytearray(_BUFFER)
    return [_digest(base, path, buffer, progress, look) for path in paths]


def _shared(base: Path, paths: list[str], progress: Progress | None, look: Look | None) -> list[Result]:
    """Hash small files in several processes; the share of one that fails is done again here."""
    count = min(_PROCESSES, forked.cores())
    size = -(-len(paths) // count)
    own, *shares = (paths[start : start + size] for start in range(0, len(paths), size))
    with contextlib.ExitStack() as stack:
        others = [stack.enter_context(forked.started(partial(_told, base, share, look))) for share in shares]
        found = _all(base, own, progress, look)
        for share, result in zip(shares, others, strict=True):
            taken = _taken(share, result(), look)
            if taken and progress:
                progress(sum(one.size for one in taken if isinstance(one, FileEntry)))
            found += taken or _all(base, share, progress, look)
    return found


def _told(base: Path, paths: Sequence[str], look: Look | None) -> bytes:
    """Return what was found in files as lines of JSON, each for a run of files, for `_taken`."""
    lines = []
    for start in range(0, len(paths), _RUN):
        found = _all(base, paths[start : start + _RUN], None, look)
        rows = [
            [one.size, one.mode, one.sha256, one.head.decode("latin-1"), one.stamp.decode("latin-1")]
            if isinstance(one, FileEntry) else one.reason
            for one in found
        ]  # fmt: skip
        told = look.told([one for one in found if isinstance(one, FileEntry)]) if look else None
        lines.append(json.dumps([rows, told]).encode("ascii"))
    return b"\n".join(lines)


def _taken(paths: Sequence[str], data: bytes | None, look: Look | None) -> list[Result]:
    """Return what another process found in these files; nothing where it did not come to its end."""
    found: list[Result] = []
    for line in io.BytesIO(data or b""):  # run by run: as objects it takes several times the room
        rows, told = json.loads(line)
        entries: list[FileEntry] = []
        for row in rows:
            path = paths[len(found)]
            if isinstance(row, str):
                found.append(Skip(path, row))
                continue
            size, mode, digest, head, stamp = row
            entry = FileEntry(path, size, mode, digest, head.encode("latin-1"), stamp.encode("latin-1"))
            entries.append(entry)
            found.append(entry)
        if look:
            look.take(entries, told)
    return found if len(found) == len(paths) else []


def _batches(paths: list[tuple[str, int]]) -> list[list[str]]:
    """Cut the files into runs of like work, so that no core waits while another holds several large files."""
    batches: list[list[str]] = []
    work = _BATCH_BYTES
    for path, size in paths:
        if work >= _BATCH_BYTES:
            batches.append([])
            work = 0
        batches[-1].append(path)
        work += size
    return batches


def _digest(base: Path, path: str, buffer: bytearray, progress: Progress | None, look: Look | None = None) -> Result:
    try:
        # joined as text: a Path for each of 5,000 small files would cost an eighth of the walk
        # and a file object for each another eighth
        descriptor, before = files.open_descriptor(f"{base}/{path}", follow=False)
        try:
            before = _settled(descriptor, before)
            data = os.read(descriptor, before.st_size + 1) if before.st_size <= _SMALL else None
            if data is not None and len(data) == before.st_size:
                head, digest = data[:_HEAD], hashlib.sha256(data).hexdigest()
                if progress and data:
                    progress(len(data))
            else:
                os.lseek(descriptor, 0, os.SEEK_SET)
                head, digest, data = *_streamed(descriptor, before.st_size, buffer, progress), None
            after = os.fstat(descriptor)
        finally:
            os.close(descriptor)
    except InputError as error:
        return Skip(path, f"cannot be read: {error.message.rpartition(': ')[2]}")
    except OSError as error:
        return Skip(path, f"cannot be read: {files.reason(error)}")
    stamp = stamp_of(after)
    if stamp_of(before) != stamp:
        return Skip(path, "changed while it was being read")
    entry = FileEntry(path, after.st_size, stat.S_IMODE(after.st_mode), digest, head, stamp)
    if look and data:
        look(entry, data)
    return entry


def _streamed(descriptor: int, size: int, buffer: bytearray, progress: Progress | None) -> tuple[bytes, str]:
    """Return the first bytes and the digest of a file of any size."""
    hasher, view, head, done = hashlib.sha256(), memoryview(buffer), b"", 0
    while count := _read(descriptor, buffer):
        head = head if done else bytes(view[: min(count, _HEAD)])
        hasher.update(view[:count])
        done += count
        if progress:
            progress(count)
        if done == size:
            break  # had it more, its stamp would be another
    return head, hasher.hexdigest()


def _read(descriptor: int, buffer: bytearray) -> int:
    """Fill `buffer` from the file as far as one read goes; 0 at its end."""
    if sys.platform != "win32":
        return os.readv(descriptor, [buffer])
    else:
        data = os.read(descriptor, len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _settled(descriptor: int, info: os.stat_result) -> os.stat_result:
    """Wait out the tick in which a file was written last: whoever writes it after that leaves another stamp."""
    for _ in range(_TICKS):  # one that is written all the time is seen to change while it is read
        if not 0 <= time.time_ns() - info.st_ctime_ns < _TICK_NS:
            break
        time.sleep(_TICK_NS / 1e9)
        info = os.fstat(descriptor)
    return info


def stamp_of(info: os.stat_result) -> bytes:
    """Who may write a file can set its mtime back, its ctime only with the clock (POSIX; creation time on Windows)."""
    # as numbers they would take three times the room, in every entry of a tree
    return b"%x %x %x %x %x" % (info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns)


def folder_stamp(folder: Path) -> bytes:
    """Return how a folder and the files in it are stamped, b"" where that cannot be seen; contents are not read."""
    try:
        with os.scandir(folder) as found:
            rows = [(one.name, stamp_of(one.stat(follow_symlinks=False))) for one in found]
        rows.append(("", stamp_of(os.lstat(folder))))
    except OSError:
        return b""
    return hashlib.sha256(repr(sorted(rows)).encode("utf-8", "surrogatepass")).digest()
