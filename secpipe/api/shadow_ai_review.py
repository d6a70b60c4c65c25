"""The page for reviewers: what the scan found, by provider, beside who answers for the files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from secpipe.core.errors import InputError

if TYPE_CHECKING:
    from secpipe.core.evidence import Evidence
    from secpipe.core.protocols import Tree
    from secpipe.scan.shadow_ai.allow import ShadowAI

_ASKED = 200  # places of which git is asked when they were written
_BYTES = 1 << 20  # of a file in which one looks for what stands near a call


def by_provider(parts: Sequence[tuple[str, Evidence]], allow: ShadowAI, *, env: str, now: datetime) -> dict[str, Any]:
    """Return `secpipe.ai-review/1` of what was found under each path. The files with a use are read once more."""
    from secpipe.scan.shadow_ai.review import SCHEMA, review
    from secpipe.system.tree import open_tree

    blocks: list[dict[str, Any]] = []
    unread: list[dict[str, str]] = []
    for path, evidence in parts:
        tree = open_tree(path)
        owners, problem = _owners(tree)
        text_of = _texts(tree)
        near, since = _near(text_of), _since(path, text_of)
        page = review(evidence.facts["uses"], allow, owners=owners, near=near, env=env, now=now, since=since)
        blocks += [{"project": path, **block} for block in page["providers"]]
        unread += [{"path": skip.path, "reason": skip.reason} for skip in evidence.skips]
        unread += [{"path": path, "reason": problem}] if problem else []
    return {**page, "schema": SCHEMA, "providers": blocks, "not_read": unread}


def _owners(tree: Tree) -> tuple[Any, str]:
    """Who owns a path of the tree, and what is wrong with its CODEOWNERS."""
    from secpipe.formats import codeowners

    for place in codeowners.PLACES:
        entry = tree.find(place)
        if entry is None:
            continue
        try:
            found = codeowners.parse(tree.read(entry, codeowners.MAX_BYTES).decode("utf-8", "replace"))
        except InputError as error:
            return (lambda _: ()), f"{place}: {error.message}"
        return found.of, f"{place}: {'; '.join(found.problems[:5])}" if found.problems else ""
    return (lambda _: ()), ""


def _texts(tree: Tree) -> Callable[[str], str]:
    from secpipe.formats.coding import as_utf8

    @cache
    def text_of(path: str) -> str:
        entry = tree.find(path)
        try:
            return as_utf8(tree.read(entry, _BYTES)).decode("utf-8", "replace") if entry is not None else ""
        except InputError:
            return ""  # a hint is left out; that the file was not read is told by the scan

    return text_of


def _near(text_of: Callable[[str], str]) -> Any:
    from secpipe.scan.shadow_ai.nearby import nearby

    return lambda path, line: nearby(text_of(path), line) if text_of(path) else []


def _since(project: str, text_of: Callable[[str], str]) -> Any:
    """When a line was written, where git knows: where what it has committed is the line that stands there."""
    from secpipe.core.errors import SecpipeError
    from secpipe.system.blame import written
    from secpipe.system.git import enclosing

    try:
        where = enclosing(Path(project))
    except SecpipeError:  # no repository, or no git
        return lambda path, line: ("", "")
    left = iter(range(_ASKED))

    def since(path: str, line: int) -> tuple[str, str]:
        rows = text_of(path).split("\n")
        if not 0 < line <= len(rows) or next(left, None) is None:
            return "", ""
        try:
            found = written(where, path, line)
        except SecpipeError:  # not committed, or a history that is not here
            return "", ""
        return (found.day, found.commit) if found.text.rstrip("\r") == rows[line - 1].rstrip("\r") else ("", "")

    return since
