"""Prompts that a record commits to and does not tell: a salted digest in it, the text in a private file beside it.

The commitment is SHA-256 over a fixed word, the 32 random bytes of the salt, the role and the text. Without the salt
nobody can try likely texts; once salt and text are gone, the record says nothing about the prompt any more.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass

from secpipe.core.documents import canonical, parse_json
from secpipe.core.errors import InputError
from secpipe.core.limits import MIB
from secpipe.core.shape import Fields
from secpipe.lineage.record import Derivation, Grade, Prompt

SCHEMA = "secpipe.prompts/1"
#: Bytes of a salt.
SALT = 32
#: Bytes of the UTF-8 text of one prompt, and of all that stand in one file.
TEXT_BYTES = MIB
FILE_BYTES = 16 * MIB
_WORD = b"secpipe.dev/prompt-commitment/v1\0"
_ROLE = re.compile(r"[a-z0-9][a-z0-9-]{0,63}\Z")
_SALT = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True)
class Opening:
    """What opens a commitment: who has salt and text can show that the record meant this prompt."""

    role: str
    salt: bytes
    text: str

    def __repr__(self) -> str:
        return f"Opening({self.role!r})"  # a prompt is private: no log and no exception shows it

    @property
    def commitment(self) -> str:
        """The salted digest, 64 hex digits."""
        role, text = self.role.encode(), self.text.encode("utf-8")
        return hashlib.sha256(_WORD + self.salt + len(role).to_bytes(1, "big") + role + text).hexdigest()

    def prompt(self, grade: Grade = Grade.CLAIMED) -> Prompt:
        """Return the fact that the record holds."""
        return Prompt(self.role, self.commitment, grade)


def opening(role: str, text: str, salt: bytes) -> Opening:
    """Return the opening of a new commitment; raises InputError for a text that is too long or no Unicode."""
    if len(salt) != SALT or not _ROLE.match(role):
        raise InputError("a prompt needs a salt of 32 bytes and a role in lower-case words")
    try:
        size = len(text.encode("utf-8"))
    except UnicodeEncodeError:
        raise InputError("a prompt is not valid Unicode") from None
    if size > TEXT_BYTES:
        raise InputError(f"a prompt is larger than {TEXT_BYTES:,} bytes")
    return Opening(role, salt, text)


def encode(openings: Iterable[Opening]) -> bytes:
    """Return the private file that holds the openings."""
    rows = [{"role": one.role, "salt": one.salt.hex(), "text": one.text} for one in openings]
    return canonical({"schema": SCHEMA, "prompts": rows}) + b"\n"


def decode(data: bytes, what: str = "the prompts") -> tuple[Opening, ...]:
    """Return the openings in a private file; raises InputError."""
    top = Fields(parse_json(data, what), what)
    if top.text("schema") != SCHEMA:
        raise InputError(f"{what} is no {SCHEMA} document")
    rows = [Fields(row, f"{what}, a prompt") for row in top.listing("prompts")]
    top.close()
    found = []
    for row in rows:
        found.append(
            opening(row.text("role"), row.text("text", limit=TEXT_BYTES), bytes.fromhex(row.text("salt", _SALT)))
        )
        row.close()
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Revealed:
    """One prompt of a record: `text` is None where nothing opens its commitment."""

    prompt: Prompt
    text: str | None


def reveal(record: Derivation, openings: Iterable[Opening]) -> tuple[Revealed, ...]:
    """Return the prompts of a record with the texts that open them; an opening of something else opens nothing."""
    known = [(one.commitment, one) for one in openings]
    found = []
    for prompt in record.prompts:
        text = next(
            (one.text for digest, one in known
             if one.role == prompt.role and hmac.compare_digest(digest, prompt.commitment)), None,
        )  # fmt: skip
        found.append(Revealed(prompt, text))
    return tuple(found)
