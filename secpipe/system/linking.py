"""Where links and submodules of a tree lead: to a file of it, or to something that nobody reads."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from secpipe.core.artifact import LinkEntry, Skip
from secpipe.system import files

_INTERPRETER = re.compile(r"(?:bin|Scripts)/(?:python|pythonw|pypy)[\d.]*(?:\.exe)?")
_SUBMODULE_PATH = re.compile(r'^\s*path\s*=\s*"?(.+?)"?\s*$', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Linked:
    """The links of a tree, those that lead to something nobody reads, and those that are the machine's own."""

    links: tuple[LinkEntry, ...]
    skipped: tuple[Skip, ...]
    left_out: tuple[Skip, ...]


def judge_links(base: Path, paths: Collection[str], known: Collection[str], left_out: Collection[str]) -> Linked:
    """Return the links at `paths`, and what is wrong with each.

    `known` are the paths of the tree's files, `left_out` the paths knowingly no part of it. A link that is absolute or
    leaves the tree, leads nowhere, or into something left out is not read. The interpreter link of a virtual
    environment leads to the machine's own program, which does not ship with the tree: it is left out.
    """
    root = os.path.realpath(base)
    links, skipped, without = [], [], []
    for path in sorted(paths):
        try:
            target = os.readlink(base / path)
            resolved = os.path.realpath(base / path)
        except OSError as error:
            skipped.append(Skip(path, f"link cannot be read: {files.reason(error)}"))
            continue
        inside = os.path.commonpath([root, resolved]) == root
        place = Path(os.path.relpath(resolved, root)).as_posix() if inside else ""
        links.append(LinkEntry(path, target, inside and not os.path.isabs(target), place if inside else ""))
        if not inside and _is_interpreter(path, known):
            without.append(Skip(path, "the interpreter of a virtual environment: the machine's own, it does not ship"))
        elif not inside:
            skipped.append(Skip(path, "link leaves the tree"))
        elif os.path.isabs(target):
            skipped.append(Skip(path, "link is absolute: elsewhere it leads to something else"))
        elif not os.path.exists(resolved):
            skipped.append(Skip(path, "link leads nowhere"))
        elif gone := next((part for part in prefixes(place) if part in left_out), ""):
            skipped.append(Skip(path, f"link leads into {gone}, which is left out"))
    return Linked(tuple(links), tuple(skipped), tuple(without))


def _is_interpreter(path: str, known: Collection[str]) -> bool:
    """Tell whether a path is `<venv>/bin/python*` of a folder that is a virtual environment (PEP 405)."""
    parts = path.rsplit("/", 2)
    folder = f"{parts[0]}/" if len(parts) == 3 else ""
    return bool(_INTERPRETER.fullmatch(path.removeprefix(folder))) and f"{folder}pyvenv.cfg" in known


def absent_submodules(modules: bytes, known: Mapping[str, object] | Collection[str]) -> tuple[Skip, ...]:
    """Return the submodules that `.gitmodules` names and of which the tree holds no file (gitmodules(5))."""
    text = modules.decode("utf-8", "surrogateescape")
    named = {match.strip("/") for match in _SUBMODULE_PATH.findall(text)}
    held = {part for path in known for part in prefixes(path)}
    return tuple(Skip(path, "a submodule without its checkout") for path in sorted(named - held) if path)


def prefixes(path: str) -> list[str]:
    """Return `a`, `a/b`, `a/b/c` for `a/b/c`."""
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
