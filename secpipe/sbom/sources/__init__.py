"""Where components come from: one file a family; the table says which file name is whose."""

from __future__ import annotations

from fnmatch import fnmatchcase

#: (pattern over the name or its last two parts, `module:function`); first match wins. A function takes
#: (collector, entry).
MANIFESTS: tuple[tuple[str, str], ...] = (
    ("uv.lock", "secpipe.sbom.sources.uv:read"),
    ("poetry.lock", "secpipe.sbom.sources.poetry:read"),
    ("pdm.lock", "secpipe.sbom.sources.pdm:read"),
    ("pylock.toml", "secpipe.sbom.sources.pylock:read"),
    ("pylock.*.toml", "secpipe.sbom.sources.pylock:read"),
    ("Pipfile.lock", "secpipe.sbom.sources.pipfile:read"),
    ("pyproject.toml", "secpipe.sbom.sources.pyproject:read"),
    ("package-lock.json", "secpipe.sbom.sources.npm:read_lock"),
    ("npm-shrinkwrap.json", "secpipe.sbom.sources.npm:read_lock"),
    ("package.json", "secpipe.sbom.sources.npm:read_manifest"),
    ("pnpm-lock.yaml", "secpipe.sbom.sources.pnpm:read"),
    ("yarn.lock", "secpipe.sbom.sources.yarn:read"),
    ("go.mod", "secpipe.sbom.sources.golang:read_mod"),
    ("go.sum", "secpipe.sbom.sources.golang:read_sum"),
    ("Cargo.lock", "secpipe.sbom.sources.rust:read"),
    ("environment*.y*ml", "secpipe.sbom.sources.conda:read"),
    ("conda*.y*ml", "secpipe.sbom.sources.conda:read"),
    ("Dockerfile", "secpipe.sbom.sources.dockerfile:read"),
    ("Dockerfile.*", "secpipe.sbom.sources.dockerfile:read"),
    ("*.Dockerfile", "secpipe.sbom.sources.dockerfile:read"),
    ("Containerfile", "secpipe.sbom.sources.dockerfile:read"),
    ("*.yaml", "secpipe.sbom.sources.deployments:read"),
    ("*.yml", "secpipe.sbom.sources.deployments:read"),
    ("*.whl", "secpipe.sbom.sources.wheels:read"),
    ("*requirements*.txt", "secpipe.sbom.sources.requirements:read"),
    ("*requirements*.in", "secpipe.sbom.sources.requirements:read"),
    ("requirements/*.txt", "secpipe.sbom.sources.requirements:read"),
    ("requirements/*.in", "secpipe.sbom.sources.requirements:read"),
)


def reader_of(path: str) -> str:
    """Return `module:function` for the file at `path`, or ""."""
    name, tail = path.rpartition("/")[2], "/".join(path.split("/")[-2:])
    return next((target for pattern, target in MANIFESTS if fnmatchcase(tail if "/" in pattern else name, pattern)), "")
