"""Whether two names are one person: who owns a waiver cannot be the one who approves it."""

from __future__ import annotations

import re
import unicodedata

_ADDRESS = re.compile(r"[^\s<>()\[\],;:\"@]+@[^\s<>()\[\],;:\"@]+")
_MARKS = re.compile(r"[<>()\[\],;\"]")


def same_person(one: str, other: str) -> bool:
    """Whether two entries such as `Raj <raj@corp.example>` name one person, as far as their text can tell.

    Case, white space, compatibility forms and invisible characters do not tell people apart; a mailbox is one person
    whatever tag (`raj+x@`) it is written with, and a bare name is whoever has a mailbox with that local part. When
    in doubt the answer is yes: a second person can always write their name so that it differs.
    """
    names, boxes, locals_ = _read(one)
    others, their_boxes, their_locals = _read(other)
    return bool(names & others or boxes & their_boxes or names & their_locals or others & locals_)


def _read(text: str) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """Return (bare names, mailboxes without their tags, local parts of the mailboxes)."""
    folded = unicodedata.normalize("NFKC", text).casefold().replace("mailto:", " ")
    visible = "".join(
        " " if char.isspace() else char
        for char in folded
        if char.isspace() or unicodedata.category(char) not in {"Cf", "Cc", "Mn"}
    )
    boxes, locals_ = set(), set()
    for address in _ADDRESS.findall(visible):
        local, _, domain = address.rpartition("@")
        local = local.partition("+")[0]
        boxes.add(f"{local}@{domain.rstrip('.')}")
        locals_.add(local)
    rest = " ".join(_MARKS.sub(" ", _ADDRESS.sub(" ", visible)).split())
    return frozenset({rest} if rest else ()), frozenset(boxes), frozenset(locals_)
