"""An image or artifact written out to be judged as a folder: what a container sees, and what later layers only hide.

What is not written is not read, and said. Nothing is written through a link: links are made last, inside the image.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from posixpath import relpath
from tempfile import TemporaryDirectory
from typing import Final

from secpipe.core.artifact import Skip
from secpipe.core.errors import InputError, SecpipeError, UnsafeInput
from secpipe.core.limits import DEFAULT, Limits
from secpipe.core.text import printable
from secpipe.formats import oci, overlay, tars
from secpipe.formats.compressed import Expander
from secpipe.formats.oci import Descriptor, ImageManifest
from secpipe.formats.overlay import Overlay, Placed
from secpipe.formats.sniff import HEAD, sniff
from secpipe.formats.stream import Prefixed, Readable, upto
from secpipe.gate.images.sources import Checked, ImageSource, document
from secpipe.system import files

#: Where the files stand that a later layer hides: they ship all the same.
HIDDEN: Final = "hidden-by-later-layers"
CONFIG: Final = "image-config.json"
_PACKED: Final = {"gzip": "gzip", "xz": "xz", "bzip2": "bzip2", "zstd": "zstd"}
_PART: Final = 255  # bytes of one step of a path that a file system takes
#: What distributions link into `usr` (merged /usr). Any other link lends a name that a reader may know.
_MERGED: Final = frozenset({"bin", "sbin", "lib", "lib32", "lib64", "libx32"})
_NESTED: Final = 4  # index in index
_UNPACK: Final = "io.deis.oras.content.unpack"
_LAYER: Final = "application/vnd.oci.image.layer.v1.tar"
_SKIPPED: Final = b"\x2a\x4d\x18"  # a frame of zstd or lz4 that is passed over
#: lz4, lzip, compress: what some runtime might unpack, and we do not.
_MAGICS: Final = (b"\x04\x22\x4d\x18", b"LZIP", b"\x1f\x9d", b"\x1f\xa0", b"\x1f\x8b")


@dataclass(frozen=True, slots=True)
class Unpacked:
    """An image in a scratch folder.

    `subjects` are the digests that name it, first what was asked for, then what that lists; `several` where a layout
    lists more than one, so that none of them names all.
    """

    name: str
    folder: Path
    subjects: tuple[str, ...]
    platforms: tuple[str, ...]
    several: bool
    not_read: tuple[Skip, ...]


@dataclass(slots=True)
class _Scratch:
    """The folder that an image is written to: contents by number first, then each under its path."""

    folder: Path
    limits: Limits
    count: int = 0
    spent: int = 0
    not_read: list[Skip] = field(default_factory=list)

    def keep(self, stream: Readable, size: int, *, executable: bool = False) -> int:
        """Write `size` bytes and return the number of the content; raises UnsafeInput over a bound."""
        self.count += 1
        self.spent += size
        if self.count > self.limits.tree_files:
            raise UnsafeInput(f"the image holds more than {self.limits.tree_files:,} files")
        if self.spent > self.limits.image_bytes:
            raise UnsafeInput(f"the image holds more than {self.limits.image_bytes:,} bytes")
        files.write_stream(self.content(self.count), stream, size, executable=executable)  # type: ignore[arg-type]
        return self.count

    def content(self, number: int) -> Path:
        return self.folder / "contents" / str(number)

    def skip(self, path: str, why: str) -> None:
        self.not_read.append(Skip(printable(path), why))


@contextmanager
def unpacked(source: ImageSource, limits: Limits = DEFAULT) -> Iterator[Unpacked]:
    """Write what `source` was asked for into a scratch folder, one folder a platform where there are several.

    Raises InputError for what is no image or not what its digests promise, UnsafeInput over `image_bytes` or
    `tree_files`.
    """
    with TemporaryDirectory(prefix="secpipe-image-") as place:
        scratch = _Scratch(Path(place), limits)
        files.make_folder(scratch.folder / "contents")
        project = scratch.folder / "project"
        files.make_folder(project)
        subjects: dict[str, None] = {}
        roots = source.roots()
        found = [one for root in roots for one in _manifests(source, root, subjects, 0)]
        names = _folders(found)
        for (one, manifest), name in zip(found, names, strict=True):
            _write(source, one, manifest, scratch, f"{name}/" if name else "")
        platforms = tuple(one.platform for one, _ in found if one.platform)
        yield Unpacked(source.name, project, tuple(subjects), platforms, len(roots) > 1, tuple(scratch.not_read))


def _manifests(
    source: ImageSource, one: Descriptor, subjects: dict[str, None], depth: int
) -> Iterator[tuple[Descriptor, ImageManifest]]:
    """Yield every manifest below a descriptor, once; the digests on the way name the image, too."""
    if one.digest in subjects:
        return
    subjects[one.digest] = None
    found = oci.read(document(source, one), f"the manifest {one.digest[:19]}…", one.media_type)
    if isinstance(found, ImageManifest):
        yield one, found
        return
    if depth >= _NESTED:
        raise UnsafeInput(f"indexes nested deeper than {_NESTED}")
    for inner in found.manifests:
        yield from _manifests(source, inner, subjects, depth + 1)


def _folders(found: list[tuple[Descriptor, ImageManifest]]) -> list[str]:
    """Return a folder for each manifest, "" for the only one: its platform, or the start of its digest."""
    if len(found) == 1:
        return [""]
    taken: set[str] = set()
    names = []
    for one, _ in found:
        name = one.platform.replace("/", "-")
        plain = name.replace("-", "").replace("_", "").replace(".", "").isalnum() and not name.startswith(".")
        name = name if plain and name not in taken else f"image-{one.hex}"
        taken.add(name)
        names.append(name)
    return names


def _write(source: ImageSource, one: Descriptor, manifest: ImageManifest, scratch: _Scratch, prefix: str) -> None:
    """Write one image: its layers over each other, what they hide, and its configuration."""
    image = Overlay()
    for number, layer in enumerate(manifest.layers, 1):
        image.begin(number)
        where = f"{prefix}layer {number} ({layer.digest[:19]}…)"
        if layer.elsewhere or "nondistributable" in layer.media_type or "foreign" in layer.media_type:
            scratch.skip(where, "the layer is kept elsewhere, by its own word")
            continue
        with source.blob(layer) as stream:
            checked = Checked(stream, layer)
            try:
                _layer(checked, layer, image, scratch, where)
            except UnsafeInput:
                raise
            except InputError as error:
                scratch.skip(where, error.message.replace(f"{scratch.folder}/", ""))
            checked.finish()
    seen = {placed.path.partition("/")[0] for placed in image.files()}
    placed = [*image.files(), *_hidden(image.hidden, _free(HIDDEN, seen))]
    if manifest.config is not None and manifest.config.size > len(b"{}"):
        data = document(source, manifest.config)
        files.write_atomic(scratch.folder / "project" / _made(scratch, prefix) / _free(CONFIG, seen), data)
    _place(image, placed, scratch, prefix)


def _made(scratch: _Scratch, prefix: str) -> str:
    files.make_folder(scratch.folder / "project" / prefix)
    return prefix


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name = f"{name}_"
    return name


def _hidden(found: list[Placed], folder: str) -> Iterator[Placed]:
    taken: set[str] = set()
    for one in found:
        if one.token >= 0:
            path = f"{folder}/layer-{one.layer}/{one.path}"
            while path in taken:
                path = f"{path}_"
            taken.add(path)
            yield replace(one, path=path)


def _layer(stream: Readable, layer: Descriptor, image: Overlay, scratch: _Scratch, where: str) -> None:
    """Put one layer over those before it: the changes of a tar, or the one file that an artifact's layer is."""
    head = upto(stream, HEAD)
    whole: Readable = Prefixed(head, stream)
    kind = sniff(head, layer.size, pickles=False)
    named = layer.title or kind not in {"tar", *_PACKED}  # untitled: a runtime may unpack it
    if (not _is_tar(layer) and named) or _is_called_tar(layer, kind, head):
        path = overlay.inside(layer.title or f"layer-{layer.hex[:12]}", scratch.limits.tree_depth)
        image.put(Placed(path, image.layer, scratch.keep(whole, layer.size)))
        return
    bound = replace(scratch.limits, archive_bytes=scratch.limits.image_bytes, archive_members=scratch.limits.tree_files)
    if kind in _PACKED:
        whole = Expander(whole, _PACKED[kind], bound)
    elif kind != "tar" and head.strip(b"\0"):
        raise InputError(f"the layer is {kind or 'no tar'}, which is not read")
    for member, content in tars.members(whole, bound):
        _member(member, content, image, scratch, where)
    while part := whole.read(1 << 20):
        if part.strip(b"\0"):
            raise InputError("there are bytes behind the end of the layer's tar")


