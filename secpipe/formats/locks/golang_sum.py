"""go.sum: the hashes of Go modules."""

from __future__ import annotations

import re

from secpipe.core.paths import folder_of
from secpipe.formats.locks.library import library
from secpipe.formats.locks.lock import Lock

_SUM = re.compile(r"^(\S+) (v\S+?)(/go\.mod)? (h1:[A-Za-z0-9+/=]{44})$", re.MULTILINE)


def read(found: Lock) -> None:
    """Read a go.sum that stands alone; beside a go.mod it only gives hashes, for it names more than is built."""
    sums = sums_of(found.data.decode("utf-8"))
    if found.near(f"{folder_of(found.path)}/go.mod".lstrip("/")) is None:
        for (module, version), digest in sums.items():
            found.add(library("Go", module, version, path=found.path, facts={"go-sum": digest}))


def sums_of(text: str) -> dict[tuple[str, str], str]:
    """Return (module, version) -> hash of the text of a go.sum."""
    return {(match[1], match[2]): match[4] for match in _SUM.finditer(text) if not match[3]}
