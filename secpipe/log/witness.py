"""A witness (C2SP tlog-witness): it cosigns a log's checkpoint only where that grew out of the last one it cosigned."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from secpipe.core.errors import InputError, SecpipeError, TrustError
from secpipe.keys.wire import b64
from secpipe.log import checkpoint, merkle, note, proof, trusted
from secpipe.log.checkpoint import Checkpoint, NoteSigner
from secpipe.log.note import Note
from secpipe.log.ratchet import Ratchet, Remembered
from secpipe.log.trusted import Trusted

#: The longest request: 63 hashes and a checkpoint.
LIMIT = note.LIMIT + 64 * 64
SIZE_TYPE = "text/x.tlog.size"
_TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Reply:
    """What an HTTP client is answered."""

    status: int
    body: bytes = b""
    type: str = _TEXT


@dataclass(frozen=True, slots=True)
class Request:
    """The body of `add-checkpoint`: the size that the client thinks we cosigned last, a proof, and the checkpoint."""

    old: int
    path: tuple[bytes, ...]
    checkpoint: bytes

    def encode(self) -> bytes:
        """Return the body."""
        lines = [f"old {self.old}", *map(b64, self.path), ""]
        return "".join(f"{line}\n" for line in lines).encode("ascii") + self.checkpoint


@dataclass(frozen=True, slots=True)
class Witness:
    """Its key, the logs that it watches (origin -> keys), and where it remembers what it cosigned."""

    signer: NoteSigner
    logs: Mapping[str, Trusted]
    memory: Path

    @property
    def name(self) -> str:
        """The name of its key."""
        return self.signer.key.name

    def ratchet(self, origin: str) -> Ratchet:
        """Return where it remembers the log `origin`."""
        return Ratchet(self.memory, f"witness {self.name}", origin)

    def answer(self, method: str, path: str, body: bytes, now: datetime) -> Reply:
        """Answer one HTTP request; nothing in it can raise. `path` is below the prefix."""
        try:
            if method == "POST" and path == "/add-checkpoint":
                return self.add_checkpoint(body, now)
            if method == "GET" and path.endswith("/checkpoint"):
                return self.latest(path.removesuffix("/checkpoint").removeprefix("/"))
        except Exception:  # whatever goes wrong is not a signature, and is nobody else's business
            return Reply(500, b"could not decide\n")
        return Reply(404, b"no such thing\n")

    def add_checkpoint(self, body: bytes, now: datetime) -> Reply:
        """Return the cosignature, or why there is none; each status is the one that the specification names."""
        try:
            asked = parse(body)
            head, found = checkpoint.read(asked.checkpoint)
        except InputError as error:
            return _no(400, error)
        known = self.logs.get(head.origin)
        if known is None:
            return Reply(404, b"this witness does not watch that log\n")
        try:
            lines = checkpoint.verified(head, found, known.keys)
        except TrustError as error:
            return _no(403, error)
        if {line.key for line in lines} != set(known.keys):
            return Reply(403, b"not signed by every key of the log\n")
        if asked.old > head.size:
            return Reply(400, b"the old size is larger than the checkpoint's\n")
        with self.ratchet(head.origin).held() as held:
            if asked.old != held.size:
                return Reply(409, f"{held.size}\n".encode("ascii"), SIZE_TYPE)
            try:
                _grew(held, head, asked.path)
            except TrustError as error:
                return _no(422, error)
            held.advance(head, held.checkpoint if held.root == head.root else b"")
            line = self.signer.sign(head, now)
            mine = tuple(one for one in found.lines if (one.name, one.id) in {(k.name, k.id) for k in known.keys})
            held.advance(head, Note(found.text, (*mine, line)).encode())
        return Reply(200, line.text().encode("utf-8"))

    def latest(self, digest: str) -> Reply:
        """Return the newest checkpoint it cosigned of the log whose origin has this SHA-256, for monitors."""
        for origin in self.logs:
            if hashlib.sha256(origin.encode("utf-8")).hexdigest() == digest:
                with self.ratchet(origin).held() as held:
                    if held.checkpoint:
                        return Reply(200, held.checkpoint)
        return Reply(404, b"never cosigned\n")


def parse(body: bytes) -> Request:
    """Return the request that a body writes; raises InputError."""
    what = "the request"
    if len(body) > LIMIT:
        raise InputError(f"{what} is larger than {LIMIT:,} bytes")
    top, blank, signed = body.partition(b"\n\n")
    lines = top.decode("ascii", "replace").split("\n")
    if not blank or not lines[0].startswith("old "):
        raise InputError(f"{what} is no old size, proof and checkpoint")
    return Request(checkpoint.number(lines[0][4:], what), proof.hashes(lines[1:], what), signed)


def cosignatures(
    reply: bytes, head: Checkpoint, keys: Sequence[note.VerifierKey], what: str = "the witness's answer"
) -> tuple[note.Line, ...]:
    """Return the lines of a witness's answer that its known keys made; raises TrustError, InputError."""
    text = reply.decode("utf-8", "replace")
    lines = note.parse_lines(text, what)
    good = []
    for key, line in note.known(Note(head.text(), lines), keys):
        if checkpoint.verify(key, head, line).time is None:
            raise TrustError(f"{what} does not say when the checkpoint was seen")
        good.append(line)
    if not good:
        raise TrustError(f"{what} bears no signature of a key that is known here")
    return tuple(good)


def watch(keys: Sequence[str]) -> dict[str, Trusted]:
    """Return origin -> trust of the logs whose verifier keys are given; raises ConfigError, InputError."""
    by: dict[str, list[str]] = {}
    for text in keys:
        by.setdefault(note.parse_key(text).name, []).append(text)
    return {origin: trusted.trusted(texts) for origin, texts in by.items()}


def _grew(held: Remembered, head: Checkpoint, path: Sequence[bytes]) -> None:
    """Raise TrustError unless `head` is the log that was cosigned before, or one that grew out of it."""
    if head.size == 0 and head.root != merkle.EMPTY:
        raise TrustError("a tree without entries has another root")
    merkle.check_consistency(held.size, held.root or merkle.EMPTY, head.size, head.root, path)


def _no(status: int, error: SecpipeError) -> Reply:
    return Reply(status, f"{error.message}\n".encode())
