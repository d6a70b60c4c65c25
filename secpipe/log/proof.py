"""Proofs that something stands in a log (C2SP tlog-proof): one text file, verified without a network; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from secpipe.core.errors import InputError, UnsafeInput
from secpipe.keys.wire import b64, unb64
from secpipe.log import checkpoint, merkle, note, tiles
from secpipe.log.trusted import Seen, Trusted, check

SUFFIX = ".tlog-proof"
HEADER = "c2sp.org/tlog-proof@v1"
LIMIT = note.LIMIT + 2 * tiles.LONGEST


@dataclass(frozen=True, slots=True)
class Proof:
    """Index, path and checkpoint; `extra` is the entry, and nothing vouches for it before `verify`."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes = b""

    def encode(self) -> bytes:
        """Return the file."""
        extra = [f"extra {b64(self.extra)}"] if self.extra else []
        lines = [HEADER, *extra, f"index {self.index}", *map(b64, self.path), ""]
        return "".join(f"{line}\n" for line in lines).encode("ascii") + self.checkpoint


def parse(data: bytes, what: str) -> Proof:
    """Return the proof in `data`; `what` names it in errors. Raises InputError, UnsafeInput."""
    if len(data) > LIMIT:
        raise UnsafeInput(f"{what} is larger than {LIMIT:,} bytes")
    top, blank, signed = data.partition(b"\n\n")
    try:
        lines = top.decode("ascii").split("\n") if blank else []
    except UnicodeDecodeError:
        lines = []
    if not lines or lines.pop(0) != HEADER:
        raise InputError(f"{what} is no tlog-proof")
    extra = b""
    if lines and lines[0].startswith("extra "):
        extra = unb64(lines.pop(0)[6:], f"the extra line of {what}")
    if not lines or not lines[0].startswith("index "):
        raise InputError(f"{what} names no index")
    index = checkpoint.number(lines.pop(0)[6:], what)
    return Proof(index, hashes(lines, what), signed, extra)


def hashes(lines: Sequence[str], what: str) -> tuple[bytes, ...]:
    """Return the hashes of a proof, one a line; raises InputError."""
    found = tuple(unb64(line, f"a hash in {what}") for line in lines[: merkle.MOST + 1])
    if len(found) > merkle.MOST or any(len(each) != merkle.SIZE for each in found):
        raise InputError(f"{what} holds something that is not a hash, or more than {merkle.MOST} of them")
    return found


def verify(one: Proof, entry: bytes, who: Trusted, what: str = "the proof") -> Seen:
    """Return the checkpoint under which `entry` stands in the log; raises TrustError where it does not."""
    seen = check(one.checkpoint, who, f"the checkpoint in {what}")
    merkle.check_inclusion(merkle.leaf(entry), one.index, seen.head.size, one.path, seen.head.root)
    return seen
