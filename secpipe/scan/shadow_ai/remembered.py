"""What an earlier run found in each file, known by path and stamp: a run over a changed folder reads what changed.

A stamp can be forged by whoever can set the clock: for who believes those of a whole folder anyway (ADR 30, 65), never
for a gate.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Set
from typing import Any

from secpipe.core.artifact import FileEntry
from secpipe.formats import unpack
from secpipe.scan.shadow_ai import readers
from secpipe.scan.shadow_ai.catalogue import Catalogue
from secpipe.scan.shadow_ai.looking import Said
from secpipe.scan.shadow_ai.sharing import line_of
from secpipe.system.hashing import stamp_of

_MOST = 16 << 20  # characters of what files said
_KEY = 16  # bytes of a SHA-256


class Remembered:
    """What is known of a folder's files before a run, and after it; `kept` is that as JSON can hold it."""

    def __init__(self, kept: Any = None) -> None:
        data = bytes.fromhex(kept["plain"]) if kept else b""
        self._keys = {data[start : start + _KEY] for start in range(0, len(data), _KEY)}
        self._said: dict[str, str] = kept["said"] if kept else {}
        self._now: dict[str, str] = {}
        self._left = _MOST
        self.paths: set[str] = set()  # met by this run, and not read
        self.quiet: set[str] = set()  # digests of content in which this run found no term
        self.kept: Any = kept

    def recall(self, entry: FileEntry) -> bytes | None:
        """Return what a file said, as `sharing.line_of` wrote it, if it bears the stamp that it had then."""
        line = self._said.get(_key(entry.path, entry.stamp).hex())
        return line.encode("latin-1") if line else None

    def note(self, entry: FileEntry, said: Said) -> None:
        """Keep what a file says, as long as there is room: what is left out is read again."""
        line = line_of(said).decode("latin-1")
        self._left -= len(line)
        if self._left >= 0:
            self._now[_key(entry.path, entry.stamp).hex()] = line

    def known(self, path: str, info: os.stat_result) -> FileEntry | None:
        """Return the entry of a file that held nothing and bears the same stamp, without digest and first bytes."""
        stamp = stamp_of(info)
        if not self._keys or _key(path, stamp) not in self._keys:
            return None
        self.paths.add(path)
        return FileEntry(path, info.st_size, stat.S_IMODE(info.st_mode), "", b"", stamp)

    def learn(self, files: Iterable[FileEntry], skipped: Set[str], catalogue: Catalogue) -> None:
        """Keep the files of this run that hold nothing, whatever stands beside them, less those that are `skipped`."""
        found = (
            _key(entry.path, entry.stamp) for entry in files
            if entry.path in self.paths or (entry.sha256 in self.quiet and not entry.via and entry.path not in skipped
                and not unpack.may_be(entry.head) and not readers.always(entry.path, catalogue))
        )  # fmt: skip
        self.kept = {"plain": b"".join(sorted(found)).hex(), "said": self._now}


def _key(path: str, stamp: bytes) -> bytes:
    return hashlib.sha256(stamp + path.encode("utf-8", "surrogatepass")).digest()[:_KEY]
