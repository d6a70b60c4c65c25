"""Images made in memory: layers as tars, an OCI layout in a folder or in one tar."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
CONFIG = "application/vnd.oci.image.config.v1+json"
EVIL = b"cposix\nsystem\n(S'true'\ntR."  # a pickle that runs a command when it is opened

Entries = Mapping[str, bytes | tuple[str, str]]


def tar(entries: Entries) -> bytes:
    """Return a tar: bytes are files, `("link"|"hard"|"folder", target)` what they say."""
    kinds = {"link": tarfile.SYMTYPE, "hard": tarfile.LNKTYPE, "folder": tarfile.DIRTYPE, "pipe": tarfile.FIFOTYPE}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, what in entries.items():
            member = tarfile.TarInfo(name)
            if isinstance(what, bytes):
                member.size = len(what)
                archive.addfile(member, io.BytesIO(what))
            else:
                member.type, member.linkname = kinds[what[0]], what[1]
                archive.addfile(member)
    return out.getvalue()


class Blobs:
    """The blobs of a layout, by digest."""

    def __init__(self) -> None:
        self.data: dict[str, bytes] = {}

    def put(self, data: bytes, media_type: str, **more: Any) -> dict[str, Any]:
        """Add a blob and return its descriptor."""
        digest = hashlib.sha256(data).hexdigest()
        self.data[digest] = data
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data), **more}

    def image(self, layers: Sequence[bytes], config: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        """Add an image of tars and return the descriptor of its manifest."""
        rows = [self.put(gzip.compress(one, mtime=0), LAYER) for one in layers]
        return self.manifest(rows, self.put(json.dumps(config or {"os": "linux"}).encode(), CONFIG), **more)

    def manifest(self, layers: Sequence[dict[str, Any]], config: dict[str, Any], **more: Any) -> dict[str, Any]:
        """Add a manifest and return its descriptor."""
        document = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [*layers]}
        return self.put(json.dumps(document).encode(), MANIFEST, **more)

    def index(self, manifests: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Add an index and return its descriptor."""
        document = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [*manifests]}
        return self.put(json.dumps(document).encode(), INDEX)

    def files(self, *roots: dict[str, Any]) -> dict[str, bytes]:
        """Return the files of a layout."""
        index = json.dumps({"schemaVersion": 2, "manifests": [*roots]}).encode()
        named = {f"blobs/sha256/{digest}": data for digest, data in self.data.items()}
        return {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}', "index.json": index, **named}

    def write(self, folder: Path, *roots: dict[str, Any]) -> str:
        """Write a layout and return how `check` names it."""
        for name, data in self.files(*roots).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        return f"oci-layout:{folder}"