def _is_tar(layer: Descriptor) -> bool:
    """Tell whether whoever takes the layer unpacks it: by its type, or where ORAS is told so."""
    if layer.annotations.get(_UNPACK) == "true":
        return True
    words = layer.media_type.replace("+", ".").split(".")
    return bool({"tar", "tgz"} & set(words)) or not (layer.title or layer.media_type)


def _is_called_tar(layer: Descriptor, kind: str, head: bytes) -> bool:
    """Tell whether a layer is a titled file that its type calls a tar, as ORAS does: nobody can unpack it."""
    if not layer.title or layer.annotations.get(_UNPACK) == "true" or layer.media_type != _LAYER:
        return False
    packed = kind in {"tar", *_PACKED} or head.startswith(_MAGICS) or head[1:4] == _SKIPPED
    return not packed and bool(head.strip(b"\0")) and not tars.begins(head)


def _member(member: tars.Member, content: Readable, image: Overlay, scratch: _Scratch, where: str) -> None:
    try:
        path = overlay.inside(member.name, scratch.limits.tree_depth)
        parts = path.encode("utf-8", "surrogateescape").split(b"/")
        if max(map(len, parts)) > _PART or sum(map(len, parts)) + len(parts) > scratch.limits.path_bytes // 2:
            raise InputError("a name that no folder can hold")
        if not path or image.whiteout(path):
            return
        if member.kind == "folder":
            image.folder(path)
        elif member.kind == "file":
            token = scratch.keep(content, member.size, executable=member.executable)
            image.put(Placed(path, image.layer, token))
        elif member.kind == "link":
            _link(member, path, image, scratch)
        elif member.kind == "other":
            raise InputError("a kind of file that is not read")
    except UnsafeInput:
        raise
    except InputError as error:
        scratch.skip(f"{where}: {member.name}", error.message)


