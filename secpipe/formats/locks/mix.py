"""mix.lock (Elixir, Erlang): one package a line as a tuple; read as text, never evaluated."""

from __future__ import annotations

import re

from secpipe.core.inventory import Component, RelationKind
from secpipe.core.paths import folder_of
from secpipe.formats.locks.library import elsewhere, hash_of, library
from secpipe.formats.locks.lock import Lock

_ENTRY = re.compile(r'\s*"([^"]{1,200})":\s*\{\s*:(\w{1,20}),\s*(.*)')
_HEX = re.compile(r':"?([\w@./-]{1,200})"?,\s*"([^"]{1,256})",\s*"([0-9a-f]*)"')
_GIT = re.compile(r'"([^"]{1,2000})",\s*"([^"]{1,100})"')
_NEED = re.compile(r'\{:"?([\w@./-]{1,200})"?,\s*"')
_OPTIONS = re.compile(r"\{\s*:(\w{1,200})\s*,([^{}]{0,2000})\}")  # a dependency of mix.exs, and what stands behind it
_ONLY = re.compile(r"\bonly:\s*(\[[^\]]*\]|:\w+)")
_DEVELOPMENT = {"dev", "test", "docs"}
_REPO = re.compile(r'\],\s*"([^"]{1,200})"(?:,\s*"([0-9a-f]{0,64})")?\s*\}')


def read(found: Lock) -> None:
    """Read one mix.lock; an entry that spans lines is read up to the next."""
    refs: dict[str, str] = {}
    needs: list[tuple[str, str]] = []
    for number, line in _entries(found.data.decode("utf-8")):
        match = _ENTRY.match(line)
        component = _package(found.path, number, match) if match else None
        if match is None or component is None:
            found.skip(f"line {number} is no locked package")
            continue
        refs[match[1]] = found.add(component)
        needs += [(component.ref, name) for name in _NEED.findall(match[3])]
    for ref, name in needs:
        found.relate(ref, RelationKind.DEPENDS_ON, refs.get(name, ""))
    _development(found, refs)


def _development(found: Lock, refs: dict[str, str]) -> None:
    """Mark what mix.exs beside asks for in no environment but development and tests; an umbrella has more than one."""
    text = (found.near(f"{folder_of(found.path)}/mix.exs".lstrip("/")) or b"").decode("utf-8", "replace")
    plain = "\n".join(line.partition("#")[0] for line in text.splitlines())
    if "apps_path:" in plain:
        return
    apart: dict[str, bool] = {}
    for name, options in _OPTIONS.findall(plain):
        words = set(re.findall(r":(\w+)", only[1])) if (only := _ONLY.search(options)) else set()
        apart[name] = bool(words) and words <= _DEVELOPMENT
    below = {edge.target for edge in found.relations}
    extra = {refs[name] for name, flag in apart.items() if flag and name in refs}
    needed = {ref for name, ref in refs.items() if not apart.get(name) and (name in apart or ref not in below)}
    found.only_for("dev", needed, extra)


def _entries(text: str) -> list[tuple[int, str]]:
    entries: list[tuple[int, list[str]]] = []
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.lstrip().removeprefix("%{")
        if line.lstrip().startswith('"'):
            entries.append((number, [line]))
        elif entries and line.strip() not in {"}", ""}:
            entries[-1][1].append(line)
        elif line.strip() not in {"%{", "}", "", "%{}"}:
            entries.append((number, [line]))
    return [(number, " ".join(lines)) for number, lines in entries]


def _package(path: str, line: int, entry: re.Match[str]) -> Component | None:
    if entry[2] == "git" and (match := _GIT.match(entry[3])):
        return elsewhere(entry[1], "", path=path, line=line, url=match[1], commit=match[2])
    if entry[2] == "path":
        return elsewhere(entry[1], "", path=path, line=line)
    if entry[2] != "hex" or not (match := _HEX.match(entry[3])):
        return None
    repo = _REPO.search(entry[3])
    digest = hash_of(f"sha256:{repo[2]}") if repo and repo[2] else ""
    hashes = [digest] if digest else []
    if repo and repo[1] != "hexpm":  # a repository of one's own: its name says nothing about the public one
        return elsewhere(match[1], match[2], path=path, line=line, hashes=hashes, facts={"registry": repo[1]})
    return library("Hex", match[1], match[2], path=path, line=line, hashes=hashes)
