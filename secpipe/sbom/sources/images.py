"""Container images given as files: an OCI layout, or the tar of `docker save`. Nothing is unpacked to disk."""

from __future__ import annotations

import contextlib
import hashlib
import re
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import IO, Any

from secpipe.core.artifact import Digest, FileEntry
from secpipe.core.documents import parse_json
from secpipe.core.errors import InputError, UnsafeInput
from secpipe.core.inventory import Component, ComponentKind, RelationKind, content_ref, declared
from secpipe.core.paths import folder_of, join
from secpipe.core.text import printable
from secpipe.formats import kinds
from secpipe.formats.locks.table import INSTALLED_NODE
from secpipe.formats.metadata import parse
from secpipe.sbom.collector import Collector
from secpipe.sbom.sources import nodemodules, ospackages
from secpipe.sbom.sources.installed import describe

_PACKAGES = re.compile(rf"(?:^|/)[^/]+\.(?:dist-info/METADATA|egg-info/PKG-INFO)$|{INSTALLED_NODE.pattern}")
_BROKEN = (tarfile.TarError, EOFError, zlib.error, OSError, ValueError, OverflowError)

Open = Callable[[str], AbstractContextManager[IO[bytes]]]


@dataclass(slots=True)
class Kept:
    """What the layers leave: texts by path, and digests of weight files by path."""

    texts: dict[str, bytes] = field(default_factory=dict)
    weights: dict[str, tuple[str, int]] = field(default_factory=dict)
    spent: int = 0
    members: int = 0
    children: dict[str, set[str]] = field(default_factory=dict)  # folder -> what was kept in it, or below that

    def place(self, path: str) -> None:
        """Remember where a path stands, so that a whiteout finds it."""
        while path:
            folder = folder_of(path)
            known = self.children.setdefault(folder, set())
            if path in known:
                return
            known.add(path)
            path = folder

    def remove(self, path: str, *, below: bool) -> None:
        """Apply a whiteout: a path with all below it, or only what is below."""
        pending = list(self.children.pop(path, ())) if below else [path]
        if not below:
            self.children.get(folder_of(path), set()).discard(path)
        while pending:
            name = pending.pop()
            self.texts.pop(name, None)
            self.weights.pop(name, None)
            pending += self.children.pop(name, ())


def takes(entry: FileEntry) -> bool:
    """Tell whether this source answers for a file."""
    return entry.name == "oci-layout" or entry.suffix == ".tar"


def read_all(found: Collector) -> None:
    """Add every image of the tree with its Python and system packages and the weight files in its layers."""
    for entry in found.files:
        reader = _layout if entry.name == "oci-layout" else _archive if takes(entry) else None
        if reader is None:
            continue
        try:
            reader(found, entry)
        except InputError as error:
            found.skip(entry.path, f"not analysed: {printable(error.message, 200)}")
        except _BROKEN as error:
            found.skip(entry.path, f"not analysed: the image cannot be read ({type(error).__name__})")


def _layout(found: Collector, entry: FileEntry) -> None:
    folder = folder_of(entry.path)

    def opened(name: str) -> AbstractContextManager[IO[bytes]]:
        blob = found.tree.find(f"{folder}/{name}".lstrip("/"))
        if blob is None:
            raise InputError(f"{name} is not here")
        if name.startswith("blobs/sha256/") and blob.sha256 != name.rpartition("/")[2]:
            raise InputError(f"{name} is not what its name promises")
        return found.tree.open(blob)

    _oci(found, opened, folder or "image", entry.path)


def _archive(found: Collector, entry: FileEntry) -> None:
    with found.tree.open(entry) as file, tarfile.open(fileobj=file, mode="r:") as outer:
        table: dict[str, tarfile.TarInfo] = {}
        for member in outer:
            if len(table) > found.limits.archive_members:
                raise UnsafeInput("the archive holds too many members")
            table[member.name] = member
        if not {"manifest.json", "index.json"} & set(table):
            return

        def opened(name: str) -> AbstractContextManager[IO[bytes]]:
            member = table.get(name)
            stream = outer.extractfile(member) if member is not None and member.isreg() else None
            if stream is None:
                raise InputError(f"{name} is not in the archive")
            return contextlib.closing(stream)

        if "manifest.json" in table:
            for item in _json(found, opened, "manifest.json"):
                tags = item.get("RepoTags") or [entry.name.removesuffix(".tar")]
                config = re.sub(r"^blobs/sha256/|\.json$", "", str(item.get("Config")))
                _image(
                    found, opened, str(tags[0]), config, [str(layer) for layer in item.get("Layers") or []], entry.path
                )
        else:
            _oci(found, opened, entry.name, entry.path)


