"""The manifest of a directory: its files with their digests, the OMS root digest and in-toto's dirHash over them."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from secpipe.core.artifact import FileEntry
from secpipe.core.errors import InputError
from secpipe.core.names import one_elsewhere
from secpipe.core.protocols import Tree
from secpipe.core.text import printable
from secpipe.sign.bundle import fields
from secpipe.sign.sidecars import SIDECARS

_SHA256 = re.compile(r"[0-9a-f]{64}")
# Parts that are not empty, `.` or `..`. Line ends would forge lines of dirHash; a backslash separates on Windows and is
# escaped by sha256sum; NUL ends a name; a surrogate is no Unicode.
_PART = r"(?!\.{1,2}(?:/|\Z))[^/\r\n\\\0\ud800-\udfff]+"
_CLEAN = re.compile(rf"{_PART}(?:/{_PART})*")


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a directory signature covers: `files` maps relative path to hex SHA-256; `ignored` is what it leaves out."""

    files: Mapping[str, str]
    ignored: tuple[str, ...]
    links: bool = False  # listed names may be links to other files of the directory (other tools only)

    @property
    def root_digest(self) -> str:
        """OMS 1.0: SHA-256 over the file digests, in the order of their path parts. It does not bind names."""
        return oms_root(self.files[path] for path in ordered(self.files))

    @property
    def listed_root(self) -> str:
        """The root digest in the order the files are listed, as signatures by other tools are checked."""
        return oms_root(self.files.values())

    @property
    def dir_hash(self) -> str:
        """in-toto `dirHash`: SHA-256 over `sha256sum` lines in byte order of the names."""
        hasher = hashlib.sha256()
        for path in sorted(self.files, key=lambda name: name.encode("utf-8")):
            hasher.update(f"{self.files[path]}  {path}\n".encode())
        return hasher.hexdigest()

    def predicate(self) -> dict[str, Any]:
        """Return the OMS 1.0 predicate."""
        return {
            "resources": [
                {"algorithm": "sha256", "digest": self.files[path], "name": path} for path in ordered(self.files)
            ],
            "serialization": {
                "allow_symlinks": False,
                "hash_type": "sha256",
                "ignore_paths": list(self.ignored),
                "method": "files",
            },
        }


def ordered(paths: Iterable[str]) -> list[str]:
    """Return paths in OMS order: compared part by part, as PurePosixPath does."""
    return sorted(paths, key=lambda path: path.split("/"))


def oms_root(digests: Iterable[str]) -> str:
    """Return the SHA-256 over concatenated raw digests."""
    hasher = hashlib.sha256()
    for digest in digests:
        hasher.update(bytes.fromhex(digest))
    return hasher.hexdigest()


def of_tree(tree: Tree, folder: str, ignore: Collection[str] = ()) -> Manifest:
    """Return the manifest of `folder` ("" is the tree), leaving out exactly the sidecars and `ignore`.

    Raises InputError for anything a signature cannot cover: links, unread files, names with two readings.
    """
    strays = list(uncovered(tree, folder, ignore))
    if strays:
        path, why = strays[0]
        raise InputError(f"{printable(path)} cannot be signed: {why}", hint="remove it, or leave it out with --ignore")
    ignored = tuple(sorted({*SIDECARS, *ignore}))
    files = {path: entry.sha256 for path, entry in entries(tree, folder, ignored).items()}
    if not files:
        raise InputError("there is no file to sign")
    check_names(files)
    if same := one_elsewhere(files):
        first, second = map(printable, same)
        raise InputError(f"two names are one on Windows and macOS: {first} and {second}", hint="rename one of them")
    return Manifest(files, ignored)


def entries(tree: Tree, folder: str, ignored: Collection[str]) -> dict[str, FileEntry]:
    """Return the files below `folder` by path relative to it, without what is ignored.

    A sidecar name is ignored only as a file; any other ignored path takes everything below it along.
    """
    skip = len(folder) + 1 if folder else 0
    found = {}
    for entry in tree.below(folder):
        path = entry.path[skip:]
        if not is_ignored(path, ignored):
            found[path] = entry
    return found


def is_ignored(path: str, ignored: Collection[str]) -> bool:
    """Whether `path` is left out: it is an ignored path, or lies below one that is no sidecar."""
    if path in ignored:
        return True
    return any(path.startswith(f"{name}/") for name in ignored if name not in SIDECARS)


def uncovered(tree: Tree, folder: str, ignored: Collection[str]) -> Iterable[tuple[str, str]]:
    """Yield (path relative to `folder`, why) for all that stands there and that no manifest can vouch for.

    A sidecar that is a link or anything else than a regular file counts too.
    """
    prefix = f"{folder}/" if folder else ""
    allowed = [name for name in ignored if name not in SIDECARS]
    for link in tree.links:
        if link.path.startswith(prefix) and not is_ignored(link.path[len(prefix) :], allowed):
            yield link.path[len(prefix) :], "a symbolic link is never covered by a signature"
    linked = {link.path for link in tree.links}
    for skip in (*tree.skipped, *tree.left_out):  # .git too: what nobody hashed, nobody vouches for
        inside = skip.path.startswith(prefix) and skip.path not in linked
        if inside and not is_ignored(skip.path[len(prefix) :], allowed):
            yield skip.path[len(prefix) :], skip.reason


def check_names(paths: Iterable[str]) -> None:
    """Raise InputError for names that two systems could read differently."""
    seen: dict[str, str] = {}
    for path in paths:
        if not is_clean(path):
            raise InputError(f"{printable(path)} is not a name that can be signed", hint="rename the file")
        if not path.isascii() and seen.setdefault(unicodedata.normalize("NFC", path), path) != path:
            raise InputError(f"two names differ only in Unicode form: {printable(path)}", hint="rename one of them")


def is_clean(path: str) -> bool:
    """Whether `path` is a relative path with one reading: no empty, `.` or `..` part, no control marks, real UTF-8."""
    return _CLEAN.fullmatch(path) is not None


def parse_predicate(value: Any, what: str, *, links: bool = False) -> Manifest:
    """Return the manifest in an OMS 1.0 predicate, strictly the subset we write; raises InputError.

    `links` also takes one whose signer followed links.
    """
    predicate = fields(value, f"{what}: predicate", {"resources", "serialization"})
    how = fields(
        predicate["serialization"],
        f"{what}: serialization",
        {"method", "hash_type", "allow_symlinks"},
        {"ignore_paths"},
    )
    followed = how["allow_symlinks"]
    if (how["method"], how["hash_type"]) != ("files", "sha256") or (
        followed is not False and not (links and followed is True)
    ):
        raise InputError(f"{what}: only whole files under SHA-256 without links are accepted")
    ignored = how.get("ignore_paths", [])
    if not isinstance(ignored, list) or not all(isinstance(path, str) and is_clean(path) for path in ignored):
        raise InputError(f"{what}: ignore_paths is not a list of relative paths")
    if not isinstance(predicate["resources"], list):
        raise InputError(f"{what}: resources is not a list")
    files: dict[str, str] = {}
    for row in predicate["resources"]:
        row = fields(row, f"{what}: resource", {"name", "digest", "algorithm"})
        name, digest = row["name"], row["digest"]
        if not isinstance(name, str) or not isinstance(digest, str) or not _SHA256.fullmatch(digest):
            raise InputError(f"{what}: a resource without a name or a SHA-256")
        if row["algorithm"] != "sha256" or name in files:
            raise InputError(f"{what}: resource {printable(name)} stands twice or is not under SHA-256")
        files[name] = digest
    check_names(files)
    return Manifest(files, tuple(ignored), followed)
