"""Whose checkpoints count: the pinned keys of a log and of its witnesses, and how many of those must have seen it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from secpipe.core.errors import ConfigError, TrustError
from secpipe.core.text import printable
from secpipe.log import checkpoint, merkle, note
from secpipe.log.checkpoint import Checkpoint, SignedLine
from secpipe.log.note import ED25519, VerifierKey


@dataclass(frozen=True, slots=True)
class Trusted:
    """A log by all its keys, and its witnesses.

    Every key of the log must have signed (a missing half is invalid), and a witness counts only with all of its keys.
    """

    keys: tuple[VerifierKey, ...]
    witnesses: tuple[VerifierKey, ...] = ()
    quorum: int = 0

    @property
    def origin(self) -> str:
        """The name of the log, which is the origin of its checkpoints."""
        return self.keys[0].name


@dataclass(frozen=True, slots=True)
class Seen:
    """A checkpoint that counts, and the lines by which it does."""

    head: Checkpoint
    lines: tuple[SignedLine, ...]
    witnesses: tuple[str, ...]


def trusted(keys: Iterable[str], witnesses: Iterable[str] = (), quorum: int = 0) -> Trusted:
    """Return the trust that these verifier keys make. Raises ConfigError, InputError for a key that is none."""
    logs, others = tuple(map(note.parse_key, keys)), tuple(map(note.parse_key, witnesses))
    if not logs:
        raise ConfigError("no key of the log is given", hint="--log-key VKEY, as secpipe log show --keys prints it")
    if len({key.name for key in logs}) != 1:
        raise ConfigError("the keys of one log have one name, its origin")
    if any(key.type == ED25519 for key in others):
        raise ConfigError("a witness signs with a cosignature key", hint="type 0x04 or 0x06")
    raws = [key.raw for key in (*logs, *others)]
    ids = {(key.name, key.id) for key in (*logs, *others)}
    if len(set(raws)) != len(raws) or len(ids) != len(raws) or any(key.name == logs[0].name for key in others):
        raise ConfigError("one key is given twice: nobody witnesses himself")
    names = {key.name for key in others}
    if not 0 <= quorum <= len(names):
        raise ConfigError(f"a quorum of {quorum} needs as many witnesses, {len(names)} are known")
    return Trusted(logs, others, quorum)


def check(data: bytes, who: Trusted, what: str = "the checkpoint") -> Seen:
    """Return the checkpoint in `data` as it counts; raises TrustError where it does not, InputError for none."""
    head, found = checkpoint.read(data, what)
    if head.origin != who.origin:
        raise TrustError(
            f"{what} is of {printable(head.origin, 80)}, not of {printable(who.origin, 80)}", code="other-log"
        )
    if head.size == 0 and head.root != merkle.EMPTY:
        raise TrustError(f"{what} gives a tree without entries a root of some", code="not-in-log")
    lines = checkpoint.verified(head, found, (*who.keys, *who.witnesses))
    signed = {line.key for line in lines}
    if missing := [key for key in who.keys if key not in signed]:
        raise TrustError(f"{what} is not signed by the log's {missing[0].half.algorithm} key", code="log-line-missing")
    witnesses = _witnesses(who, signed)
    if len(witnesses) < who.quorum:
        raise TrustError(
            f"{what} was seen by {len(witnesses)} of the {who.quorum} witnesses that it needs", code="witness-quorum"
        )
    return Seen(head, tuple(lines), witnesses)


def _witnesses(who: Trusted, signed: set[VerifierKey]) -> tuple[str, ...]:
    names = sorted({key.name for key in who.witnesses})
    return tuple(name for name in names if all(key in signed for key in who.witnesses if key.name == name))
