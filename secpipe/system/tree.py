"""One walk over a folder and one digest pass, shared by SBOM, signatures and scanners."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import sys
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import BinaryIO

from secpipe.core.artifact import FileEntry, LinkEntry, Skip
from secpipe.core.errors import InputError, UnsafeInput
from secpipe.core.limits import DEFAULT, Limits
from secpipe.core.protocols import Watch
from secpipe.core.text import printable
from secpipe.system import files, hashing, linking
from secpipe.system.hashing import Look, stamp_of
from secpipe.system.links import judge
from secpipe.system.listing import Listing

#: Git's own store is no part of what is deployed; one further down is another project's, and nobody reads it.
_STORE = ".git"
#: Tells the entry of a file of which nothing has to be read any more.
Known = Callable[[str, os.stat_result], FileEntry | None]
_LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:"


class FolderTree(Listing):
    """A walked and hashed folder; implements `core.protocols.Tree`."""

    def __init__(
        self,
        root: Path,
        found: tuple[FileEntry, ...],
        links: tuple[LinkEntry, ...] = (),
        skipped: tuple[Skip, ...] = (),
        left_out: tuple[Skip, ...] = (),
        watch: Watch | None = None,
    ) -> None:
        super().__init__(found)
        self.watch = watch
        self.root = root
        self.links = links
        self.skipped = skipped
        self.left_out = left_out
        self.unsteady: list[str] = []  # files that could not be read as they were hashed

    def without(self, exclude: Collection[str]) -> FolderTree:
        """Return the tree less the paths in `exclude` and what lies below them, which is then `left_out`."""
        if not exclude:
            return self
        gone = frozenset(exclude)

        def stays(path: str) -> bool:
            return not any(part in gone for part in linking.prefixes(path))

        left = [*self.left_out]
        blind = [
            Skip(link.path, f"link leads into {part}, which is left out")
            for link in self.links if stays(link.path)
            for part in linking.prefixes(link.place) if part in gone
        ]  # fmt: skip
        paths = [entry.path for entry in self.files] + [link.path for link in self.links]
        paths += [skip.path for skip in self.skipped]
        met = {part for path in paths for part in linking.prefixes(path)} & gone
        left += [Skip(path, "left out on request") for path in met]
        return FolderTree(
            self.root,
            tuple(entry for entry in self.files if stays(entry.path)),
            tuple(link for link in self.links if stays(link.path)),
            tuple(sorted([*blind, *(skip for skip in self.skipped if stays(skip.path))], key=lambda skip: skip.path)),
            tuple(sorted(left, key=lambda skip: skip.path)),
            self.watch,
        )

    def read(self, entry: FileEntry, limit: int) -> bytes:
        if entry.size > limit:
            raise UnsafeInput(f"{printable(entry.path)} is larger than {limit:,} bytes")
        with self.open(entry) as file:
            return files.read_upto(file, entry.size)

    @contextlib.contextmanager
    def open(self, entry: FileEntry) -> Iterator[BinaryIO]:
        """Open for streaming; what is read is what was hashed: the stamp is compared before and after."""
        path, steady = entry.via or entry.path, False
        if self.watch:
            self.watch.opened(entry.path, entry.size)
        try:
            with files.open_regular(self.root / path if path else self.root, follow=not path) as file:
                self._unchanged(entry, file)
                steady = True
                yield file
                steady = False
                self._unchanged(entry, file)
                steady = True
        except (OSError, MemoryError):
            steady = False
            raise
        finally:
            if not steady:
                self.unsteady.append(path)

    def _unchanged(self, entry: FileEntry, file: BinaryIO) -> None:
        if not file.closed and stamp_of(os.fstat(file.fileno())) != entry.stamp:
            raise InputError(f"{printable(entry.path)} changed while it was being checked")


def walk(
    root: str | os.PathLike[str],
    *,
    limits: Limits = DEFAULT,
    exclude: Collection[str] = (),
    watch: Watch | None = None,
    look: Look | None = None,
    known: Known | None = None,
) -> FolderTree:
    """Walk `root` and hash every regular file once with SHA-256.

    Links are recorded, never followed; one that leads to what nobody reads, a device, a FIFO, an unreadable file or
    folder, a submodule without its checkout, a nested git store or a Git-LFS pointer is a `Skip`. `exclude` holds
    relative paths the caller leaves out knowingly. `watch` is told of the bytes to hash
    and of those just hashed, from worker threads too; `look` of each small file and its content, from this one. A file
    whose entry `known` tells is not read. Raises InputError if `root` cannot be read, UnsafeInput over a bound.
    """
    base = Path(root)
    told: list[FileEntry] = []
    found: list[tuple[str, int]] = []
    links: list[str] = []
    skipped: list[Skip] = []
    left_out: list[Skip] = []
    for path, info in _entries(base, limits, frozenset(exclude), skipped, left_out):
        if stat.S_ISLNK(info.st_mode):
            links.append(path)
        elif stat.S_ISREG(info.st_mode):
            entry = known(path, info) if known else None
            if entry is None:
                found.append((path, info.st_size))
            else:
                told.append(entry)
            if len(found) + len(told) > limits.tree_files:
                raise UnsafeInput(f"{printable(str(base))} holds more than {limits.tree_files:,} files")
        else:
            skipped.append(Skip(path, "not a regular file"))
    found.sort()
    if watch:
        watch.expect(sum(size for _, size in found))
    hashed = hashing.hashed(base, found, watch.read if watch else None, look)
    entries = []
    for result in hashed:
        if isinstance(result, Skip):
            skipped.append(result)
        else:
            entries.append(result)
            skipped += _pointer(result)
    if told:
        entries = sorted([*entries, *told], key=lambda entry: entry.path)
    linked = _links(base, links, entries, left_out)
    tree = FolderTree(
        base,
        tuple(entries),
        linked.links,
        tuple(sorted([*skipped, *linked.skipped], key=lambda skip: skip.path)),
        tuple(sorted([*left_out, *linked.left_out], key=lambda skip: skip.path)),
        watch,
    )
    return _with_submodules(tree, limits)


def _links(base: Path, paths: list[str], entries: list[FileEntry], left_out: list[Skip]) -> linking.Linked:
    if not paths:
        return linking.Linked((), (), ())
    known = {entry.path for entry in entries}
    return linking.judge_links(base, paths, known, {skip.path for skip in left_out})


def _with_submodules(tree: FolderTree, limits: Limits) -> FolderTree:
    """Return the tree with the submodules that are named and not there; a store of one that is there is git's own."""
    named = tree.find(".gitmodules")
    if named is None:
        return tree
    try:
        modules = tree.read(named, limits.text_bytes)
    except InputError as error:
        absent: tuple[Skip, ...] = (Skip(named.path, f"submodules are not known: {error.message}"),)
    else:
        absent = linking.absent_submodules(modules, [entry.path for entry in tree.files])
    skipped = sorted([*tree.skipped, *absent], key=lambda skip: skip.path)
    return FolderTree(tree.root, tree.files, tree.links, tuple(skipped), tree.left_out, tree.watch)


