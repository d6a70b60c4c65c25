"""Names that a manifest declares, where nobody reads its versions: programs, build files, formats without a reader.

Linear in the text. Each function yields (name, line); a line of 0 is not known.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator
from typing import Any

from secpipe.formats.jsonc import plain_json

Names = Iterator[tuple[str, int]]

_TABLES = (
    "dependencies", "devDependencies", "peerDependencies", "optionalDependencies", "bundledDependencies", "require",
    "require-dev", "overrides", "resolutions", "imports",
)  # fmt: skip


def pattern(text: str) -> Callable[[str], Names]:
    """Return a function that yields what the groups of a regular expression name, joined by `:`."""
    compiled = re.compile(text, re.M)

    def found(content: str) -> Names:
        at = line = 0
        for match in compiled.finditer(content):
            line += content.count("\n", at, match.start())
            at = match.start()
            yield ":".join(group for group in match.groups() if group), line + 1

    return found


words = pattern(r"[\"']?(@?[A-Za-z][\w./-]{2,80})[\"']?\s{0,40}(?:[=:]|[<>~]=)")
clojure = pattern(r"([\w.-]+)/([\w.-]+)[ \t]+(?:\{:mvn/version|\")")
gradle = pattern(r"[\"']([\w.-]{1,200}\.[\w.-]{1,200}:[\w.-]{1,200})(?::[^\"'\n]{0,200})?[\"']")
nuget = pattern(r"<Package(?:Version|Reference)\s+[^>]{0,2000}?(?:Include|Update)=\"([\w.]+)\"")
swift = pattern(r"(?:url:|\"location\"\s*:)\s*\"https://(github\.com/[\w.-]+/[\w-]+)")


def toml(text: str) -> Names:
    """Yield what stands below any `*dependencies*` key: PEP 621, PEP 735, Poetry, PDM, uv, Hatch, Cargo, Pipfile."""
    pending: list[tuple[str, Any]] = [("", tomllib.loads(text))]
    while pending:
        key, value = pending.pop()
        inside = "dependenc" in key or key.endswith("requires") or key == "packages"
        if isinstance(value, dict):
            for name, item in value.items():
                if inside and not isinstance(item, list) and name not in {"optional", "dev", "group"}:
                    yield name, 0
                nested = "dependencies" if inside and isinstance(item, list | dict) else name
                pending.append((nested if name != "group" else "group-dependencies", item))
        elif isinstance(value, list) and inside:
            for item in value:
                match = re.match(r"\s*([A-Za-z0-9][\w.-]*)", item) if isinstance(item, str) else None
                if match:
                    yield match[1], 0


def json_tables(text: str) -> Names:
    """Yield the keys of the dependency tables of a JSON manifest; an `npm:` alias names another package."""
    data = json.loads(plain_json(text))
    for table in [data.get(key) for key in _TABLES]:
        if isinstance(table, list):
            for item in table:
                yield (str(item.get("name", "")) if isinstance(item, dict) else str(item)), 0
        for name, version in table.items() if isinstance(table, dict) else ():
            yield name, 0
            alias = re.match(r"npm:(@?[^@]+)", version) if isinstance(version, str) else None
            if alias:
                yield alias[1], 0
