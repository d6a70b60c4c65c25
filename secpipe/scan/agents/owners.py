"""Who owns a file by the project's CODEOWNERS: the last pattern that meets it (GitHub's rules, not GitLab's sections).

The file is the project's own word: it is told, and no decision rests on it.
Source: https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners
"""

from __future__ import annotations

import re

from secpipe.core.errors import InputError
from secpipe.core.protocols import Tree
from secpipe.core.text import printable

PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
_LIMIT = 3 << 20  # GitHub loads no larger one
_LINES = 20_000
Rows = list[tuple[re.Pattern[str], str]]


def rows(tree: Tree) -> Rows:
    """Return (pattern, owners) of the CODEOWNERS that counts, in order; none where there is none that can be read."""
    entry = next((found for place in PLACES if (found := tree.find(place)) is not None), None)
    if entry is None:
        return []
    try:
        text = tree.read(entry, _LIMIT).decode("utf-8", "replace")
    except InputError:
        return []
    found: Rows = []
    for line in text.splitlines()[:_LINES]:
        words = re.split(r"(?<!\\)\s+", line.partition(" #")[0].strip())
        if words[0] and not words[0].startswith(("#", "!", "[")):
            found.append((_pattern(words[0].replace("\\ ", " ")), printable(" ".join(words[1:]), 200)))
    return found


def owner(path: str, known: Rows) -> str:
    """Return the owners of a path, or ""; a pattern without owners takes them away."""
    return next((names for pattern, names in reversed(known) if pattern.match(path)), "")


def _pattern(glob: str) -> re.Pattern[str]:
    anchored = "/" in glob.rstrip("/")
    bare = glob.strip("/")
    last = bare.rpartition("/")[2]
    parts = [_PARTS.get(part) or re.escape(part) for part in re.split(r"(\*\*/|/\*\*|\*|\?)", bare)]
    # `docs/*` is the files of the folder; `docs`, `docs/` and `*.js` are also whatever stands below.
    rest = "$" if anchored and last == "*" and not glob.endswith("/") else "/.*$" if glob.endswith("/") else "(?:/.*)?$"
    return re.compile(("" if anchored else "(?:.*/)?") + "".join(parts) + rest, re.DOTALL)


_PARTS = {"**/": "(?:.*/)?", "/**": "/.*", "*": "[^/]*", "?": "[^/]", "": ""}