def single(path: str | os.PathLike[str], watch: Watch | None = None) -> FolderTree:
    """Return a tree of one file named by its own name, whose root is the folder it stands in."""
    target = Path(path)
    judge(target)
    if watch:
        with contextlib.suppress(OSError):  # what cannot be read is told below
            watch.expect(target.stat().st_size)
    result = hashing.one(target.parent, target.name, watch.read if watch else None)
    if isinstance(result, Skip):
        raise InputError(f"cannot read {printable(str(path))}: {result.reason}")
    return FolderTree(target.parent, (result,), skipped=tuple(_pointer(result)))


def _pointer(entry: FileEntry) -> list[Skip]:
    return [Skip(entry.path, "a Git-LFS pointer, not the file itself")] if entry.head.startswith(_LFS) else []


def open_tree(path: str | os.PathLike[str], **options: object) -> FolderTree:
    """Return `walk` of a folder or `single` of a file; raise InputError where nothing stands."""
    target = Path(path)
    try:
        mode = target.stat().st_mode
    except OSError as error:
        raise InputError(f"cannot read {printable(str(path))}: {files.reason(error)}") from error
    if stat.S_ISDIR(mode):
        return walk(target, **options)  # type: ignore[arg-type]  # the options are walk's own
    return single(target)


def stamps(root: str | os.PathLike[str], *, limits: Limits = DEFAULT) -> tuple[str, int]:
    """Return a digest of how a folder's entries are stamped, and when the newest of them changed (ns since 1970).

    Covers every file's path, kind, mode, size, device, inode and times, where links lead, and what cannot be read; no
    content. Who may write a file and set the clock can forge its stamp: what enforces reads the content instead.
    Raises as `walk`.
    """
    base, hasher, newest = Path(root), hashlib.sha256(), 0
    links: list[str] = []
    skipped: list[Skip] = []
    left_out: list[Skip] = []
    for count, (path, info) in enumerate(_entries(base, limits, frozenset(), skipped, left_out)):
        if stat.S_ISLNK(info.st_mode):
            links.append(path)
        newest = max(newest, info.st_mtime_ns if sys.platform == "win32" else info.st_ctime_ns)
        hasher.update(f"{path!r} {info.st_mode} {stamp_of(info)!r}\n".encode("utf-8", "surrogatepass"))
        if count > 2 * limits.tree_files:
            raise UnsafeInput(f"{printable(str(base))} holds more than {limits.tree_files:,} files")
    linked = linking.judge_links(base, links, frozenset(), {skip.path for skip in left_out})
    hasher.update(repr([(link.path, link.target, link.inside, link.place) for link in linked.links]).encode())
    hasher.update(repr([(skip.path, skip.reason) for skip in (*skipped, *linked.skipped)]).encode())
    return hasher.hexdigest(), newest


