"""Where components come from that no lock file names: one file a family; the table says which file name is whose."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase, translate

#: (pattern over the name, `module:function`); first match wins. A function takes (collector, entry). Lock files and
#: manifests of packages stand in `formats.locks.table` and come first.
MANIFESTS: tuple[tuple[str, str], ...] = (
    ("Dockerfile", "secpipe.sbom.sources.dockerfile:read"),
    ("Dockerfile.*", "secpipe.sbom.sources.dockerfile:read"),
    ("*.Dockerfile", "secpipe.sbom.sources.dockerfile:read"),
    ("Containerfile", "secpipe.sbom.sources.dockerfile:read"),
    ("*.yaml", "secpipe.sbom.sources.deployments:read"),
    ("*.yml", "secpipe.sbom.sources.deployments:read"),
    ("*.ipynb", "secpipe.sbom.sources.scripts:notebook"),
    ("*.whl", "secpipe.sbom.sources.wheels:read"),
)
#: The account's word for who reads YAML files that have no row of their own.
YAML_READER = "deployments"
_ANY = re.compile("|".join(translate(pattern) for pattern, _ in MANIFESTS))


def is_yaml(path: str) -> bool:
    """Tell whether the reader of deployments takes a file by its ending."""
    return path.endswith((".yaml", ".yml"))


def reader_of(path: str) -> str:
    """Return `module:function` for the file at `path`, or ""."""
    name = path.rpartition("/")[2]
    if not _ANY.match(name):
        return ""
    return next(target for pattern, target in MANIFESTS if fnmatchcase(name, pattern))
