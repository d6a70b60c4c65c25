"""Where packages come from: each setting of an index that is not the public one becomes a service of the build."""

from __future__ import annotations

from secpipe.core.artifact import FileEntry
from secpipe.core.errors import InputError
from secpipe.core.inventory import Component, ComponentKind, content_ref, verified
from secpipe.core.paths import is_installed
from secpipe.core.text import printable
from secpipe.formats.locks import indexes
from secpipe.formats.locks.indexes import Index
from secpipe.formats.packages import ecosystems
from secpipe.sbom.collector import Collector


def takes(entry: FileEntry) -> bool:
    """Tell whether this source answers for a file."""
    return indexes.reader_of(entry.path) is not None and not is_installed(entry.path)


def says_nothing(data: bytes) -> bool:
    """Tell whether YAML, whose lines are read as commands, holds nothing that an address could be."""
    return b"//" not in data and b"$" not in data and b"%" not in data


def read_all(found: Collector) -> None:
    """Add every setting of an index other than the ecosystem's own; a file that cannot be read is said."""
    for entry in found.files:
        if not takes(entry):
            continue
        try:
            for one in indexes.read(entry.path, found.read(entry)):
                if ecosystems.host_of(one.address) not in ecosystems.named(one.ecosystem).hosts:
                    found.add(_service(entry, one))
        except InputError as error:
            found.skip(entry.path, f"not analysed: {printable(error.message, 200)}")


def _service(entry: FileEntry, one: Index) -> Component:
    facts = {
        "referenced": "a setting",
        "endpoint": one.address if one.address.startswith("http") else "",
        "index": one.address,
        "index-of": one.ecosystem,
        "index-reach": str(one.reach),
        "index-names": one.names,
    }
    ref = content_ref(ComponentKind.SERVICE, "index", one.address, str(one.reach), entry.path, one.names)
    name = f"package index {printable(one.address, 200)}"
    return Component(ref, ComponentKind.SERVICE, name, path=entry.path, line=one.line,
                     facts=verified(f"{entry.path}:{one.line}", facts))  # fmt: skip