def placed(
    root: str | os.PathLike[str], wanted: Callable[[str], bool], most: int, skipped: list[Skip]
) -> Iterator[tuple[str, str]]:
    """Yield path and stamp of the regular files whose path `wanted` takes; what cannot be looked into is `skipped`.

    Nothing is read and no link is followed; one that `wanted` takes is a `Skip`. Raises as `walk`, UnsafeInput for more
    than `most` of them.
    """
    base, count = Path(root), 0
    for path, info in _entries(base, DEFAULT, frozenset(), skipped, []):
        if not wanted(path):
            continue
        if not stat.S_ISREG(info.st_mode):
            skipped.append(Skip(path, "not a regular file"))
            continue
        count += 1
        if count > most:
            raise UnsafeInput(f"{printable(str(base))} holds more than {most:,} of them")
        yield path, stamp_of(info).hex()


def _entries(
    base: Path, limits: Limits, exclude: frozenset[str], skipped: list[Skip], left_out: list[Skip]
) -> Iterator[tuple[str, os.stat_result]]:
    judge(base)  # no writer of this process follows a link in it from here on
    pending = [("", 0)]
    while pending:
        folder, depth = pending.pop()
        try:
            with os.scandir(base / folder if folder else base) as listing:
                children = sorted(listing, key=lambda child: child.name)
        except OSError as error:
            if not folder:
                raise InputError(f"cannot read {printable(str(base))}: {files.reason(error)}") from error
            skipped.append(Skip(folder, f"folder cannot be read: {files.reason(error)}"))
            continue
        for child in children:
            path = f"{folder}/{child.name}" if folder else child.name
            if path in exclude:
                left_out.append(Skip(path, "left out on request"))
                continue
            if 4 * len(path) > limits.path_bytes < len(os.fsencode(path)):
                raise UnsafeInput(f"path longer than {limits.path_bytes:,} bytes: {printable(path, 80)}")
            try:
                info = child.stat(follow_symlinks=False)
            except OSError as error:
                skipped.append(Skip(path, f"cannot be read: {files.reason(error)}"))
                continue
            if not stat.S_ISDIR(info.st_mode):
                yield path, info
            elif child.name == _STORE and not folder:
                left_out.append(Skip(path, "git's own store"))
            elif child.name == _STORE:
                skipped.append(Skip(path, "the git store of another project"))
            elif depth + 1 > limits.tree_depth:
                raise UnsafeInput(f"folders nested deeper than {limits.tree_depth}: {printable(path, 80)}")
            else:
                pending.append((path, depth + 1))
