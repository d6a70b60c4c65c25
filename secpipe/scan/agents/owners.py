"""Who owns a file by the project's CODEOWNERS: the last pattern that meets it (GitHub's rules, not GitLab's sections).

The file is the project's own word: it is told, and no decision rests on it.
Source: https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase

from secpipe.core.errors import InputError
from secpipe.core.protocols import Tree
from secpipe.core.text import printable

PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
_LIMIT = 3 << 20  # GitHub loads no larger one
_LINES = 2000


@dataclass(frozen=True, slots=True)
class Row:
    """One line: a pattern in its segments, whether it must lie below or may end there, and the owners."""

    segments: tuple[str, ...]
    below: bool
    exact: bool
    owners: str

    def meets(self, parts: list[str]) -> bool:
        """Whether a path, in its segments, is owned by this line."""
        places = {0}
        for glob in self.segments:
            if glob == "**":
                places = set(range(min(places, default=0), len(parts) + 1)) if places else set()
            else:
                places = {at + 1 for at in places if at < len(parts) and fnmatchcase(parts[at], glob)}
        whole = len(parts) in places and not self.below
        return whole or (not self.exact and any(at < len(parts) for at in places))


def rows(tree: Tree) -> list[Row]:
    """Return the lines of the CODEOWNERS that counts, in order; none where there is none that can be read."""
    entry = next((found for place in PLACES if (found := tree.find(place)) is not None), None)
    if entry is None:
        return []
    try:
        text = tree.read(entry, _LIMIT).decode("utf-8", "replace")
    except InputError:
        return []
    made: list[Row] = []
    for line in text.splitlines()[:_LINES]:
        words = re.split(r"(?<!\\)\s+", line.partition(" #")[0].strip())
        if words[0] and not words[0].startswith(("#", "!", "[")):
            made.append(_row(words[0].replace("\\ ", " "), printable(" ".join(words[1:]), 200)))
    return made


def owner(path: str, known: list[Row]) -> str:
    """Return the owners of a path, or ""; a pattern without owners takes them away."""
    parts = path.split("/")
    return next((row.owners for row in reversed(known) if row.meets(parts)), "")


def _row(glob: str, names: str) -> Row:
    segments = [part.replace("[", "[[]") for part in glob.strip("/").split("/")]
    anchored = "/" in glob.rstrip("/")
    below = glob.endswith("/")
    # `docs/*` is the files of the folder; `docs`, `docs/` and `*.js` are also whatever stands below.
    exact = anchored and segments[-1] == "*" and not below
    return Row((*(() if anchored else ("**",)), *segments), below, exact, names)
