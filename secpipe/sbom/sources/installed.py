"""Installed Python environments, read without starting them: dist-info, RECORD held against the bytes, PEP 770."""

from __future__ import annotations

import base64
import binascii
import csv
import io
import re
from collections import defaultdict
from dataclasses import dataclass, field

from packaging.markers import InvalidMarker, UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement

from secpipe.core.artifact import FileEntry
from secpipe.core.errors import InputError
from secpipe.core.inventory import Component, Fact, Grade, RelationKind
from secpipe.core.paths import folder_of, is_installed, join
from secpipe.core.text import printable
from secpipe.formats.locks.library import library
from secpipe.formats.metadata import Metadata, parse
from secpipe.formats.packages import names
from secpipe.sbom.collector import Collector
from secpipe.sbom.sources import embedded
from secpipe.sbom.sources.models import file_component

_PYTHON = re.compile(r"(?:^|/)python(\d\.\d+)/(?:site|dist)-packages(?:/|$)")
_CODE = {".py", ".pth", ".so", ".pyd", ".dll", ".dylib"}
_UNOWNED = 1000  # files listed that no distribution owns


@dataclass(slots=True)
class Distribution:
    """One installed distribution: its metadata, its ref, the extras that somebody asked for."""

    metadata: Metadata
    ref: str
    extras: set[str] = field(default_factory=set)


def takes(entry: FileEntry) -> bool:
    """Tell whether this source answers for a file."""
    return entry.name == "METADATA" and folder_of(entry.path).endswith(".dist-info")


def _is_egg(entry: FileEntry) -> bool:
    """Tell whether a file is the metadata of a package that setuptools installed the old way."""
    folder = folder_of(entry.path)
    name, holder = (entry.name, folder) if entry.name != "PKG-INFO" else (folder.rpartition("/")[2], folder_of(folder))
    return name.endswith((".egg-info", "EGG-INFO")) and is_installed(f"{holder}/x")


def _eggs(found: Collector) -> None:
    """Add what was installed without a dist-info; it has no RECORD that its files could be held against."""
    for entry in found.files:
        if not _is_egg(entry) or not found.once(entry.path, "installed"):
            continue
        try:
            found.add(describe(parse(found.read(entry)), entry.path, {"installed": "yes"}))
        except InputError as error:
            found.skip(entry.path, f"not analysed: {printable(str(error), 200)}")


def read_all(found: Collector) -> None:
    """Add every installed distribution of the tree, its drift from its RECORD, and the SBOMs it carries."""
    sites: dict[str, list[FileEntry]] = defaultdict(list)
    for entry in found.files:
        if takes(entry):
            sites[folder_of(folder_of(entry.path))].append(entry)
    for site, entries in sites.items():
        owned: set[str] = set()
        installed: dict[str, Distribution] = {}
        for entry in entries:
            try:
                metadata = parse(found.read(entry))
                component = _component(found, entry, metadata, site, owned)
            except (InputError, csv.Error) as error:
                found.skip(entry.path, f"not analysed: {printable(str(error), 200)}")
                continue
            installed[component.name] = Distribution(metadata, found.add(component))
            embedded.read_below(found, folder_of(entry.path) + "/sboms", component.ref)
        _edges(found, site, installed)
        _unowned(found, site, owned)
    _eggs(found)


def describe(metadata: Metadata, path: str, facts: dict[str, str], *, direct: bool = False) -> Component:
    """Return the library that core metadata names; raises InputError without a name and version."""
    name, version = metadata.first("Name"), metadata.first("Version")
    if not name or not version:
        raise InputError("the metadata lacks a name or a version")
    homes = [value.partition(",")[2].strip() for value in metadata.all("Project-URL")]
    more = {
        "description": metadata.first("Summary"),
        "supplier": metadata.supplier,
        "homepage": metadata.first("Home-page") or next(iter(homes), ""),
        "requires-python": metadata.first("Requires-Python"),
        **facts,
    }
    return library("PyPI", name, version, path=path, direct=direct, licenses=metadata.licenses, facts=more)


