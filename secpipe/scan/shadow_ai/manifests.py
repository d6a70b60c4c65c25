"""Manifests and lock files: which AI packages a project declares, read by the readers that SBOM and audit use."""

from __future__ import annotations

import json
from collections.abc import Iterator

from secpipe.core.finding import Confidence
from secpipe.core.inventory import ComponentKind
from secpipe.core.text import as_bytes
from secpipe.formats.locks import loose, table
from secpipe.formats.locks.lock import Lock
from secpipe.formats.packages import ecosystems
from secpipe.scan.shadow_ai import shell
from secpipe.scan.shadow_ai.catalogue import Catalogue
from secpipe.scan.shadow_ai.signal import Reading, Signal

_MAX_NAMES = 500_000


def read(text: str, path: str, catalogue: Catalogue) -> Reading:
    """Return the packages of the manifest at `path` that the catalogue knows; a broken one is read word by word."""
    row = table.row_of(path) or table.Row("*", "PyPI", names=loose.words)
    known = ecosystems.of(row.ecosystem)
    ecosystem = known.word if known else ""
    out = Reading()
    names = dict.fromkeys(_names(row, text, path, out))
    if len(names) > _MAX_NAMES:
        out.notes.append(f"names more than {_MAX_NAMES:,} packages")
    lines = text.split("\n")
    places: dict[str, int] = {}
    for name, line in list(names)[:_MAX_NAMES]:
        owner = catalogue.package(ecosystem, name)
        if owner or not row.locked:
            out.packages.add(f"{ecosystem}:{ecosystems.normal_name(ecosystem, name)}")
        if owner:
            weak = name in catalogue.providers[owner].lists["unconfirmed"]
            if not line and name not in places:
                places[name] = _find(lines, name)
            out.signals.append(
                Signal(
                    "manifest", "manifest", owner, line=line or places[name], sdk=owner,
                    evidence=f"{'locks' if row.locked else 'declares'} {name}",
                    confidence=Confidence.LOW if weak else Confidence.MEDIUM,
                )
            )  # fmt: skip
    if row.reader == "npm":
        _scripts(text, lines, catalogue, out)
    out.engine = "lock" if row.locked else "manifest"
    return out


def is_manifest(path: str) -> bool:
    """Whether a file is a manifest or lock file by its name."""
    return table.row_of(path) is not None


def _names(row: table.Row, text: str, path: str, out: Reading) -> Iterator[tuple[str, int]]:
    """Yield (name, line) of what a file declares; a line of 0 is looked up afterwards."""
    problem = ""
    if row.reader:
        lock = table.read(row, path, as_bytes(text))
        problem = lock.problem
        yield from _packages(lock)
    if row.names is not None:
        found: list[tuple[str, int]] = []
        names = row.names
        problem = table.guarded(lambda: found.extend(names(text)), "names")
        yield from found
    if problem:
        out.notes.append(f"does not parse as a manifest: {problem}")
        yield from loose.words(text)


def _packages(lock: Lock) -> Iterator[tuple[str, int]]:
    for component in lock.components:
        if component.kind is ComponentKind.LIBRARY:
            yield component.name, component.line
            if "replaces" in component.facts:
                yield component.facts["replaces"].value, component.line


def _find(lines: list[str], name: str) -> int:
    """Return the first line that holds a name, in any spelling that Python holds for the same."""
    spelled = name.lower()
    for number, line in enumerate(lines, 1):
        if name in line or spelled in line.lower().replace("_", "-"):
            return number
    return 1


def _scripts(text: str, lines: list[str], catalogue: Catalogue, out: Reading) -> None:
    try:
        scripts = json.loads(text).get("scripts", {})
    except (ValueError, AttributeError, RecursionError):
        return
    for key, command in scripts.items() if isinstance(scripts, dict) else ():
        if isinstance(command, str):
            found = shell.commands(command, catalogue)
            line = _find(lines, f'"{key}"')
            out.signals += [sign.at("", "", line - sign.line) for sign in found.signals if sign.role != "manifest"]
            out.downloads += found.downloads
