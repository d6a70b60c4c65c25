"""Signed notes and verifier keys (C2SP signed-note): text, signature lines, and who may have written them; pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from secpipe.core.errors import InputError, UnsafeInput
from secpipe.core.text import printable
from secpipe.core.trust import HalfClass, PublicHalf
from secpipe.keys.wire import b64, unb64

LIMIT = 512 << 10  # bytes of one note
MOST = 64  # signature lines; the specification asks for 16 at least
_DASH = "\u2014 "
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_NAME = re.compile(r"[^\s+]{1,255}")

ED25519, COSIGNED_ED25519, ML_DSA_44 = 0x01, 0x04, 0x06


@dataclass(frozen=True, slots=True)
class _Kind:
    """A signature type: the scheme, the length of its raw public key, and what stands before that in a DER SPKI."""

    algorithm: str
    half: HalfClass
    size: int
    prefix: bytes


# Prefixes: RFC 8410 section 4 (Ed25519), RFC 9881 section 4 (ML-DSA-44).
_ED25519 = _Kind("ed25519", HalfClass.CLASSICAL, 32, bytes.fromhex("302a300506032b6570032100"))
_ML_DSA = _Kind("ml-dsa-44", HalfClass.PQ, 1312, bytes.fromhex("30820532300b0609608648016503040311038205 2100"))
_KINDS: Mapping[int, _Kind] = {ED25519: _ED25519, COSIGNED_ED25519: _ED25519, ML_DSA_44: _ML_DSA}


@dataclass(frozen=True, slots=True)
class Line:
    """One signature line: the key's name, its id (4 bytes), and the signature."""

    name: str
    id: bytes
    signature: bytes

    def text(self) -> str:
        """Return the line as it stands in a note, with its newline."""
        return f"{_DASH}{self.name} {b64(self.id + self.signature)}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A text that ends in a newline, and the signature lines below it. Nothing is verified."""

    text: str
    lines: tuple[Line, ...]

    def encode(self) -> bytes:
        """Return the note as it is written."""
        return (self.text + "\n" + "".join(line.text() for line in self.lines)).encode("utf-8")


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key under a name, for one type of signature (a *vkey*)."""

    name: str
    type: int
    raw: bytes

    @property
    def id(self) -> bytes:
        """The first 4 bytes of the SHA-256 of name, type and key."""
        return hashlib.sha256(self.name.encode("utf-8") + b"\n" + bytes((self.type,)) + self.raw).digest()[:4]

    @property
    def half(self) -> PublicHalf:
        """The key as a scheme takes it."""
        kind = _KINDS[self.type]
        body = b64(kind.prefix + self.raw)
        lines = "\n".join(body[at : at + 64] for at in range(0, len(body), 64))
        return PublicHalf(kind.algorithm, kind.half, f"-----BEGIN PUBLIC KEY-----\n{lines}\n-----END PUBLIC KEY-----\n")

    def text(self) -> str:
        """Return the key as it is configured."""
        return f"{self.name}+{self.id.hex()}+{b64(bytes((self.type,)) + self.raw)}"


def key_of(name: str, type_: int, half: PublicHalf) -> VerifierKey:
    """Return the verifier key of a public half; raises InputError for one that this type does not take."""
    check_name(name)
    kind = _KINDS[type_]
    try:
        der = base64.b64decode("".join(half.pem.splitlines()[1:-1]), validate=True)
    except binascii.Error:
        der = b""
    raw = der[len(kind.prefix) :]
    if half.algorithm != kind.algorithm or not der.startswith(kind.prefix) or len(raw) != kind.size:
        raise InputError(f"a signature line of type {type_:#04x} needs an {kind.algorithm} key")
    return VerifierKey(name, type_, raw)


def check_name(name: str) -> None:
    """Raise InputError for what cannot name a key: spaces, a plus sign, control characters, more than 255 bytes."""
    if not _NAME.fullmatch(name) or not name.isprintable() or len(name.encode("utf-8", "surrogatepass")) > 255:
        raise InputError(
            f'"{printable(name, 80)}" cannot name a log or a witness', hint="a name as example.com/log, without spaces"
        )


def parse_key(text: str) -> VerifierKey:
    """Return the verifier key that `text` writes; raises InputError."""
    parts = text.split("+", 2)
    what = f'"{printable(text, 60)}"'
    if len(parts) != 3:
        raise InputError(f"{what} is no verifier key", hint="NAME+HEX+BASE64, as secpipe log show --keys prints it")
    check_name(parts[0])
    body = unb64(parts[2], f"the key in {what}")
    kind = _KINDS.get(body[0])
    if kind is None:
        raise InputError(f"{what} is a key of type {body[0]:#04x}", hint="known: 0x01, 0x04, 0x06")
    key = VerifierKey(parts[0], body[0], body[1:])
    if len(key.raw) != kind.size or key.id.hex() != parts[1]:
        raise InputError(f"{what} contradicts itself: its id is not that of its key")
    return key


def parse(data: bytes, what: str) -> Note:
    """Return the note in `data`; `what` names it in errors. Raises InputError, UnsafeInput over a bound."""
    if len(data) > LIMIT:
        raise UnsafeInput(f"{what} is larger than {LIMIT:,} bytes")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{what} is not UTF-8") from None
    body, blank, signed = text.rpartition("\n\n")
    if not blank or not signed.endswith("\n") or _CONTROL.search(text):
        raise InputError(f"{what} is no signed note")
    return Note(body + "\n", parse_lines(signed, what))


def parse_lines(text: str, what: str) -> tuple[Line, ...]:
    """Return signature lines, one at least; raises InputError, UnsafeInput."""
    rows = text.split("\n")[:-1]
    if not text.endswith("\n") or not rows:
        raise InputError(f"{what} has no signature line")
    if len(rows) > MOST:
        raise UnsafeInput(f"{what} has more than {MOST} signature lines")
    return tuple(_line(row, what) for row in rows)


def known(note: Note, keys: Iterable[VerifierKey]) -> list[tuple[VerifierKey, Line]]:
    """Return the lines whose name and id are those of a key; who reads them must verify each (C2SP signed-note)."""
    by = {(key.name, key.id): key for key in keys}
    return [(by[line.name, line.id], line) for line in note.lines if (line.name, line.id) in by]


def _line(row: str, what: str) -> Line:
    name, space, body = row.removeprefix(_DASH).partition(" ")
    if not row.startswith(_DASH) or not space or not _NAME.fullmatch(name):
        raise InputError(f"{what} has a line that is no signature line")
    data = unb64(body, f"a signature in {what}")
    if len(data) < 5:
        raise InputError(f"{what} has a signature without content")
    return Line(name, data[:4], data[4:])
