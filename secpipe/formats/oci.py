"""OCI manifests and indexes: what a document names, by digest. Pure.

Source: image-spec 1.1 (descriptor, manifest, image index), Docker's image manifest v2 schema 2. A document that could
be read as two kinds is refused (CVE-2021-41190).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from secpipe.core.documents import parse_json
from secpipe.core.errors import InputError, UnsafeInput
from secpipe.core.limits import MIB
from secpipe.core.shape import Table
from secpipe.core.text import printable

MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
INDEX: Final = "application/vnd.oci.image.index.v1+json"
MANIFESTS: Final = frozenset({MANIFEST, "application/vnd.docker.distribution.manifest.v2+json"})
INDEXES: Final = frozenset({INDEX, "application/vnd.docker.distribution.manifest.list.v2+json"})
MANIFEST_BYTES: Final = 4 * MIB  # distribution-spec: what a registry should take
#: Where an artifact's layer says what its file is called (image-spec, ModelPack).
TITLES: Final = ("org.opencontainers.image.title", "org.cncf.model.filepath")
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_MOST: Final = 4096  # layers of a manifest, manifests of an index


@dataclass(frozen=True, slots=True)
class Descriptor:
    """What names content: `digest` is `sha256:HEX`, `size` in bytes, `platform` as `os/architecture[/variant]`."""

    digest: str
    size: int
    media_type: str = ""
    platform: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)
    elsewhere: bool = False  # it is fetched from another place (`urls`)

    @property
    def hex(self) -> str:
        return self.digest.removeprefix("sha256:")

    @property
    def title(self) -> str:
        """The name of the file that an artifact's layer is, or ""."""
        return next((self.annotations[name] for name in TITLES if self.annotations.get(name)), "")


@dataclass(frozen=True, slots=True)
class ImageManifest:
    """One image or artifact."""

    media_type: str
    config: Descriptor | None
    layers: tuple[Descriptor, ...]
    artifact_type: str = ""
    subject: str = ""  # the digest of what it is attached to


@dataclass(frozen=True, slots=True)
class ImageIndex:
    """Several manifests, one for each platform or purpose."""

    media_type: str
    manifests: tuple[Descriptor, ...]


def read(data: bytes, what: str, media_type: str = "") -> ImageManifest | ImageIndex:
    """Return the manifest or index in `data`; `media_type` is what it was announced as.

    Raises InputError for what is neither, for both in one, and where the announced and the stated type differ.
    """
    if len(data) > MANIFEST_BYTES:
        raise UnsafeInput(f"{what} is larger than {MANIFEST_BYTES:,} bytes")
    document = parse_json(data, what)
    if not isinstance(document, dict):
        raise InputError(f"{what} is no manifest")
    table = Table(document, what)
    stated = table.text("mediaType", optional=True, limit=200)
    if stated and media_type and stated != media_type:
        raise InputError(f"{what} is announced as {printable(media_type, 80)} and calls itself {printable(stated, 80)}")
    kind = stated or media_type
    if ("manifests" in document) == ("layers" in document or "config" in document):
        raise InputError(f"{what} is not one of manifest and index")
    if "manifests" in document:
        if kind not in {"", *INDEXES}:
            raise InputError(f"{what} calls itself {printable(kind, 80)} and lists manifests")
        return ImageIndex(kind or INDEX, _several(table, "manifests"))
    if kind not in {"", *MANIFESTS}:
        raise InputError(f"{what} calls itself {printable(kind, 80)} and lists layers")
    config = document.get("config")
    return ImageManifest(
        kind or MANIFEST,
        None if config is None else _descriptor(Table(_object(config, what), f"{what}.config")),
        _several(table, "layers"),
        table.text("artifactType", optional=True, limit=200),
        _digest(table.table("subject"), what) if document.get("subject") is not None else "",
    )


def _several(table: Table, key: str) -> tuple[Descriptor, ...]:
    found: list[Descriptor] = []
    for row in table.tables(key, optional=True):
        if len(found) >= _MOST:
            raise UnsafeInput(f"{table.where} lists more than {_MOST:,} {key}")
        found.append(_descriptor(row))
    return tuple(found)


def _descriptor(table: Table) -> Descriptor:
    platform = table.table("platform", optional=True)
    names = [platform.text(key, optional=True, limit=60) for key in ("os", "architecture", "variant")]
    annotations = {
        str(key): value for key, value in _object(table.values.get("annotations") or {}, table.where).items()
    }
    return Descriptor(
        _digest(table, table.where),
        table.number("size"),
        table.text("mediaType", optional=True, limit=200),
        "/".join(filter(None, names)),
        {str(key): value for key, value in annotations.items() if isinstance(value, str)},
        elsewhere=bool(table.values.get("urls")),
    )


def _digest(table: Table, what: str) -> str:
    digest = table.values.get("digest")
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise InputError(f"{printable(what, 120)} is named by {printable(str(digest), 40)}: only sha256 is read")
    return digest


def _object(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InputError(f"{printable(what, 120)} is no object")
    return value
