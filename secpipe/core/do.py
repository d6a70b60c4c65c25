"""What ends a reason: a command that mends the cause, a command with which someone answers for it, or a person."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from enum import StrEnum

from secpipe.core.text import printable

_PLAIN = re.compile(r"[\w@%+=:,./-]+", re.ASCII)  # what shlex.quote leaves as it is
_FORMAT = re.compile(rb"[A-Za-z0-9_./:=@,+ -]")


class Kind(StrEnum):
    """`FIX` mends the cause and needs nobody's judgement; `ACCEPT` asks who answers for it; `PERSON` runs nothing."""

    FIX = "fix"
    ACCEPT = "accept"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class Do:
    """One thing to do. `text` is a command as a POSIX shell takes it (fix, accept), or one sentence (person)."""

    kind: Kind
    text: str

    def to_dict(self) -> dict[str, str]:
        """Return the published JSON shape: `{"kind", "command"}`, or `{"kind", "text"}` for a person."""
        return {"kind": str(self.kind), "text" if self.kind is Kind.PERSON else "command": self.text}


def fix(*words: str) -> Do:
    """Return the command that mends the cause."""
    return _command(Kind.FIX, words)


def accept(*words: str) -> Do:
    """Return the command with which someone answers for it."""
    return _command(Kind.ACCEPT, words)


def person(sentence: str) -> Do:
    """Return what a person must do, as one printable sentence."""
    told = printable(sentence.strip(), 600).rstrip(".")
    first = told.partition(" ")[0]  # a name or an address keeps its case
    return Do(Kind.PERSON, f"{told[:1].upper() if first.isalpha() else told[:1]}{told[1:]}.")


def _command(kind: Kind, words: tuple[str, ...]) -> Do:
    try:
        return Do(kind, " ".join(map(quote, words)))
    except ValueError:
        name = next(word for word in words if not _speakable(word))
        return person(f"rename {name}: no command line can name it safely")


def quote(word: str) -> str:
    """Return `word` as one word of a POSIX shell, printable and on one line, whatever it holds.

    What cannot be printed safely (line breaks, bidirectional marks, undecodable bytes) is spelled in octal for
    `printf`. Raises ValueError for what no argument can hold: NUL, a trailing line break (`$(...)` drops it).
    """
    if _PLAIN.fullmatch(word):
        return word
    if not _speakable(word):
        raise ValueError("no shell word holds this")
    if printable(word, len(word)) == word:
        return shlex.quote(word)
    spelled = "".join(
        chr(byte) if _FORMAT.fullmatch(bytes([byte])) else f"\\{byte:03o}"
        for byte in word.encode("utf-8", "surrogateescape")
    )
    if spelled.startswith("-"):  # no option of printf
        return f"\"$(printf %b '{spelled.replace(chr(92), chr(92) + '0')}')\""
    return f"\"$(printf '{spelled}')\""


def _speakable(word: str) -> bool:
    try:
        word.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # a lone surrogate from JSON names no file
        return False
    return "\0" not in word and not word.endswith("\n")
