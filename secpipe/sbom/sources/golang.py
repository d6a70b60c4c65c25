"""Go modules: go.mod's requirements and replacements, go.sum's hashes."""

from __future__ import annotations

import re

from secpipe.core.artifact import FileEntry
from secpipe.core.inventory import Component, ComponentKind, RelationKind
from secpipe.sbom.collector import Collector, content_ref
from secpipe.sbom.paths import folder_of
from secpipe.sbom.sources.library import library

_REQUIRE = re.compile(r"(?:require\s+)?([^\s()]+)\s+(v[^\s]+)\s*(//\s*indirect)?")
_REPLACE = re.compile(r"(?:replace\s+)?([^\s()]+)(?:\s+(v\S+))?\s+=>\s+(\S+)(?:\s+(v\S+))?")
_SUM = re.compile(r"^(\S+) (v\S+?)(/go\.mod)? (h1:[A-Za-z0-9+/=]{44})$", re.MULTILINE)


def read_mod(found: Collector, entry: FileEntry) -> None:
    """Read one go.mod; a module replaced by a folder has no version and no purl."""
    folder = folder_of(entry.path)
    beside = found.tree.find(f"{folder}/go.sum".lstrip("/"))
    sums = _sums(found.read(beside).decode("utf-8")) if beside is not None else {}
    required, replaced, name = _parse(found.read(entry).decode("utf-8"))
    ref = content_ref(ComponentKind.APPLICATION, folder, name)
    source = found.add(Component(ref, ComponentKind.APPLICATION, name or "module", path=entry.path))
    for module, version, number, indirect in required:
        to, at = replaced.get((module, version)) or replaced.get((module, "")) or (module, version)
        facts = {"go-sum": sums.get((to, at), ""), "replaces": module if to != module else ""}
        if to.startswith(("./", "../", "/")):
            facts["source-url"] = to
            component = library("", module, "", path=entry.path, line=number, direct=not indirect, facts=facts)
        else:
            component = library("Go", to, at, path=entry.path, line=number, direct=not indirect, facts=facts)
        target = found.add(component)
        if not indirect:
            found.relate(source, RelationKind.DEPENDS_ON, target)


def read_sum(found: Collector, entry: FileEntry) -> None:
    """Read a go.sum that stands alone; beside a go.mod it only gives hashes, for it names more than is built."""
    if found.tree.find(f"{folder_of(entry.path)}/go.mod".lstrip("/")) is None:
        for (module, version), digest in _sums(found.read(entry).decode("utf-8")).items():
            found.add(library("Go", module, version, path=entry.path, facts={"go-sum": digest}))


def _parse(text: str) -> tuple[list[tuple[str, str, int, bool]], dict[tuple[str, str], tuple[str, str]], str]:
    required: list[tuple[str, str, int, bool]] = []
    replaced: dict[tuple[str, str], tuple[str, str]] = {}
    name = block = ""
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        word = line.split(" ", 1)[0]
        if line == ")":
            block = ""
        elif line.endswith("("):
            block = word
        elif word == "module":
            name = line.removeprefix("module").split("//")[0].strip().strip('"')
        elif "require" in (block, word) and (match := _REQUIRE.match(line)):
            required.append((match[1].strip('"'), match[2], number, bool(match[3])))
        elif "replace" in (block, word) and (match := _REPLACE.match(line)):
            replaced[match[1], match[2] or ""] = (match[3], match[4] or "")
    return required, replaced, name


def _sums(text: str) -> dict[tuple[str, str], str]:
    return {(match[1], match[2]): match[4] for match in _SUM.finditer(text) if not match[3]}
