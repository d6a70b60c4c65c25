"""What a signed test result says, as facts: its word, its figures, and the digests of what was tested; pure.

Source: in-toto/attestation spec/predicates/test-result.md. `configuration` lists what the test ran with as resource
descriptors; `metrics` (name -> number) stands beside the specified fields, which consumers that do not know it ignore.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from secpipe.core import shape
from secpipe.core.protocols import Tree
from secpipe.core.text import printable

_MOST = 10_000  # descriptors and metrics that are read
_HEX = re.compile(r"[0-9a-f]{64}\Z")


def result(predicate: Mapping[str, Any]) -> str:
    """Return the result that a predicate states; one that names failed tests beside a pass contradicts itself."""
    said = predicate["result"]
    if said != "FAILED" and predicate.get("failedTests"):
        return f"{printable(str(said), 20)}, yet it names failed tests"
    return printable(said, 64) if isinstance(said, str) else "no word"


def metrics(predicate: Mapping[str, Any]) -> dict[str, float]:
    """Return the figures of a predicate; what is no finite number is none."""
    found = {}
    for name, value in list(shape.mapping(predicate.get("metrics")).items())[:_MOST]:
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300:
            found[printable(name, 200)] = float(value)
    return dict(sorted(found.items()))


def tested(predicate: Mapping[str, Any]) -> frozenset[str]:
    """Return the SHA-256 digests that the configuration of a test names."""
    rows = shape.tables(predicate.get("configuration"))[:_MOST]
    digests = (shape.mapping(row.get("digest")).get("sha256") for row in rows)
    return frozenset(one for one in digests if isinstance(one, str) and _HEX.match(one))


class Files:
    """The files of a tree by their digest; listed once, and only when somebody asks."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._by_digest: dict[str, list[str]] | None = None

    def of(self, digests: Iterable[str]) -> list[str]:
        """Return the paths of the files that have one of these digests; none that is not printed as it is."""
        if self._by_digest is None:
            self._by_digest = {}
            for entry in (one for one in self._tree.files if printable(one.path) == one.path):
                self._by_digest.setdefault(entry.sha256, []).append(entry.path)
        return sorted({path for digest in digests for path in self._by_digest.get(digest, ())})
