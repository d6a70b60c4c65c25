"""What stands beside an output: its record, and the private file of its prompts, plain or sealed."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from secpipe.core.artifact import Digest, dir_hash
from secpipe.core.errors import ConfigError, InputError, SecpipeError
from secpipe.core.text import printable
from secpipe.lineage import commit, statement
from secpipe.lineage.commit import Opening
from secpipe.lineage.record import SUFFIX, Derivation, Input, Malformed, Role, Subject
from secpipe.system import files, locks, places
from secpipe.system.tree import FolderTree, open_tree

PROMPTS = ".prompts.json"
SEALED = ".prompts.age"
_REFERENCE = re.compile(r"(?:(?P<name>[^@]{1,1024})@)?sha256:(?P<digest>[0-9a-f]{64})\Z")
#: Schemes that name a thing elsewhere; any other word with a colon is a path that was mistyped.
_URI = re.compile(r"(?:pkg|https?|oci|urn|hf|s3|gs|git\+https):[^\s]{1,2048}\Z")
_ROLE = re.compile(r"[a-z][a-z0-9-]{0,63}\Z")
#: Seals or opens bytes under a passphrase; whoever calls decides which machinery that is.
Seal = Callable[[bytes], bytes]


def place(output: Path, suffix: str) -> Path:
    """Return where a file of that suffix stands beside an output; a directory's is its sibling."""
    own = output if output.name not in {"", ".."} else output.resolve()
    if not own.name:
        raise InputError(f"{printable(str(output), 200)} has no name, so nothing stands beside it")
    return own.with_name(own.name + suffix)


def output_of(path: Path) -> Path:
    """Return the output that a path means: its own, or that of the record it names."""
    name = path.name.removesuffix(SUFFIX)
    return path.with_name(name) if name else path


def subject(output: Path, opener: Callable[[str], FolderTree] = open_tree) -> Subject:
    """Return name and digest of a file (`sha256`) or a directory (`dirHash`); raises InputError."""
    return Subject(place(output, "").name, digests_of(output, opener(str(output))))


def input_of(
    word: str, role: str, *, weight: float | None = None, opener: Callable[[str], FolderTree] = open_tree
) -> Input:
    """Return what a reference means: a path, `NAME@sha256:HEX`, `sha256:HEX` or a URI (`pkg:`, `https:`, ...).

    Raises ConfigError for a word that is none of these: a path that is not there is a mistake, never a name.
    """
    if Path(word).exists():
        return Input(place(Path(word), "").name, role, digests_of(Path(word), opener(word)), weight)
    if found := _REFERENCE.match(word):
        return Input(found["name"] or "", role, (Digest("sha256", found["digest"]),), weight)
    if _URI.match(word):
        return Input(word, role, (), weight, uri=word)
    raise ConfigError(
        f'"{printable(word, 200)}" is not there', hint="a path, NAME@sha256:HEX, or a URI such as pkg:..."
    )


def reference(word: str, default: str = Role.REFERENCE) -> tuple[str, str]:
    """Return reference and role of `REF[:ROLE]`; a path that exists is taken whole."""
    before, colon, role = word.rpartition(":")
    if Path(word).exists() or not colon or not _ROLE.match(role) or before in {"sha256", "pkg", "https", "http"}:
        return word, default
    return before, role


def adapter(word: str) -> tuple[str, float | None]:
    """Return reference and weight of `LORA[:WEIGHT]`; a path that exists is taken whole."""
    before, colon, weight = word.rpartition(":")
    if Path(word).exists() or not colon or not re.fullmatch(r"-?\d{1,6}(\.\d{1,12})?", weight):
        return word, None
    return before, float(weight)


def digests_of(path: Path, tree: FolderTree) -> tuple[Digest, ...]:
    """Return the digest of a file or a directory that was walked; raises InputError where it is not known whole."""
    if tree.skipped:
        raise InputError(f"{printable(tree.skipped[0].path)} in {printable(str(path))}: {tree.skipped[0].reason}")
    if path.is_dir():
        return (Digest("dirHash", dir_hash(tree.files)),)
    return (Digest("sha256", tree.files[0].sha256),)


