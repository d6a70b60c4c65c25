"""One visit a file: what the scans find in it while it is hashed, so that none of them opens it again.

Most files of a large project are *plain*: no scan finds anything in them, whatever stands beside them. They are never
visited again; each check settles all of them at once.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Sequence, Set
from typing import Any

from secpipe.core.artifact import FileEntry
from secpipe.core.protocols import Tree
from secpipe.gate.cached.cache import parts_of
from secpipe.gate.request import Request
from secpipe.sbom import plain as sbom
from secpipe.scan.agents import scan as agents
from secpipe.scan.models import plain as models
from secpipe.scan.models.scan import Judged, judge_content
from secpipe.scan.shadow_ai import plain as shadow_ai
from secpipe.scan.shadow_ai.catalogue import read_catalogue

#: How much of a SHA-256 names a plain file among those that are kept.
KEY_BYTES = 16
#: A larger file is read by the scans, piece by piece.
_LARGEST = 1 << 18
#: What each of them must say no to; one that says yes knows nothing any more, and nothing is plain.
_NEVER = (
    (models, "config.json", b'{"auto_map": {"AutoModel": "x.Y"}}'),
    (sbom, "requirements.txt", b"attrs==24.2.0\n"),
    (agents, "x.json", b'{"mcpServers": {}}'),
)


class FirstLook:
    """Takes each file of a walk with its content. A file that breaks it is left to the scans, as are large ones."""

    def __init__(self) -> None:
        self.plain: set[str] = set()  # paths
        self.quiet: set[str] = set()  # of the others: digests of content without a term of the AI catalogue
        self.models: dict[str, Judged] = {}  # of the others: path -> what the model scan makes of it
        self._sound: bool | None = None  # not known before the first file

    def __call__(self, entry: FileEntry, data: bytes) -> None:
        try:
            if self._is_plain(entry, data):
                self.plain.add(entry.path)
                return
            if shadow_ai.holds_no_term(entry, data):
                self.quiet.add(entry.sha256)
            self.models[entry.path] = judge_content(entry, data)
        except Exception:  # a defect met on hostile input: the scan meets it too, and says so
            return

    def told(self, entries: Sequence[FileEntry]) -> Any:
        """Return which of these files are plain, and which hold no term; the rest the scans open themselves."""
        plain = "".join("1" if entry.path in self.plain else "0" for entry in entries)
        return [plain, [entry.sha256 for entry in entries if entry.sha256 in self.quiet]]

    def take(self, entries: Sequence[FileEntry], told: Any) -> None:
        """Take over what a look in another process has told of these files."""
        plain, quiet = told
        self.plain.update(entry.path for entry, said in zip(entries, plain, strict=True) if said == "1")
        self.quiet.update(quiet)

    def again(self, tree: Tree, plain: Set[bytes], others: Set[bytes]) -> None:
        """Find the plain files of a tree that was hashed without a look: by keys that are kept, or by opening them."""
        for entry in tree.files:
            key = key_of(entry)
            if key in plain:
                self.plain.add(entry.path)
            elif key not in others and 0 < entry.size <= _LARGEST:
                with contextlib.suppress(Exception):  # the scans meet it too, and say so
                    if self._is_plain(entry, tree.read(entry, _LARGEST)):
                        self.plain.add(entry.path)

    def _is_plain(self, entry: FileEntry, data: bytes) -> bool:
        if self._sound is None:
            host = next(host for one in read_catalogue().providers.values() for host in one.lists["hosts"])
            known = (*_NEVER, (shadow_ai, "x.py", f"https://{host}/v1\n".encode()))
            self._sound = not any(
                wing.is_plain(FileEntry(name, len(never), 0o644, "", never[:64]), never) for wing, name, never in known
            )
        return self._sound and is_plain(entry, data)


def first_look(request: Request) -> FirstLook | None:
    """Return what looks at each file, None where an earlier run has kept what it found in most of them."""
    place = parts_of(request)
    return None if place is not None and place.exists() else FirstLook()


def is_plain(entry: FileEntry, data: bytes) -> bool:
    """Tell whether every scan ends at once with a file of this name and whole content."""
    return (
        models.is_plain(entry, data)
        and sbom.is_plain(entry, data)
        and agents.is_plain(entry, data)
        and shadow_ai.is_plain(entry, data)
    )


def key_of(entry: FileEntry) -> bytes:
    """Return what being plain rests on, besides the engine: path and content, as 128 bits of SHA-256."""
    told = f"{entry.sha256}{entry.path}".encode("utf-8", "surrogatepass")
    return hashlib.sha256(told).digest()[:KEY_BYTES]
