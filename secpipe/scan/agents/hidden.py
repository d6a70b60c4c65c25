"""Text that a person does not see and an assistant reads: tags, zero width, bidi, look-alike letters, padding."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

#: Anything outside plain text; most files have none of it and are done.
_SUSPECT = re.compile(
    r"[\x00-\x08\x0b\x0e-\x1f\x7f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e01ef\U0001d173-\U0001d17a]"
)
_TAGS = re.compile(r"\U0001f3f4[\U000e0020-\U000e007e]{1,12}\U000e007f|([\U000e0000-\U000e007f]+)")
_OVERRIDE = re.compile(r"[\u202d\u202e]")
_BIDI = re.compile(r"[\u202a-\u202c\u2066-\u2069]")
_ZERO = re.compile(
    r"[\u200b\u200c\u200d\u2060-\u2064\u180e\ufeff\u00ad\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\ufff9-\ufffb\u206a-\u206f\U0001d173-\U0001d17a]"
)
_SELECTORS = re.compile(r"[\ufe00-\ufe0f\U000e0100-\U000e01ef]{2,}")
_CONTROL = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|\x08{3,}|(?<=[^\r\n])\r(?=[^\r\n]{3})")
_PADDING = re.compile(r"(?<![ \t\u00a0\u2000-\u200a\u3000])[ \t\u00a0\u2000-\u200a\u3000]{160,}(?=\S)([^\n]{12,400})")
_BLANKS = re.compile(r"\S[ \t\r]*(?:\n[ \t\r]*){60,}(\S[^\n]{12,400})")
#: Letters of other scripts that look like Latin ones.
_CYRILLIC = "асеіјорԛѕԝхуһԁӏвкмнтАВЕКМНОРСТХЅІЈԌ"
_GREEK = "οΟΑΒΕΖΗΙΚΜΝΡΤΥΧνρ"
_LATIN_LIKE = str.maketrans(_CYRILLIC + _GREEK, "aceijopqswxyhdlbkmhtABEKMHOPCTXSIJG" + "oOABEZHIKMNPTYXvp")
_MIXED = re.compile(f"[A-Za-z0-9_.-]*(?:[A-Za-z][{_CYRILLIC}{_GREEK}]|[{_CYRILLIC}{_GREEK}][A-Za-z])[\\w.-]*")
_FULLWIDTH = re.compile(r"[\uff21-\uff3a\uff41-\uff5a]{3,}|[\U0001d400-\U0001d7ff]{4,}")
#: Scripts that are written with joiners, or that mark line breaks and breaks inside words by zero width.
_JOINED = ("ARABIC", "SYRIAC", "MONGOLIAN", "NKO", "DEVANAGARI", "BENGALI", "GURMUKHI", "GUJARATI", "ORIYA", "TAMIL",
           "TELUGU", "KANNADA", "MALAYALAM", "SINHALA", "THAI", "LAO", "MYANMAR", "KHMER", "TIBETAN", "HANGUL", "CJK",
           "HIRAGANA", "KATAKANA", "HEBREW", "KHAROSHTHI")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Hidden:
    """Something unseen: what it is, where, and what it says to a machine."""

    what: str
    at: int
    says: str = ""


def hidden(text: str) -> Iterator[Hidden]:
    """Yield what a reader of `text` does not see; each kind once."""
    suspect = _SUSPECT.search(text)
    if suspect is not None:
        yield from _unseen(text)
    if not text.isascii():
        yield from _look_alikes(text)
    for pattern, what in (
        (_PADDING, "text far to the right, behind blanks"),
        (_BLANKS, "text far below, behind empty lines"),
    ):
        if (match := pattern.search(text)) and "|" not in _line(text, match.start(1)):  # a wide table
            yield Hidden(what, match.start(1), match[1])


def shown(text: str) -> str:
    """Return the text with what is unseen taken out, tags as the letters they stand for, and look-alikes as Latin."""
    if text.isascii() and not _SUSPECT.search(text):
        return text
    text = re.sub(r"[\U000e0020-\U000e007e]", lambda match: chr(ord(match[0]) - 0xE0000), text)
    text = _ZERO.sub("", _BIDI.sub("", _OVERRIDE.sub("", text)))
    text = _MIXED.sub(lambda match: match[0].translate(_LATIN_LIKE), text)
    return _FULLWIDTH.sub(lambda match: unicodedata.normalize("NFKC", match[0]), text)


def _unseen(text: str) -> Iterator[Hidden]:
    for tags in _TAGS.finditer(text):
        if tags[1]:
            said = "".join(chr(ord(char) - 0xE0000) for char in tags[1] if 0xE0020 <= ord(char) < 0xE007F)
            yield Hidden("tag characters, which nobody sees", tags.start(), said)
            break
    if match := _SELECTORS.search(text):
        yield Hidden("a run of variation selectors, which can carry any text", match.start())
    if match := _OVERRIDE.search(text):
        yield Hidden("a mark that turns the direction of text", match.start())
    for mark in _BIDI.finditer(text):
        if not _right_to_left(_line(text, mark.start())):
            yield Hidden("marks of direction in text that has one direction", mark.start())
            break
    for zero in _ZERO.finditer(text):
        if not _needed(text, zero.start()):
            yield Hidden("characters of zero width inside the text", zero.start())
            break
    if match := _CONTROL.search(text):
        yield Hidden("control characters that move or hide text on a terminal", match.start())


def _look_alikes(text: str) -> Iterator[Hidden]:
    for match in _MIXED.finditer(text):
        word = match[0].translate(_LATIN_LIKE)
        if word.isascii() and len(word) > 2:
            yield Hidden(f'letters of another script that read "{word[:60]}"', match.start(), word)
            return


def _needed(text: str, at: int) -> bool:
    """Whether the character of zero width at `at` is one that its neighbours are written with."""
    char = text[at]
    if char == "\ufeff":
        return at == 0
    before, after = text[at - 1 : at], text[at + 1 : at + 2]
    if char == "\u200b" and before in "\n" and after == "`":  # a fence shown inside a fence
        return True
    if char == "\u00ad":  # a soft hyphen inside a long word of prose
        pieces = _word(text, at).split(char)  # a long word may break between its parts; a short one has none
        return len("".join(pieces)) > 11 and min(len(re.sub(r"\W", "", one)) for one in pieces) > 3
    if char == "\u200d" and _pictorial(before) and (_pictorial(after)):
        return True
    return _script(before) in _JOINED or _script(after) in _JOINED


def _word(text: str, at: int) -> str:
    start = max(text.rfind(" ", 0, at), text.rfind("\n", 0, at)) + 1
    return text[start : at + 30].split(" ")[0]


def _pictorial(char: str) -> bool:
    return bool(char) and (
        unicodedata.category(char) in {"So", "Sk", "Mn"} or char in "\ufe0f♀♂⚕" or ord(char) > 0x1F000
    )


def _script(char: str) -> str:
    return unicodedata.name(char, "").partition(" ")[0] if char and not char.isascii() else ""


def _line(text: str, at: int) -> str:
    end = text.find("\n", at)
    return text[text.rfind("\n", 0, at) + 1 : end if end >= 0 else len(text)][:2000]


def _right_to_left(line: str) -> bool:
    return any(unicodedata.bidirectional(char) in {"R", "AL"} for char in line)
