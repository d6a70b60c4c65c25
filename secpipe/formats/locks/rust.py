"""Cargo.lock: crates with checksums and true edges; packages without a source are the project's own."""

from __future__ import annotations

from typing import Any

from secpipe.core.documents import parse_toml
from secpipe.core.inventory import Component, ComponentKind, content_ref
from secpipe.core.paths import folder_of
from secpipe.core.shape import mapping
from secpipe.formats.locks.library import elsewhere, library
from secpipe.formats.locks.lock import Lock
from secpipe.formats.locks.tomllock import Names, packages

_CRATES = ("registry+https://github.com/rust-lang/crates.io-index", "sparse+https://index.crates.io/")


def read(found: Lock) -> None:
    """Read one Cargo.lock."""
    document, items = packages(found)
    own = document.get("root")  # version 1 keeps the project apart, and the checksums in a table of their own
    items = [{**own, "\0line": 0}, *items] if isinstance(own, dict) else items
    sums = mapping(document.get("metadata"))
    names = Names()
    for item in items:
        component = _crate(item, sums, found.path)
        ref = found.add(component)
        names.put(component.name, component.version, ref)
        for need in item.get("dependencies") or []:
            parts = str(need).split(" ")
            names.need(ref, parts[0], parts[1] if len(parts) > 1 else "")
    names.relate(found)
    _development(found, names)


def _crate(item: dict[str, Any], sums: Any, path: str) -> Component:
    name, version, source = str(item["name"]), str(item.get("version") or ""), str(item.get("source") or "")
    line = item["\0line"]
    if not source:
        ref = content_ref(ComponentKind.APPLICATION, folder_of(path), name)
        return Component(ref, ComponentKind.APPLICATION, name, version, path=path, line=line)
    if source.startswith("git+"):
        url, _, commit = source.partition("#")
        return elsewhere(name, version, path=path, line=line, url=url.partition("?")[0], commit=commit)
    checksum = str(item.get("checksum") or sums.get(f"checksum {name} {version} ({source})") or "")
    hashes = [f"sha256:{checksum}"] if len(checksum) == 64 else []
    registry = "" if source in _CRATES else source.partition("+")[2]
    return library("crates.io", name, version, path=path, line=line, hashes=hashes, registry=registry)


def _development(found: Lock, names: Names) -> None:
    """Mark what only the project's tests need, as the Cargo.toml beside says; of a workspace it says too little."""
    data = found.near(f"{folder_of(found.path)}/Cargo.toml".lstrip("/"))
    manifest = parse_toml(data, "Cargo.toml", found.limits) if data is not None else {}
    if "package" not in manifest or "workspace" in manifest:
        return
    needed: set[str] = set()
    extra: set[str] = set()
    for table in [manifest, *mapping(manifest.get("target")).values()]:
        for key, refs in (("dependencies", needed), ("build-dependencies", needed), ("dev-dependencies", extra)):
            for name, wanted in mapping(mapping(table).get(key)).items():
                refs.update(names.find(str(mapping(wanted).get("package") or name)))
    found.only_for("dev", needed, extra)