def _link(member: tars.Member, path: str, image: Overlay, scratch: _Scratch) -> None:
    if len(member.target) > scratch.limits.path_bytes:
        raise InputError("a link whose target is too long")
    if not member.hard:
        image.put(Placed(path, image.layer, target=member.target or "."))
        return
    there = image.find(overlay.inside(member.target, scratch.limits.tree_depth))
    if there is None:
        raise InputError("a hard link to what is not there")
    image.put(replace(there, path=path, layer=image.layer))


def _place(image: Overlay, placed: list[Placed], scratch: _Scratch, prefix: str) -> None:
    """Move every content to its path, then make the links: each leads where it does inside the image."""
    project, moved = scratch.folder / "project", dict[int, Path]()
    links = [one for one in placed if one.token < 0]
    for one in placed:
        if one.token < 0:
            continue
        target = project / f"{prefix}{one.path}"
        try:
            files.make_folder(target.parent)
            if (first := moved.get(one.token)) is None:
                files.rename(scratch.content(one.token), target)
                moved[one.token] = target
            else:
                with files.open_regular(first) as again:
                    files.write_stream(target, again, first.stat().st_size)
        except SecpipeError as error:
            scratch.skip(f"{prefix}{one.path}", error.message.replace(f"{scratch.folder}/", ""))
        if one.path == ".git" or one.path.startswith(".git/"):
            scratch.skip(f"{prefix}{one.path}", "a git store inside the image")
    for link in links:
        leads = image.leads(link)
        if leads is None or not (project / prefix / leads).exists():
            continue  # nothing ships behind it
        if link.path in _MERGED and leads == f"usr/{link.path}":
            continue  # the files are judged, and no reader asks for the shorter name
        there = relpath(leads or ".", link.path.rpartition("/")[0] or ".")
        files.make_folder((project / f"{prefix}{link.path}").parent)
        try:
            files.make_link(project / f"{prefix}{link.path}", there.encode("utf-8", "surrogateescape"))
        except InputError:
            scratch.skip(f"{prefix}{link.path}", "a link that cannot be made here")
