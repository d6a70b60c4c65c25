"""An unpacked system in the tree: the databases of dpkg, apk and RPM tell what is installed in it."""

from __future__ import annotations

from secpipe.core.artifact import FileEntry
from secpipe.core.errors import InputError
from secpipe.core.text import printable
from secpipe.sbom.collector import Collector
from secpipe.sbom.sources import ospackages


def takes(entry: FileEntry) -> bool:
    """Tell whether this source answers for a file."""
    return ospackages.database_of(entry.path) != ""


def read_all(found: Collector) -> None:
    """Add the packages of every such database, under the distribution that its own os-release names."""
    for entry in found.tree.files:
        name = ospackages.database_of(entry.path)
        if not name:
            continue
        root = entry.path.removesuffix(name)
        try:
            release = next(filter(None, (found.tree.find(root + one) for one in ospackages.RELEASE)), None)
            text = found.read(release).decode("utf-8", "replace") if release is not None else ""
            for component in ospackages.installed(name, found.read(entry), ospackages.distribution(text), entry.path):
                found.add(component)
        except InputError as error:
            found.skip(entry.path, f"not analysed: {printable(error.message, 200)}")
