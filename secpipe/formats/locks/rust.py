"""Cargo.lock: crates with checksums and true edges; packages without a source are the project's own."""

from __future__ import annotations

from secpipe.core.inventory import Component, ComponentKind, content_ref
from secpipe.core.paths import folder_of
from secpipe.formats.locks.library import elsewhere, library
from secpipe.formats.locks.lock import Lock
from secpipe.formats.locks.tomllock import Names, packages

_CRATES = ("registry+https://github.com/rust-lang/crates.io-index", "sparse+https://index.crates.io/")


def read(found: Lock) -> None:
    """Read one Cargo.lock."""
    _, items = packages(found)
    names = Names()
    for item in items:
        name, version, source = str(item["name"]), str(item.get("version") or ""), str(item.get("source") or "")
        checksum = str(item.get("checksum") or "")
        hashes = [f"sha256:{checksum}"] if len(checksum) == 64 else []
        if not source:
            ref = content_ref(ComponentKind.APPLICATION, folder_of(found.path), name)
            component = Component(ref, ComponentKind.APPLICATION, name, version, path=found.path, line=item["\0line"])
        elif source.startswith("git+"):
            url, _, commit = source.partition("#")
            component = elsewhere(
                name, version, path=found.path, line=item["\0line"], url=url.partition("?")[0], commit=commit
            )
        else:
            registry = "" if source in _CRATES else source.partition("+")[2]
            component = library(
                "crates.io",
                name,
                version,
                path=found.path,
                line=item["\0line"],
                hashes=hashes,
                facts={"registry": registry},
            )
        ref = found.add(component)
        names.put(name, version, ref)
        for need in item.get("dependencies") or []:
            parts = str(need).split(" ")
            names.need(ref, parts[0], parts[1] if len(parts) > 1 else "")
    names.relate(found)
