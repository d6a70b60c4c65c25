"""Who may sign what, until when: the trusted state that `keys` reads from a root and a ring, and `sign` judges by."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache

from secpipe.core import times

#: The clocks of two machines, or of one before and after it was set, may differ by this much.
SKEW = timedelta(seconds=60)


class HalfClass(StrEnum):
    """The two classes of algorithms a hybrid joins."""

    CLASSICAL = "classical"
    PQ = "pq"


#: What a verifier may demand: name -> the classes of halves that must have been verified.
FLOORS: dict[str, frozenset[HalfClass]] = {
    "classical+pq": frozenset({HalfClass.CLASSICAL, HalfClass.PQ}),
    "classical": frozenset({HalfClass.CLASSICAL}),
    "pq": frozenset({HalfClass.PQ}),
}


class KeyState(StrEnum):
    """States of a key version: NIST SP 800-57 part 1 section 7, spelled as CycloneDX 1.6 does."""

    PRE_ACTIVATION = "pre-activation"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    DEACTIVATED = "deactivated"
    COMPROMISED = "compromised"
    DESTROYED = "destroyed"


@dataclass(frozen=True, slots=True)
class PublicHalf:
    """The public key of one half; `keyid` is the hex SHA-256 of `pem` (RFC 7468 text with its final newline)."""

    algorithm: str  # scheme id: `ecdsa-p256`, `ml-dsa-65`, ...
    half: HalfClass
    pem: str

    @property
    def keyid(self) -> str:
        return _keyid(self.pem)


@lru_cache(maxsize=4096)  # a ring asks for each of its keys many times
def _keyid(pem: str) -> str:
    return hashlib.sha256(pem.encode("ascii")).hexdigest()


@dataclass(frozen=True, slots=True)
class KeyVersion:
    """One version of an identity's key: its halves and the dates from which its state follows.

    All times are UTC. `sign_until` ends signing, `verify_until` (None: never) ends acceptance without trusted time.
    `compromised_since` rejects every signature not provably older.
    """

    version: int
    halves: tuple[PublicHalf, ...]
    not_before: datetime
    sign_until: datetime
    verify_until: datetime | None = None
    compromised_since: datetime | None = None
    suspended_since: datetime | None = None
    destroyed_since: datetime | None = None

    @property
    def id(self) -> str:
        """Content address: hex SHA-256 over the sorted keyids."""
        return hashlib.sha256("\n".join(sorted(half.keyid for half in self.halves)).encode()).hexdigest()

    def state(self, now: datetime) -> KeyState:
        """Return the state at `now`, derived from dates alone; passing time needs no new signature."""
        if self.compromised_since is not None:
            return KeyState.COMPROMISED
        if self.destroyed_since is not None and now >= self.destroyed_since:
            return KeyState.DESTROYED
        if self.suspended_since is not None and now >= self.suspended_since:
            return KeyState.SUSPENDED
        if now < self.not_before:
            return KeyState.PRE_ACTIVATION
        return KeyState.ACTIVE if now < self.sign_until else KeyState.DEACTIVATED


@dataclass(frozen=True, slots=True)
class Authority:
    """What an identity may sign. Globs as in `fnmatch`; an empty tuple allows nothing, `("*",)` everything."""

    purposes: tuple[str, ...]  # short names of predicate types: model, file, verdict, advisories, policy, sbom, ...
    namespaces: tuple[str, ...] = ("*",)  # subject names
    environments: tuple[str, ...] = ("*",)


@dataclass(frozen=True, slots=True)
class Identity:
    """A signer as the ring knows it: a name, its holder, its authority, all its key versions, oldest first."""

    name: str
    authority: Authority
    versions: tuple[KeyVersion, ...]
    holder: str = ""
    origin: str = ""  # hex SHA-256 of root 1 of the trust it was taken over from; its own people rotate it there
    rotation: tuple[PublicHalf, ...] = ()  # a rotation key of its own, without which it gets no version by rotation


@dataclass(frozen=True, slots=True)
class TimeAuthority:
    """A pinned RFC 3161 authority: the PEM of its root, and of the signing certificate where only that counts."""

    name: str
    pem: str


@dataclass(frozen=True, slots=True)
class Freshness:
    """When the rotation role said that this ring is the newest, and until when; `problem` says why that counts not."""

    issued: datetime | None = None
    expires: datetime | None = None
    problem: str = "no signed statement of the newest ring lies there"

    def stale(self, now: datetime, days: int) -> str:
        """Return why the ring is not shown to have been the newest one within the last `days`, or "" where it is."""
        if self.problem or self.issued is None or self.expires is None:
            return self.problem or "the statement of the newest ring has no time"
        if now < self.issued - SKEW:
            return f"the statement of the newest ring is of {times.rfc3339(self.issued)}, after now"
        if now > self.expires:
            return f"the statement of the newest ring expired at {times.rfc3339(self.expires)}"
        if now - self.issued > timedelta(days=days):
            return f"the statement of the newest ring is of {times.rfc3339(self.issued)}, older than {days} days"
        return ""


@dataclass(frozen=True, slots=True)
class Trust:
    """The verified trust state. `root_digest` is the hex SHA-256 of the newest root file; `--trust-pin` names any root
    of the chain by it."""

    root_version: int
    root_digest: str
    root_expires: datetime
    ring_version: int
    ring_digest: str
    ring_expires: datetime
    identities: tuple[Identity, ...]
    time_authorities: tuple[TimeAuthority, ...] = ()
    pinned: bool = False  # the chain was anchored at a digest given from outside the tree
    pins: tuple[str, ...] = field(default=(), repr=False)  # digests of every root of the chain
    grandfathered: frozenset[tuple[str, str]] = frozenset()  # (digest, label) that the holders say was signed in time
    freshness: Freshness = Freshness()
    root_algorithms: tuple[str, ...] = ()  # scheme ids of all keys that vouch for the ring, from the pinned root on

    def find(self, keyid: str) -> tuple[Identity, KeyVersion, PublicHalf] | None:
        """Return who holds the public half `keyid`, or None."""
        for identity in self.identities:
            for version in identity.versions:
                for half in version.halves:
                    if half.keyid == keyid:
                        return identity, version, half
        return None
