"""Globs over URIs and purls, for lists of accepted builders, sources, models and data."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from urllib.parse import unquote

from secpipe.core.text import printable

_PASSES = 3  # rounds of unquoting: an honest URI needs one


def accepts(globs: Iterable[str], uri: str) -> bool:
    """Whether one of the globs accepts a URI. `*` crosses `/` in a path, never the end of a scheme or host.

    `git+` in front says how a repository is fetched, not which one it is: it may stand on either side. A URI that could
    be read in two ways (`..`, a backslash, blanks, something to unquote for ever) is accepted by no glob, not by `*`.
    """
    bare = uri.removeprefix("git+")
    return is_plain(uri) and any(_matches(bare, glob.removeprefix("git+")) for glob in globs)


def is_plain(uri: str) -> bool:
    """Whether a URI has one reading only, and says something."""
    text = uri
    for _ in range(_PASSES):
        text, before = unquote(text), text
        if text == before:
            parts = text.replace("?", "/").replace("#", "/").split("/")
            clean = printable(text) == text and not any(char.isspace() or char == "\\" for char in text)
            return bool(text) and clean and not {".", ".."} & set(parts)
    return False


def _matches(uri: str, glob: str) -> bool:
    if "://" not in uri or "://" not in glob:
        return fnmatchcase(uri, glob)
    (scheme, host, path), (schemes, hosts, paths) = _split(uri), _split(glob)
    if "@" in host and "@" not in hosts:
        return False  # https://github.com@elsewhere.example
    return fnmatchcase(scheme, schemes) and fnmatchcase(host, hosts) and fnmatchcase(path, paths)


def _split(uri: str) -> tuple[str, str, str]:
    scheme, _, rest = uri.partition("://")
    ends = [at for mark in "/?#" if (at := rest.find(mark)) >= 0]
    end = min(ends, default=len(rest))
    return scheme, rest[:end], rest[end:]
