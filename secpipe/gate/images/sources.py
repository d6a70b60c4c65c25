"""Where images come from: an OCI layout, a tar of one or of `docker save`. Every blob is held against its digest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

from secpipe.core.errors import InputError
from secpipe.core.limits import DEFAULT, Limits
from secpipe.core.text import printable
from secpipe.formats import oci, tars
from secpipe.formats.oci import Descriptor
from secpipe.formats.stream import Readable, upto, view
from secpipe.system import files


class ImageSource(Protocol):
    """A place that holds manifests and blobs."""

    name: str

    def roots(self) -> tuple[Descriptor, ...]:
        """Return what was asked for: manifests and indexes."""

    def blob(self, one: Descriptor) -> AbstractContextManager[Readable]:
        """Open a blob for reading once, from its beginning."""


class Checked:
    """A forward stream that must have a size and a SHA-256 digest; `finish` reads the rest and raises InputError."""

    def __init__(self, stream: Readable, one: Descriptor) -> None:
        self._stream, self._one = stream, one
        self._hasher, self._size = hashlib.sha256(), 0

    def read(self, count: int, /) -> bytes:
        """Return up to `count` bytes."""
        data = self._stream.read(count)
        self._hasher.update(data)
        self._size += len(data)
        if self._size > self._one.size:
            raise InputError(f"{self._one.digest[:19]}… is larger than the {self._one.size:,} bytes it is said to have")
        return data

    def finish(self) -> None:
        """Read what is left; raise InputError unless size and digest are those that were named."""
        while self.read(1 << 20):
            pass
        if self._size != self._one.size or self._hasher.hexdigest() != self._one.hex:
            raise InputError(f"{self._one.digest[:19]}… is not what its digest promises")


def document(source: ImageSource, one: Descriptor) -> bytes:
    """Return a manifest, an index or a configuration, checked; raises InputError."""
    if one.size > oci.MANIFEST_BYTES:
        raise InputError(f"{one.digest[:19]}… is larger than {oci.MANIFEST_BYTES:,} bytes")
    with source.blob(one) as stream:
        checked = Checked(stream, one)
        data = upto(checked, one.size)
        checked.finish()
    return data


class Layout:
    """An OCI image layout (image-spec 1.1) in a folder."""

    def __init__(self, folder: Path, digest: str = "") -> None:
        self._folder, self._digest = folder, digest
        self.name = folder.absolute().name

    def roots(self) -> tuple[Descriptor, ...]:
        data = files.read_bytes(self._folder / "index.json", oci.MANIFEST_BYTES, follow=False)
        return chosen(oci.read(data, "index.json"), self._digest)

    @contextmanager
    def blob(self, one: Descriptor) -> Iterator[Readable]:
        with files.open_regular(self._folder / "blobs" / "sha256" / one.hex, follow=False) as file:
            yield file


class Archive:
    """A tar that holds an OCI layout; `docker save` writes one since version 25."""

    def __init__(self, path: Path, file: BinaryIO, digest: str = "", limits: Limits = DEFAULT) -> None:
        self._file, self._digest = file, digest
        self.name = path.name.removesuffix(".tar")
        self._places: dict[str, tuple[int, int]] = {}
        file.seek(0)
        for member, _ in tars.members(file, limits):
            if member.kind == "file":
                if member.name in self._places:
                    raise InputError(f"{printable(member.name, 100)} stands twice in the archive")
                self._places[member.name.removeprefix("./")] = (file.tell(), member.size)

    def roots(self) -> tuple[Descriptor, ...]:
        if "index.json" not in self._places:
            hint = "save the image anew (docker save of 25 or newer, skopeo copy ... oci-archive:FILE)"
            raise InputError("the archive holds no OCI layout", hint=hint)
        start, size = self._places["index.json"]
        if size > oci.MANIFEST_BYTES:
            raise InputError("index.json is too large")
        return chosen(oci.read(upto(view(self._file, start, size), size), "index.json"), self._digest)

    @contextmanager
    def blob(self, one: Descriptor) -> Iterator[Readable]:
        place = self._places.get(f"blobs/sha256/{one.hex}")
        if place is None:
            raise InputError(f"{one.digest[:19]}… is not in the archive")
        yield view(self._file, *place)


def chosen(found: oci.ImageManifest | oci.ImageIndex, digest: str) -> tuple[Descriptor, ...]:
    """Return what an index.json lists, or the one of `digest`; raises InputError where there is nothing."""
    if not isinstance(found, oci.ImageIndex):
        raise InputError("index.json lists no manifests")
    several = {one.digest: one for one in found.manifests}
    roots = tuple(one for one in several.values() if digest in ("", one.digest))
    if not roots:
        raise InputError(f"the layout does not list {printable(digest or 'any manifest', 80)}")
    return roots