def _component(found: Collector, entry: FileEntry, metadata: Metadata, site: str, owned: set[str]) -> Component:
    folder = folder_of(entry.path)
    requested = found.tree.find(f"{folder}/REQUESTED") is not None
    origin = found.tree.find(f"{folder}/direct_url.json")
    facts = {"installed": "yes", "direct-url": "yes" if origin is not None else ""}
    component = describe(metadata, entry.path, facts, direct=requested)
    record = found.tree.find(f"{folder}/RECORD")
    if record is None:
        found.skip(entry.path, "the distribution has no RECORD: its files cannot be held against it")
        return component
    changed, missing = _drift(found, record, site, owned)
    more = dict(component.facts)
    more["record-sha256"] = Fact(record.sha256, Grade.VERIFIED, record.path)
    for name, paths in (("record-changed", changed), ("record-missing", missing)):
        if paths:
            more[name] = Fact("\n".join(paths[:100]), Grade.VERIFIED, record.path)
    return Component(
        component.ref, component.kind, component.name, component.version, component.purl, component.ecosystem,
        component.path, licenses=component.licenses, direct=component.direct, facts=more,
    )  # fmt: skip


def _drift(found: Collector, record: FileEntry, site: str, owned: set[str]) -> tuple[list[str], list[str]]:
    """Compare the files of a RECORD with the digest pass; those outside the tree, or left out of it, are not judged."""
    left_out = tuple(f"{skip.path}/" for skip in found.tree.left_out)
    changed, missing = [], []
    text = found.read(record).decode("utf-8", "surrogateescape")
    for row in csv.reader(io.StringIO(text)):
        path = join(site, row[0]) if row else None
        if path is None or len(row) < 2:
            continue
        owned.add(path)
        algorithm, _, value = row[1].partition("=")
        if algorithm != "sha256":
            continue
        entry = found.tree.find(path)
        if entry is None:
            if not path.startswith("../") and not f"{path}/".startswith(left_out):
                missing.append(path)
            continue
        try:
            wanted = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)).hex()
        except (binascii.Error, ValueError):
            wanted = ""
        if entry.sha256 != wanted:
            changed.append(path)
    return changed, missing


def _edges(found: Collector, site: str, installed: dict[str, Distribution]) -> None:
    """Add true edges: markers are evaluated for this Python, extras followed until nothing new is asked for."""
    version = match[1] if (match := _PYTHON.search(site)) else "3.11"
    environment = {
        "python_version": version, "python_full_version": f"{version}.0", "sys_platform": "linux", "os_name": "posix",
        "platform_system": "Linux", "implementation_name": "cpython", "platform_python_implementation": "CPython",
        "platform_machine": "x86_64", "platform_release": "", "platform_version": "",
        "implementation_version": f"{version}.0",
    }  # fmt: skip
    needs = {name: list(_requirements(item.metadata)) for name, item in installed.items()}
    pending = list(installed)
    while pending:
        item = installed[name := pending.pop()]
        for need in needs[name]:
            target = installed.get(names.pep503(need.name))
            if target is None or not _wanted(need, environment, item.extras):
                continue
            found.relate(item.ref, RelationKind.DEPENDS_ON, target.ref)
            if need.extras - target.extras:
                target.extras |= need.extras
                pending.append(names.pep503(need.name))


def _requirements(metadata: Metadata) -> list[Requirement]:
    found = []
    for text in metadata.all("Requires-Dist"):
        try:
            found.append(Requirement(text))
        except (InvalidRequirement, RecursionError):
            continue
    return found


def _wanted(need: Requirement, environment: dict[str, str], extras: set[str]) -> bool:
    if need.marker is None:
        return True
    try:
        return any(need.marker.evaluate({**environment, "extra": extra}) for extra in sorted({"", *extras}))
    except (InvalidMarker, UndefinedComparison, UndefinedEnvironmentName, RecursionError):
        return True


def _unowned(found: Collector, site: str, owned: set[str]) -> None:
    """Name the code in a site folder that no distribution brought: a `.pth` there runs at every start."""
    count = 0
    for entry in found.tree.below(site):
        if entry.suffix in _CODE and entry.path not in owned and "/__pycache__/" not in entry.path:
            component = file_component(entry)
            facts = {
                **component.facts,
                "unowned": Fact("no installed distribution names this file", Grade.VERIFIED, site),
            }
            found.add(
                Component(
                    component.ref,
                    component.kind,
                    component.name,
                    path=entry.path,
                    digests=component.digests,
                    facts=facts,
                )
            )
            count += 1
            if count >= _UNOWNED:
                found.skip(site, f"more than {_UNOWNED:,} files belong to no distribution; the rest is not listed")
                return
