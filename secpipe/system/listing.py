"""Sorted file entries, found by path or by folder: what every tree has in common."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

from secpipe.core.artifact import FileEntry


class Listing:
    """File entries in the order of their paths."""

    def __init__(self, files: tuple[FileEntry, ...]) -> None:
        self.files = files
        self._paths = [entry.path for entry in files]

    def find(self, path: str) -> FileEntry | None:
        """Return the file at `path`, or None."""
        index = bisect_left(self._paths, path)
        return self.files[index] if index < len(self._paths) and self._paths[index] == path else None

    def below(self, folder: str) -> Iterator[FileEntry]:
        """Yield the files under `folder`, in order."""
        prefix = f"{folder}/" if folder else ""
        for index in range(bisect_left(self._paths, prefix), len(self._paths)):
            if not self._paths[index].startswith(prefix):
                return
            yield self.files[index]
