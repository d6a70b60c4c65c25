"""CODEOWNERS: who is asked about a file, as GitHub and GitLab read it. Pure: text in, owners out.

https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners
https://docs.gitlab.com/user/project/codeowners/reference/
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

#: Where the file may lie, the first that is there counts.
PLACES: Final = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS")
MAX_BYTES: Final = 3 << 20  # GitHub ignores a longer file
_MAX_LINES = 50_000
_MAX_PARTS = 64  # of one pattern
_SECTION = re.compile(r"\^?\[[^\]\n]{1,200}\](?:\[\d+\])?(?:\s+(.*))?")
_OWNER = re.compile(r"@[\w.-]+(?:/[\w./-]+)?|[\w.+-]+@[\w-]+(?:\.[\w-]+)+")


@dataclass(frozen=True, slots=True)
class Owners:
    """The rules of one file, and why some of its lines say nothing."""

    rules: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = ()  # (parts of the pattern, owners)
    problems: tuple[str, ...] = ()

    def of(self, path: str) -> tuple[str, ...]:
        """Return who owns the file at a path relative to the root: the last rule that fits says so, also if nobody."""
        parts = tuple(path.split("/"))
        return next((owners for pattern, owners in reversed(self.rules) if _fits(pattern, parts)), ())


def parse(text: str) -> Owners:
    """Return the rules of a CODEOWNERS file. Never fails: lines that say nothing are told in `problems`."""
    rules, problems = [], []
    default: tuple[str, ...] = ()
    lines = text.splitlines()
    if len(text) > MAX_BYTES or len(lines) > _MAX_LINES:
        return Owners(problems=("it is longer than is read",))
    for number, line in enumerate(lines, 1):
        words = _words(line)
        section = _SECTION.fullmatch(line.strip()) if line.strip()[:1] in {"[", "^"} else None
        if section:
            default = _owners((section[1] or "").split())
            continue
        if not words:
            continue
        pattern, owners = _parts(words[0]), _owners(words[1:]) or default
        if pattern is None:
            problems.append(f"line {number}: its pattern has no meaning there")
        else:
            rules.append((pattern, owners))
    return Owners(tuple(rules), tuple(problems))


def _words(line: str) -> list[str]:
    """The words before a comment; a backslash keeps a space or a `#` in the pattern."""
    kept = re.split(r"(?<!\\)(?:^|(?<=\s))#", line, maxsplit=1)[0]
    return [re.sub(r"\\([ #])", r"\1", word) for word in re.split(r"(?<!\\)\s+", kept.strip()) if word]


def _owners(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(word for word in words if _OWNER.fullmatch(word))


def _parts(pattern: str) -> tuple[str, ...] | None:
    """A pattern in parts of a path: without a slash inside it fits at any depth, with one at its end all below it."""
    if pattern.startswith("!") or "[" in pattern:  # both mean nothing in CODEOWNERS
        return None
    below, plain = pattern.endswith("/"), pattern.strip("/")
    parts = [part for part in plain.split("/") if part]
    if len(parts) > _MAX_PARTS:
        return None
    if "/" not in pattern.rstrip("/"):
        parts.insert(0, "**")
    last = parts[-1] if parts else "**"
    if below or not parts or last == "**" or "*" not in last:
        parts.append("**")  # a folder by its name is everything in it
    return tuple(parts)


def _fits(pattern: tuple[str, ...], parts: tuple[str, ...]) -> bool:
    """Whether a pattern fits the whole path; `**` is any number of folders. Work: parts times parts."""
    reached = {0}
    for place, part in enumerate(pattern):
        if part == "**":
            reached = set(range(min(reached), len(parts) + 1))
        else:
            reached = {at + 1 for at in reached if at < len(parts) and fnmatchcase(parts[at], part)}
        if not reached:
            return False
        if part == "**" and place == len(pattern) - 1:
            return True
    return len(parts) in reached
