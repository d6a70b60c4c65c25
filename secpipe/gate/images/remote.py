"""An image in a registry. Every blob is read once, and held against its digest by whoever reads it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager

from secpipe.formats import oci
from secpipe.formats.oci import Descriptor
from secpipe.formats.stream import Readable
from secpipe.sign.registry import Reference, Registry


class Remote:
    """`oci://host/repository@sha256:HEX`, or `:TAG`, which is resolved once."""

    def __init__(self, place: str) -> None:
        self._reference, self._tag = Reference.tagged(place)
        self._registry = Registry.open(self._reference)
        self._root: tuple[bytes, str, str] | None = None
        self.name = self._reference.name

    def roots(self) -> tuple[Descriptor, ...]:
        data, media_type, digest = self._registry.resolve(self._tag or self._reference.digest)
        self._root = data, media_type, digest
        return (Descriptor(digest, len(data), media_type if media_type in oci.MANIFESTS | oci.INDEXES else ""),)

    @contextmanager
    def blob(self, one: Descriptor) -> Iterator[Readable]:
        """Open a blob, or one of the manifests, which registries keep apart."""
        if self._root is not None and one.digest == self._root[2]:
            yield io.BytesIO(self._root[0])
        elif one.media_type in oci.MANIFESTS | oci.INDEXES:
            yield io.BytesIO(self._registry.manifest(one.digest)[0])
        else:
            with self._registry.stream(one.digest) as stream:
                yield stream