def _oci(found: Collector, opened: Open, name: str, path: str) -> None:
    pending = [(_json(found, opened, "index.json"), name)]
    for _ in range(100):
        if not pending:
            return
        document, label = pending.pop()
        for item in document.get("manifests") or []:
            digest = _blob(item)
            title = str((item.get("annotations") or {}).get("org.opencontainers.image.ref.name") or label)
            manifest = _json(found, opened, f"blobs/sha256/{digest}")
            if "manifests" in manifest:
                pending.append((manifest, title))
            elif str(item.get("artifactType") or manifest.get("artifactType") or "").startswith("application/vnd.dev"):
                continue  # a signature or attestation of an image
            else:
                layers = [f"blobs/sha256/{_blob(layer)}" for layer in manifest.get("layers") or []]
                _image(found, opened, title, digest, layers, path)
    if pending:
        found.skip(path, "not analysed: more than 100 lists of images")


def _blob(item: Any) -> str:
    digest = str(item.get("digest")) if isinstance(item, dict) else ""
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
        raise InputError("a blob has no SHA-256 digest")
    return digest[7:]


def _json(found: Collector, opened: Open, name: str) -> Any:
    with opened(name) as stream:
        return parse_json(stream.read(found.limits.text_bytes + 1), name, found.limits)


def _image(found: Collector, opened: Open, name: str, digest: str, layers: list[str], path: str) -> None:
    kept = Kept()
    for layer in layers:
        try:
            with opened(layer) as stream:
                _layer(found, stream, kept)
        except InputError as error:
            found.skip(path, f"not analysed: the layer {printable(layer[-70:])}: {printable(error.message, 200)}")
        except _BROKEN as error:
            found.skip(path, f"not analysed: the layer {printable(layer[-70:])} ({type(error).__name__})")
    digests = (Digest("sha256", digest),) if re.fullmatch(r"[0-9a-f]{64}", digest) else ()
    ref = content_ref(ComponentKind.CONTAINER, name, digest)
    facts = declared(path, {"layers": str(len(layers)), "image-digest": digest})
    found.add(Component(ref, ComponentKind.CONTAINER, name, path=path, facts=facts, digests=digests))
    for component in _components(found, kept, path):
        found.relate(ref, RelationKind.CONTAINS, found.add(component))


def _layer(found: Collector, stream: IO[bytes], kept: Kept) -> None:
    limits = found.limits
    with tarfile.open(fileobj=stream, mode="r|*") as layer:
        for member in layer:
            kept.members += 1
            kept.spent += max(member.size, 0)
            if kept.members > limits.archive_members * 4 or kept.spent > limits.archive_bytes:
                raise UnsafeInput("the image is larger than is read")
            path = join("", member.name.lstrip("/"))
            if path is None:
                raise InputError(f"the member {member.name!a:.100} leaves the image")
            folder, _, name = path.rpartition("/")
            if name == ".wh..wh..opq":
                kept.remove(folder, below=True)
            elif name.startswith(".wh."):
                kept.remove(f"{folder}/{name[4:]}".lstrip("/"), below=False)
            elif member.isreg():
                _keep(layer, member, path, kept, limits.text_bytes)


def _keep(layer: tarfile.TarFile, member: tarfile.TarInfo, path: str, kept: Kept, limit: int) -> None:
    stream = layer.extractfile(member)
    if stream is None:
        return
    if path in ospackages.RELEASE or ospackages.database_of(path) == path or _PACKAGES.search(path):
        kept.place(path)
        kept.texts[path] = stream.read(limit)
        if stream.read(1):
            raise InputError(f"{path} is larger than {limit:,} bytes")
    elif "." + path.rpartition(".")[2].lower() in kinds.WEIGHTS:
        hasher, size = hashlib.sha256(), 0
        while part := stream.read(1 << 20):
            hasher.update(part)
            size += len(part)
        kept.place(path)
        kept.weights[path] = (hasher.hexdigest(), size)


def _components(found: Collector, kept: Kept, path: str) -> Iterator[Component]:
    release = next((kept.texts[name] for name in ospackages.RELEASE if name in kept.texts), b"")
    system = ospackages.distribution(release.decode("utf-8", "replace"))
    for name, data in sorted(kept.texts.items()):
        where = f"{path}!/{name}"
        try:
            if ospackages.database_of(name) == name:
                yield from ospackages.installed(name, data, system, where)
            elif INSTALLED_NODE.search(name):
                yield from nodemodules.described(data, where)
            elif name not in ospackages.RELEASE:
                yield describe(parse(data), where, {"installed": "yes"})
        except InputError as error:
            found.skip(where, f"not analysed: {error.message}")
    for name, (digest, size) in sorted(kept.weights.items()):
        facts = declared(
            f"{path}!/{name}", {"format": kinds.WEIGHTS["." + name.rpartition(".")[2].lower()], "size": str(size)}
        )
        facts |= declared(path, {"analysis": "not analysed", "inside": f"{path}!/{name}"})
        yield Component(
            f"model:{digest}", ComponentKind.MODEL, name.rpartition("/")[2], path=path,
            digests=(Digest("sha256", digest),), facts=facts,
        )  # fmt: skip
