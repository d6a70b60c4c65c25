"""Go modules: go.mod's requirements and replacements, go.sum's hashes."""

from __future__ import annotations

import re

from secpipe.core.inventory import Component, ComponentKind, RelationKind, content_ref
from secpipe.core.paths import folder_of
from secpipe.formats.locks.golang_sum import sums_of
from secpipe.formats.locks.library import library
from secpipe.formats.locks.lock import Lock

_DIRECTIVES = {"module", "go", "toolchain", "godebug", "require", "exclude", "replace", "retract", "tool", "ignore"}
_QUOTES = str.maketrans("", "", '"`')
_REQUIRE = re.compile(r"(?:require\s+)?([^\s()]+)\s+(v[^\s]+)\s*(//\s*indirect)?")
_REPLACE = re.compile(r"(?:replace\s+)?([^\s()]+)(?:\s+(v\S+))?\s+=>\s+(\S+)(?:\s+(v\S+))?")


def read(found: Lock) -> None:
    """Read one go.mod; a module replaced by a folder has no version and no purl."""
    folder = folder_of(found.path)
    sums = sums_of((found.near(f"{folder}/go.sum".lstrip("/")) or b"").decode("utf-8"))
    required, replaced, name = _parse(found, found.data.decode("utf-8"))
    ref = content_ref(ComponentKind.APPLICATION, folder, name)
    source = found.add(Component(ref, ComponentKind.APPLICATION, name or "module", path=found.path))
    for module, version, number, indirect in required:
        to, at = replaced.get((module, version)) or replaced.get((module, "")) or (module, version)
        facts = {"go-sum": sums.get((to, at), ""), "replaces": module if to != module else ""}
        if to.startswith(("./", "../", "/")):
            facts["source-url"] = to
            component = library("", module, "", path=found.path, line=number, direct=not indirect, facts=facts)
        else:
            component = library("Go", to, at, path=found.path, line=number, direct=not indirect, facts=facts)
        target = found.add(component)
        if not indirect:
            found.relate(source, RelationKind.DEPENDS_ON, target)


def _parse(
    found: Lock, text: str
) -> tuple[list[tuple[str, str, int, bool]], dict[tuple[str, str], tuple[str, str]], str]:
    required: list[tuple[str, str, int, bool]] = []
    replaced: dict[tuple[str, str], tuple[str, str]] = {}
    name = block = ""
    for number, raw in enumerate(text.splitlines(), 1):
        code, sign, comment = raw.partition("//")
        plain = " ".join(code.replace("(", " ( ").translate(_QUOTES).split())
        if not plain:
            continue
        line = f"{plain} {sign}{comment}"
        word = plain.split(" ", 1)[0]
        if plain == ")":
            block = ""
        elif plain.endswith(" ("):
            block = word
            if block not in _DIRECTIVES:
                found.skip(f"line {number} opens a block that go.mod does not know")
        elif word == "module":
            name = plain.removeprefix("module").strip()
        elif "require" in (block, word) and (match := _REQUIRE.match(line)):
            required.append((match[1], match[2], number, bool(match[3])))
        elif "replace" in (block, word) and (match := _REPLACE.match(line)):
            replaced[match[1], match[2] or ""] = (match[3], match[4] or "")
        elif not block and word not in _DIRECTIVES:
            found.skip(f"line {number} is no directive of go.mod")
    return required, replaced, name
