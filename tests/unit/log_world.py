"""A small log with keys of its own, for the tests of `secpipe.log`."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from secpipe.core.trust import PublicHalf
from secpipe.keys.schemes import scheme
from secpipe.keys.schemes.signer import LocalSigner
from secpipe.log import folder, note
from secpipe.log.checkpoint import NoteSigner
from secpipe.log.entry import Entry
from secpipe.log.ratchet import Ratchet
from secpipe.log.trusted import Trusted, trusted

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
ORIGIN = "log.example/shop"


@cache
def signers(name: str = ORIGIN) -> tuple[NoteSigner, NoteSigner]:
    """The two keys of a log; made once a run."""
    return signer(name, "ed25519", note.ED25519), signer(name, "ml-dsa-44", note.ML_DSA_44)


@cache
def signer(name: str, algorithm: str, type_: int) -> NoteSigner:
    """One key that writes one type of line."""
    key = scheme.get(algorithm).generate()
    half = PublicHalf(algorithm, scheme.get(algorithm).half, key.public_pem())
    return NoteSigner(note.key_of(name, type_, half), LocalSigner(half, key))


@cache
def witness(name: str = "witness.example/w1") -> NoteSigner:
    """The key of a witness."""
    return signer(name, "ml-dsa-44", note.ML_DSA_44)


def vkeys(name: str = ORIGIN) -> tuple[str, ...]:
    """The verifier keys of a log."""
    return tuple(each.key.text() for each in signers(name))


def trust(*witnesses: NoteSigner, quorum: int = 0) -> Trusted:
    """Who is trusted."""
    return trusted(vkeys(), [each.key.text() for each in witnesses], quorum)


def entries(count: int, first: int = 0) -> list[bytes]:
    """Entries that differ."""
    return [Entry("file", NOW, hashlib.sha256(b"%d" % nth).hexdigest()).encode() for nth in range(first, first + count)]


class World:
    """A log in a folder, its ratchet, and what it takes to sign it."""

    def __init__(self, base: Path, origin: str = ORIGIN) -> None:
        self.base, self.path = base, base / "log"
        self.ratchet = Ratchet(base / "seen", "log", origin)
        self.signers = signers(origin)
        self.log = folder.create(self.path, origin, self.signers, self.ratchet, NOW)

    def grow(self, count: int) -> bytes:
        """Append, sign, and return the checkpoint."""
        first = self.log.waiting()[0].end
        self.log.append(entries(count, first))
        return self.sign()

    def sign(self) -> bytes:
        return self.log.sign(self.signers, self.ratchet, NOW)
