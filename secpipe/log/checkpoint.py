"""Checkpoints (C2SP tlog-checkpoint) and cosignatures (tlog-cosignature): written, read, signed and verified; pure."""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from secpipe.core.errors import InputError, TrustError
from secpipe.core.protocols import Signer
from secpipe.core.text import printable
from secpipe.keys.schemes import scheme
from secpipe.keys.wire import b64, unb64
from secpipe.log import merkle, note
from secpipe.log.note import COSIGNED_ED25519, ED25519, Line, Note, VerifierKey

NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")  # below 2^63, checked in `number`
_LATEST = 253402300799  # the last second of year 9999: what a time of ours can say


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of a log: its origin, how many entries it has, and the root of their tree."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """Return the text that a log signs."""
        return "".join(f"{line}\n" for line in (self.origin, str(self.size), b64(self.root)))


@dataclass(frozen=True, slots=True)
class NoteSigner:
    """A private half that writes one type of signature line."""

    key: VerifierKey
    signer: Signer

    def sign(self, head: Checkpoint, now: datetime) -> Line:
        """Return the line for a checkpoint; a cosignature says that at `now` it is the largest one seen."""
        stamp = int(now.timestamp())
        signature = self.signer.sign(message(self.key, head, stamp))
        prefix = b"" if self.key.type == ED25519 else struct.pack(">Q", stamp)
        return Line(self.key.name, self.key.id, prefix + signature)


@dataclass(frozen=True, slots=True)
class SignedLine:
    """A line that holds: by which key, and when, where it says so."""

    key: VerifierKey
    time: datetime | None


def read(data: bytes, what: str = "the checkpoint") -> tuple[Checkpoint, Note]:
    """Return the checkpoint in `data` and its note; nothing is verified. Raises InputError."""
    found = note.parse(data, what)
    return head_of(found, what), found


def head_of(found: Note, what: str) -> Checkpoint:
    """Return the checkpoint that a note's text writes, in its one form; raises InputError."""
    origin, *rest = found.text[:-1].split("\n")
    if not origin or len(rest) != 2:  # an extension line would be signed by Ed25519, and not by ML-DSA
        raise InputError(f"{what} is not a checkpoint: origin, size and root, one a line, and nothing else")
    size, root = number(rest[0], what), unb64(rest[1], f"the root in {what}")
    if len(root) != merkle.SIZE:
        raise InputError(f"{what} has no valid root")
    return Checkpoint(origin, size, root)


def number(text: str, what: str) -> int:
    """Return a size or index in its one spelling; raises InputError."""
    value = int(text) if NUMBER.fullmatch(text) else 1 << 63
    if value >= 1 << 63:
        raise InputError(f'{what} has a number that is none: "{printable(text, 30)}"')
    return value


def message(key: VerifierKey, head: Checkpoint, stamp: int) -> bytes:
    """Return the bytes that a signature of this key's type is over."""
    if key.type == ED25519:
        return head.text().encode("utf-8")
    if key.type == COSIGNED_ED25519:
        return f"cosignature/v1\ntime {stamp}\n{head.text()}".encode()
    return b"".join(
        (
            b"subtree/v1\n\0",
            _opaque(key.name, "the cosigner's name"),
            struct.pack(">Q", stamp),
            _opaque(head.origin, "the origin"),
            struct.pack(">QQ", 0, head.size),
            head.root,
        )
    )


def verify(key: VerifierKey, head: Checkpoint, line: Line) -> SignedLine:
    """Return what the line says; raises TrustError where its signature does not hold, MissingDependency as a scheme."""
    stamp, signature = 0, line.signature
    if key.type != ED25519:
        stamp, signature = int.from_bytes(line.signature[:8], "big"), line.signature[8:]
    if stamp > _LATEST:
        raise TrustError(f"the line of {printable(key.name, 80)} has a time that no clock shows")
    half = key.half
    scheme.get(half.algorithm).verify(half.pem, signature, message(key, head, stamp))
    return SignedLine(key, datetime.fromtimestamp(stamp, UTC) if stamp else None)


def verified(head: Checkpoint, found: Note, keys: Sequence[VerifierKey]) -> list[SignedLine]:
    """Return every line of a known key, all of which hold; one that does not makes the whole note worthless.

    Raises TrustError.
    """
    done = []
    for key, line in note.known(found, keys):
        try:
            done.append(verify(key, head, line))
        except TrustError as error:
            raise TrustError(
                f"the checkpoint line of {printable(key.name, 80)} does not hold: {error}", code="log-line-invalid"
            ) from error
    return done


def _opaque(text: str, what: str) -> bytes:
    data = text.encode("utf-8")
    if not 1 <= len(data) <= 255:
        raise InputError(f"{what} has {len(data)} bytes; an ML-DSA-44 line takes 1 to 255")
    return bytes((len(data),)) + data
