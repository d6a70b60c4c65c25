"""packages.config (NuGet before PackageReference): every package with its version."""

from __future__ import annotations

from secpipe.core.errors import InputError
from secpipe.formats import xmltree
from secpipe.formats.locks.library import library
from secpipe.formats.locks.lock import Lock


def read(found: Lock) -> None:
    """Read one packages.config."""
    root = xmltree.parse(found.data, found.name, found.limits)
    if root.name != "packages":
        raise InputError("this is no list of NuGet packages")
    for item in root.all("package"):
        name, version = item.attributes["id"], item.attributes["version"]
        optional = "optional" if item.attributes.get("developmentDependency", "").lower() == "true" else ""
        found.add(library("NuGet", name, version, path=found.path, line=item.line, facts={"scope": optional}))