def read(output: Path) -> Derivation:
    """Return the record beside an output; raises InputError where there is none or it is none."""
    where = output if output.name.endswith(SUFFIX) else place(output, SUFFIX)
    found = statement.parse(files.read_bytes(where, statement.RECORD_BYTES, follow=False), printable(where.name))
    if isinstance(found, Malformed):
        raise InputError(found.reason)
    return found


def write(output: Path, record: Derivation, openings: Sequence[Opening] = (), seal: Seal | None = None) -> list[Path]:
    """Write the record beside an output, and the prompts for the owner alone (mode 0600, or sealed); return the paths.

    The prompts come first: a record never commits to a text that was lost in a crash.
    """
    data, written = statement.encode(record), []
    if openings:
        private = commit.encode(openings)
        if len(private) > commit.FILE_BYTES:
            raise InputError(f"the prompts take more than {commit.FILE_BYTES:,} bytes")
        where, other = place(output, SEALED if seal else PROMPTS), place(output, PROMPTS if seal else SEALED)
        files.write_atomic(where, seal(private) if seal else private, mode=0o600)
        files.remove(other)
        written.append(where)
    files.write_atomic(place(output, SUFFIX), data)
    if not record.prompts:  # texts of a record that stood here before belong to nothing any more
        files.remove(place(output, PROMPTS))
        files.remove(place(output, SEALED))
    return [place(output, SUFFIX), *written]


def openings(output: Path, unseal: Seal, where: Path | None = None) -> tuple[Opening, ...]:
    """Return what opens the prompts of an output, from the file beside it or at `where`; none if erased."""
    found = [where] if where else [one for one in (place(output, PROMPTS), place(output, SEALED)) if one.is_file()]
    if not found:
        return ()
    data = files.read_bytes(found[0], commit.FILE_BYTES * 2, follow=False)
    if found[0].name.endswith(".age"):
        data = unseal(data)
    else:
        files.check_private(found[0])
    return commit.decode(data, printable(found[0].name))


def erase(
    output: Path, record: Derivation, begins: tuple[str, ...], unseal: Seal, seal: Seal | None = None
) -> tuple[int, int]:
    """Remove texts and salts of an output's prompts whose commitments begin so, of all where none is named.

    The record stays as it is. Return how many went, and how many were gone before. Who erases at the same time waits.
    Raises ConfigError where prompts stay that cannot be sealed again.
    """
    meant = {one.commitment for one in record.prompts if not begins or one.commitment.startswith(begins)}
    plain, sealed = place(output, PROMPTS), place(output, SEALED)
    with _alone(output):
        try:
            here = openings(output, unseal) if begins or not sealed.is_file() else ()
            known = meant if sealed.is_file() and not begins else {one.commitment for one in here}
        except SecpipeError:  # what is damaged, or open to others, goes like the rest
            if begins:
                raise
            here, known = (), meant
        left = [one for one in here if one.commitment not in meant] if begins else []
        if left and seal is None and sealed.is_file():
            raise ConfigError("the prompts that stay must be sealed again", hint="--seal-with FILE")
        for where in (plain, sealed):
            files.sweep(where)
            if left and where.is_file():
                private = commit.encode(left)
                files.write_atomic(where, seal(private) if seal and where == sealed else private, mode=0o600)
            else:
                files.remove(where)
    return len(meant & known), len(meant - known)


@contextlib.contextmanager
def _alone(output: Path) -> Iterator[None]:
    """Hold the prompts in a folder alone; the lock lies in the user's cache, so that no release ships it."""
    folder = places.cache_folder() / "lineage"
    files.make_folder(folder, mode=0o700)
    name = hashlib.sha256(os.fsencode(place(output, "").parent.resolve())).hexdigest()
    with locks.lock(folder / f"{name}.lock"):
        yield
