"""Which files are worth parsing: one pass over the bytes for the terms of the catalogue."""

from __future__ import annotations

import re
from collections.abc import Sequence

from secpipe.formats.words import Hit, native, plain
from secpipe.scan.shadow_ai.encoded import is_encoded
from secpipe.scan.shadow_ai.pieces import Hosts, is_open, pieces
from secpipe.scan.shadow_ai.spelling import folded_bytes
from secpipe.scan.shadow_ai.terms import Terms

_QUOTED = re.compile(rb"[\"']([a-z0-9_.]{3,40})(?=[\"'])")
_ESCAPE = re.compile(rb"\\(?:x([0-9a-f]{2})|u00([0-9a-f]{2})|u\{0{0,4}([0-9a-f]{2})\})")

#: All but the letters of names and addresses.
_NOISE = bytes(set(range(256)) - set(b"abcdefghijklmnopqrstuvwxyz0123456789./:-_"))
#: From the end of a string to the beginning of the next that is added to it.
_TEXTS = re.compile(rb"\"([^\"\n]{0,200})\"|'[^'\n]{0,200}'")  # what stands in double quotes, in order
_BETWEEN = re.compile(
    rb"[\"'`](?:[\s+,.&|(){}$\\%\[\]fbru]|#[^\n]{0,200}\n|//[^\n]{0,200}\n|/\*[^*]{0,200}\*/){0,40}[\"'`]"
)
#: Strings of a letter or two, and letters by their numbers: what an address may be made of, one name for each.
_CRUMB = re.compile(rb"[\"'`]([a-z0-9./:-]{1,2})[\"'`]")
_NUMBERS = (b"chr(", b"bytes([", b"bytes((", b"bytearray(", b"fromcharcode")
_MANY = 12
_LONG = 8  # a shorter term comes about by chance where letters are put together


class Prefilter:
    """Finds the terms in bytes, without regard to case; escapes such as `\\x61` are read as what they stand for."""

    def __init__(self, terms: Terms, *, fast: bool = True) -> None:
        self._pairs: list[tuple[frozenset[int], frozenset[int]]] = []
        words = list(terms.single)
        for left, right in terms.pairs:
            sides = []
            for side in (left, right):
                sides.append(frozenset(range(len(words), len(words) + len(side))))
                words.extend(side)
            self._pairs.append((sides[0], sides[1]))
        self._single = len(terms.single)
        self._long = frozenset(at for at, word in enumerate(terms.single) if len(word) >= _LONG)
        self._dynamic = frozenset(range(len(words), len(words) + len(terms.dynamic)))
        words.extend(terms.dynamic)
        self._senders = frozenset(range(len(words), len(words) + len(terms.senders)))
        words.extend(terms.senders)
        self._decoders = tuple(word.encode() for word in terms.decoders)
        self._pieces = frozenset(word.encode() for word in terms.pieces)
        self._hosts = Hosts(terms.hosts)
        patterns = [word.encode() for word in words]
        search = native(patterns) if fast else None
        self.engine = "aho-corasick" if search else "built-in"
        self._search = search or plain(patterns)

    def positions(self, data: bytes) -> list[int]:
        """Return where terms start, in order; empty when the data holds no sign. Offsets are into the unescaped
        text; of words that stand in pieces nobody knows where they start: 0.
        """
        folded = _folded(data)
        hits = self._search(folded)
        if not hits:
            return []
        return self._wanted(folded, hits) or [0] * (self._sends(hits) and self._puts_together(folded))

    def in_pieces(self, data: bytes) -> bool:
        """Tell whether data that holds no term as a whole holds one in pieces, beside what sends something."""
        folded = _folded(data)
        hits = self._search(folded)
        return self._sends(hits) and not self._wanted(folded, hits) and self._in_pieces(folded)

    def excerpt(self, data: bytes, around: int) -> bytes:
        """Return `data` with everything farther than `around` bytes from a term left out, its line ends excepted.

        For files too large to be read as a whole: places keep their lines, and the rest is what the readers cannot use.
        """
        parts: list[bytes] = []
        end = 0
        folded = data.lower()
        for position in self._wanted(folded, self._search(folded)):
            start = max(end, position - around)
            if start > end:
                parts.append(b"\n" * data.count(b"\n", end, start) or b"\n" * bool(parts))
            parts.append(data[start : position + around] if position + around > end else b"")
            end = max(end, position + around)
        return b"".join(parts)

    def _sends(self, hits: Sequence[Hit]) -> bool:
        return any(term in self._senders for term, _ in hits)

    def _puts_together(self, folded: bytes) -> bool:
        """Whether an address may be made here: of pieces, letters or names, which only a reader can follow."""
        if self._in_pieces(folded) or _crumbs(folded) or is_open(folded) or is_encoded(folded):
            return True
        return bool(self._hosts.made_of(pieces(folded)))

    def _in_pieces(self, folded: bytes) -> bool:
        """Whether a term is there once the strings are put together, or all that parts its letters is taken out."""
        forms = (folded.translate(None, _NOISE), _BETWEEN.sub(b"", folded), b"".join(_TEXTS.findall(folded)))
        return any(term in self._long for form in forms for term, _ in self._search(form))

    def _wanted(self, folded: bytes, hits: Sequence[Hit]) -> list[int]:
        if not hits:
            return []
        met = {term for term, _ in hits}
        wanted = {term for term in met if term < self._single}
        for left, right in self._pairs:
            if met & left and met & right:
                wanted |= met & (left | right)
        if met & self._dynamic and self._put_together(folded):
            wanted |= met & self._dynamic
        return sorted(start for term, start in hits if term in wanted)

    def _put_together(self, folded: bytes) -> bool:
        """Whether a module's name may be composed here: a decoder, or a quoted piece of a catalogued name."""
        return any(word in folded for word in self._decoders) or any(
            match[1] in self._pieces for match in _QUOTED.finditer(folded)
        )


def _folded(data: bytes) -> bytes:
    """Return lower-case text with its escapes and forms of letters as what they stand for."""
    small = data.lower()
    if small.isascii() and b"\\" not in small and b"&" not in small:
        return small
    return folded_bytes(unescape(small)).lower()


def _crumbs(folded: bytes) -> bool:
    """Whether there are enough of them for an address, and its dot: which they make only a reader can tell."""
    found = _CRUMB.findall(folded)
    dotted = len(found) >= _MANY and any(b"." in piece for piece in found)
    return dotted or any(word in folded for word in _NUMBERS)


def unescape(data: bytes) -> bytes:
    """Return lower-case source text with `\\xNN` and `\\u00NN` escapes replaced by the byte they stand for."""
    if b"\\x" not in data and b"\\u" not in data:
        return data
    return _ESCAPE.sub(lambda match: bytes([int(match[1] or match[2] or match[3], 16)]), data).lower()
