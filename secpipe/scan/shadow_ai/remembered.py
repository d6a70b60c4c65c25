"""Files that held nothing in an earlier run, known by path and stamp: a run over a changed folder reads the others.

A stamp can be forged by whoever can set the clock: for who believes those of a whole folder anyway (ADR 30, 65), never
for a gate.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Set

from secpipe.core.artifact import FileEntry
from secpipe.formats import unpack
from secpipe.scan.shadow_ai import readers
from secpipe.scan.shadow_ai.catalogue import Catalogue
from secpipe.system.hashing import stamp_of

_KEY = 16  # bytes of a SHA-256


class Remembered:
    """What is known of a folder's files before a run, and after it; `kept` is hex, as another run is given it."""

    def __init__(self, kept: str = "") -> None:
        data = bytes.fromhex(kept)
        self._keys = {data[start : start + _KEY] for start in range(0, len(data), _KEY)}
        self.paths: set[str] = set()  # met by this run, and not read
        self.quiet: set[str] = set()  # digests of content in which this run found no term
        self.kept = kept

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
        self.kept = b"".join(sorted(found)).hex()


def _key(path: str, stamp: bytes) -> bytes:
    return hashlib.sha256(stamp + path.encode("utf-8", "surrogatepass")).digest()[:_KEY]
