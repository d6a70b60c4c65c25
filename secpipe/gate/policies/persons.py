"""Whether two names are one person: who owns a waiver cannot be the one who approves it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from secpipe.core.text import printable
from secpipe.gate.policies.policy_places import Path, Places

_ADDRESS = re.compile(r"[^\s<>()\[\],;:\"@]+@[^\s<>()\[\],;:\"@]+")
#: Cyrillic and Greek letters, a dotless i and two digits that are drawn as Latin letters. Source: Unicode Technical
#: Standard 39, confusables.txt, as of 2026-11.
_TWINS = str.maketrans("авсԁеһіјкӏмнорԛгѕтуѵԝхьαβεικνορτυχγωıɡɑ01", "abcdehijklmhopqrstyvwxbabeikvoptuxywigaol")
_AN = {"a": "an"}
_MARKS = re.compile(r"[<>()\[\],;\"]")


def same_person(one: str, other: str) -> bool:
    """Whether two entries such as `Raj <raj@corp.example>` name one person, as far as their text can tell.

    Case, white space, compatibility forms, letters drawn alike and invisible characters do not tell people apart; a
    mailbox is one person whatever tag (`raj+x@`) it is written with, and a bare name is whoever has a mailbox with that
    local part. When in doubt the answer is yes: a second person can always write their name so that it differs.
    """
    names, boxes, locals_ = _read(one)
    others, their_boxes, their_locals = _read(other)
    return bool(names & others or boxes & their_boxes or names & their_locals or others & locals_)


def is_nobody(text: str) -> bool:
    """Whether an entry names no person at all: nothing, a dash, a word for nobody."""
    letters = "".join(char for char in unicodedata.normalize("NFKC", text).casefold() if char.isalnum())
    return letters in ("", "na", "none", "null", "nobody", "noone", "nil", "tbd", "todo", "unknown", "xxx")


def is_among(person: str, listed: Iterable[str]) -> bool:
    """Whether an entry is one of the listed: the same mailbox or name, letter by letter; in doubt not."""
    boxes = {box.casefold() for box in _ADDRESS.findall(person)}
    word = " ".join(person.split()).casefold()
    return any(
        word == " ".join(one.split()).casefold() or boxes & {box.casefold() for box in _ADDRESS.findall(one)}
        for one in listed
    )


def check_answerable(what: str, needed: Sequence[str], values: Mapping[str, Any], path: Path, where: Places) -> None:
    """Refuse an exception that lacks a word, or that nobody but its owner approved; raises ConfigError."""
    if missing := [word for word in needed if not values.get(word)]:
        hint = f"every {what} names {', '.join(needed[:-1])} and {needed[-1]}"
        raise where.error(path, f"{_AN.get(what[0], 'a')} {what} lacks {', '.join(missing)}", hint=hint)
    name = f'{what} "{printable(values.get("id") or values.get("kind", ""), 60)}"'
    approver = values.get("approved_by", "nobody is named")
    if is_nobody(approver):
        raise where.error((*path, "approved_by"), f"{name} is approved by nobody", hint="who looked at it?")
    if values.get("approved_by") and same_person(approver, values["owner"]):
        raise where.error((*path, "approved_by"), f"{name} is approved by its own owner")


def _read(text: str) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """Return (bare names, mailboxes without their tags, local parts of the mailboxes)."""
    folded = unicodedata.normalize("NFKC", text).casefold().replace("mailto:", " ")
    visible = "".join(
        " " if char.isspace() else char
        for char in folded
        if char.isspace() or unicodedata.category(char) not in {"Cf", "Cc", "Mn"}
    )
    visible = visible.translate(_TWINS)
    boxes, locals_ = set(), set()
    for address in _ADDRESS.findall(visible):
        local, _, domain = address.rpartition("@")
        local = local.partition("+")[0]
        boxes.add(f"{local}@{domain.rstrip('.')}")
        locals_.add(local)
    rest = " ".join(_MARKS.sub(" ", _ADDRESS.sub(" ", visible)).split())
    return frozenset({rest} if rest else ()), frozenset(boxes), frozenset(locals_)
