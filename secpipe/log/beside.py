"""Proofs beside what they are about: which entry a file's proof names, and which entry of the log is the newest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from secpipe.core.errors import InputError, TrustError
from secpipe.core.text import printable
from secpipe.log import entry, proof
from secpipe.log.entry import Entry
from secpipe.log.proof import SUFFIX, Proof
from secpipe.log.reader import Reader
from secpipe.log.trusted import Seen, Trusted
from secpipe.system import files


@dataclass(frozen=True, slots=True)
class Logged:
    """An entry that stands in the log, its index, and the checkpoint that counts."""

    entry: Entry
    index: int
    seen: Seen


def place(path: Path) -> Path:
    """Return where the proof of a file stands: beside it."""
    return path.with_name(path.name + SUFFIX)


def find(tree: Reader, digest: str) -> tuple[int, bytes]:
    """Return index and bytes of the newest entry that is about `digest`; raises InputError where there is none."""
    for index, data in tree.entries(newest_first=True, holding=digest.encode("ascii")):
        if entry.parse(data).digest == digest:
            return index, data
    raise InputError(f"the log holds nothing about sha256:{digest[:16]}...", hint="secpipe log checkpoint FOLDER")


def read(path: Path) -> Proof:
    """Return the proof that stands beside the file `path`; raises InputError."""
    at = place(path)
    if not at.is_file():
        raise InputError(f"there is no proof beside {printable(path.name)}", hint=f"secpipe log prove LOG {path.name}")
    return proof.parse(files.read_bytes(at, proof.LIMIT, follow=False), printable(at.name))


def verify(path: Path, digest: str, who: Trusted) -> Logged:
    """Return what the proof beside `path` proves; `digest` is the hex SHA-256 of what the file says.

    Raises TrustError where it does not hold or is about something else, InputError where there is none.
    """
    found = read(path)
    seen = proof.verify(found, found.extra, who, printable(place(path).name))
    one = entry.parse(found.extra, f"the entry in {printable(place(path).name)}")
    if one.digest != digest:
        raise TrustError(f"the proof is about another file than {printable(path.name)}", code="other-entry")
    return Logged(one, found.index, seen)


def newest(tree: Reader, subject: str, environment: str, waiting: Iterable[bytes] = ()) -> Entry | None:
    """Return the newest verdict that the log knows on a release (`subject`: its dirHash) for an environment.

    Entries in `waiting` are acknowledged and newer than the tree's. A verdict stands where it was logged first: whoever
    appends an old one again makes it no newer. Here an index of another kind would stand (a verifiable map): today the
    whole log is read.
    """
    wanted = subject.encode("ascii")
    behind = (data for data in waiting if wanted in data)
    first: dict[str, Entry] = {}
    for data in (*(data for _, data in tree.entries(holding=wanted)), *behind):
        one = entry.parse(data)
        if (one.type, one.about.get("release"), one.about.get("environment")) == ("verdict", subject, environment):
            first.setdefault(one.digest, one)
    return next(reversed(first.values()), None)
