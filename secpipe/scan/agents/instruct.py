"""Prose that an assistant follows: orders to conceal, to disable checks, to take secrets. By patterns, not a model.

Texts on security quote attacks. What a sentence reports, forbids or shows under a heading about attacks is no order; a
text that only pretends so is a limit of this reader (`docs/agents.md`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from secpipe.scan.agents import commands
from secpipe.scan.agents.known import hints, pattern, words

_CONCEAL = pattern("prose", "conceal")
_DISABLE = pattern("prose", "disable")
_TAKE = pattern("prose", "take")
_MEANT = re.compile(r"(?i)\b(?:its|their|the|that|those)\s+(?:contents?|values?|text|output|result)\b|\b(?:it|them)\b")
#: An archive behind a password passes every scanner on the way, which is why it has one.
_LOCKED = pattern("prose", "locked")
_SENDING = hints("sending")
_PLACES_OF_SECRETS = hints("places")
_TAKEN = pattern("prose", "taken")
_PLACE = pattern("prose", "place")
_READ_SECRETS = pattern("prose", "read_secrets")
#: A sentence that forbids, reports, describes or shows: what it names is no order.
_QUOTES = pattern("prose", "quotes")
_ORDER = pattern("prose", "order")
_SENTENCE = re.compile(r"[.!?;]\s|\n\s*\n|\n\s*(?:[-*|>#]|\d+[.)])|:\s*\n|```")
_ADDRESS = re.compile(r"\S*(?:://|\w\.\w{2,}|/\w)\S*")
_WRAPPED = re.compile(r"(?<=[a-z,])\n(?=[a-z])")
_DATA = re.compile(
    r"(?i)\b(?:passwords?|secrets?|tokens?|keys?|credentials?|stack\s*traces?|tracebacks?|errors?|exceptions?|pii|personal|internals?|raw|values?|ids?|hash(?:es)?|debug|numbers?)\b"
)
_ACTS = re.compile(
    r"(?i)\b(?:send|upload|post|read|cat|copy|run|execute|fetch|download|install|forward|append|attach|commit|push|curl|approve)\b"
)
#: In front of a word that is an act or a thing (`report`, `post`): there it is a thing.
_THING = re.compile(r"(?i)\b(?:the|an?|this|that|your|its|each|every|my|our)\s+(?:[\w-]+\s+)?$")
_PIECE = 4000
_LEAST = 4  # letters of a comment that says something
_HEADING = re.compile(r"(?m)^(#{1,6})\s+(.{1,200})$")
_ABOUT_ATTACKS = pattern("prose", "about_attacks")
_COMMENT = re.compile(r"^\[(?://|comment|_)\]:\s*#?\s*[(\"']([^\n]{4,2000})[)\"']\s*$", re.MULTILINE)
_UNSHOWN = pattern("prose", "unshown")


_LOOKS = (
    ("conceal", _CONCEAL, hints("conceal"), hints("conceal_also")),
    ("disable", _DISABLE, hints("disable"), hints("disable_also")),
)


@dataclass(frozen=True, slots=True)
class Order:
    """Something that a text orders: `kind` is conceal, disable, take or unseen."""

    kind: str
    said: str
    at: int


def orders(text: str, *, code: bool = False) -> Iterator[Order]:
    """Yield what a text orders an assistant to do; each kind once. `code`: values of a file, without headings."""
    view = _View(text, code)
    for kind, looked, *words_ in _LOOKS:
        if (found := _first(view, looked, words_, kind)) is not None:
            yield Order(kind, found[0], found.start())
    yield from _taking(view)
    if (found := _first(view, _LOCKED, [("password",), ("download", "https://", "http://")])) is not None:
        yield Order("fetch", found[0], found.start())
    yield from _shown(view)
    yield from _unseen(view)


def _first(view: _View, looked: re.Pattern[str], hints_: list[tuple[str, ...]], key: str = "") -> re.Match[str] | None:
    """Return the first match that orders; a line is only looked at where each of the hints has a word in it."""
    for start, end in view.lines(hints_):
        for match in looked.finditer(view.joined, start, end):
            told_only = view.quoted(match.start(), match.end()) or view.remark(match.start())
            if not told_only and not (key == "conceal" and view.protects(match.start(), match.end())):
                return match
    return None


def _reports(text: str) -> bool:
    """Whether words report, forbid or show; addresses and paths are no words."""
    return bool(_QUOTES.search(_ADDRESS.sub(" ", text)))


def quoted(text: str, start: int, end: int, *, code: bool = False) -> bool:
    """Whether the words from `start` to `end` are reported, forbidden or shown as an example of an attack."""
    return _View(text, code).quoted(start, end)


def _taking(view: _View) -> Iterator[Order]:
    """An order to send a secret somewhere: the act, the secret and the place in one paragraph."""
    places = words("credentials", "places")
    for start, end in view.lines([_SENDING]):
        for match in _TAKE.finditer(view.joined, start, end):
            first, last = view.paragraph(match.start())
            around, told = " " + view.joined[first:last], match[0].split(". ")[0]
            taken, named = _TAKEN.search(told), any(word in around.lower() for word in _PLACES_OF_SECRETS)
            # What a short text rules out is not looked for in a long one.
            if not (taken or named or _MEANT.search(told)) or not (named or _PLACE.search(told)):
                continue
            reads = named and places.search(around) and _READ_SECRETS.search(around)
            meant = _READ_SECRETS.search(around) and _MEANT.search(told) and _TAKEN.search(around)
            if not (taken or reads or meant):
                continue
            if not (_PLACE.search(told) or (reads and _PLACE.search(around))) or _ordinary(told):
                continue
            if _THING.search(view.joined, max(start, match.start() - 40), match.start()):
                continue
            if view.in_fence(match.start()) or view.quoted(match.start(), match.start() + len(told)):
                continue
            yield Order("take", told, match.start())
            return


def _shown(view: _View) -> Iterator[Order]:
    """An order to show a picture whose address is filled with what was said."""
    if view.code and (match := pattern("prose", "handed").search(view.text)):
        yield Order("take", match[0], match.start())
        return
    if "://" not in view.text:
        return
    for match in pattern("prose", "image").finditer(view.text):
        first, last = view.paragraph(match.start())
        around = view.text[first : match.start()] + " " + view.text[match.end() : last]
        ordered = re.search(
            r"(?i)\b(?:render|display|show|include|append|insert|end|add|output|put|load|embed|replac\w+|fill)\b",
            around,
        )
        if ordered and pattern("prose", "said").search(around) and not view.quoted(match.start(), match.end()):
            yield Order("take", match[0], match.start())
            return


def _ordinary(told: str) -> bool:
    """Whether a secret goes where it belongs: a key in the header of a request, a password in a form for its owner."""
    return bool(
        re.search(
            r"(?i)\bheaders?\b|\bonly\s+to\b|authorization:|\bbearer\b|\bto\s+(?:the\s+)?(?:\.env|vault|secrets?\s+manager|keychain|1password)|in\s+(?:your|the)\s+(?:\.env|environment|settings|config)|https?://(?:localhost|127\.)",
            told,
        )
    )


def _unseen(view: _View) -> Iterator[Order]:
    """Comments and unshown parts of a page that give orders."""
    if view.code:
        return
    found = [(match.start(), next(filter(None, match.groups()), "")) for match in _COMMENT.finditer(view.text)]
    found += [(match.start(), match[1]) for match in _UNSHOWN.finditer(view.text)]
    for at, body in (*_comments(view.text), *found):
        if _is_order(body) and not view.in_fence(at):
            yield Order("unseen", " ".join(body.split()), at)
            return


def _comments(text: str) -> Iterator[tuple[int, str]]:
    """Yield (start, what it says) of each comment of a page; one that nobody closes hides all that follows."""
    at = 0
    while (start := text.find("<!--", at)) >= 0:
        end = text.find("-->", start + 4)
        at = end + 3 if end >= 0 else len(text)
        body = text[start + 4 : end if end >= 0 else len(text)]
        if len(body) >= _LEAST:
            yield start, body


def _is_order(body: str) -> bool:
    does = commands.judge(body)
    if does.fetches or does.hostile or does.steals:
        return True
    if (found := _ORDER.search(body)) is not None and not _reports(body[: found.end()]):
        return True
    return any(order.kind in {"conceal", "disable", "take"} for order in orders(body, code=True))


class _View:
    """A text with its sentences, paragraphs and headings."""

    def __init__(self, text: str, code: bool) -> None:
        self.text, self.code = text, code
        self.joined = _WRAPPED.sub(" ", text)  # a sentence that goes on in the next line, at the same places
        self._lower = self.joined.lower() if len(self.joined.lower()) == len(text) else self.joined
        self._headings = [] if code else [(m.start(), len(m[1]), m[2]) for m in _HEADING.finditer(text)]
        self._fences = [] if code else [m.start() for m in re.finditer(r"(?m)^\s{0,8}(?:```|~~~)", text)]

    def lines(self, hints: list[tuple[str, ...]]) -> Iterator[tuple[int, int]]:
        """Yield where each line begins and ends that holds a word of each of the hints."""
        start = 0
        for line in self._lower.split("\n"):
            end = start + len(line)
            if all(any(word in line for word in words_) for words_ in hints):
                for piece in range(start, end, _PIECE):
                    yield max(piece - 300, start), min(piece + _PIECE, end)
            start = end + 1

    def protects(self, start: int, end: int) -> bool:
        """Whether a sentence keeps data from being shown, and orders no act: a password that no error may tell."""
        before = _SENTENCE.split(self.text[max(0, start - 300) : start])[-1]
        after = _SENTENCE.split(self.text[end : end + 160])[0]
        return bool(_DATA.search(before) or _DATA.search(after)) and not _ACTS.search(before + " " + after)

    def remark(self, at: int) -> bool:
        """Whether a place is in a comment of a fenced block of code."""
        line = self.text[self.text.rfind("\n", 0, at) + 1 : at]
        return not self.code and bool(re.search(r"(?:#|//)\s*$", line)) and self.in_fence(at)

    def in_fence(self, at: int) -> bool:
        return sum(place <= at for place in self._fences) % 2 == 1

    def paragraph(self, at: int) -> tuple[int, int]:
        """Return where the paragraph begins and ends, or 600 characters around."""
        start = max(self.text.rfind("\n\n", 0, at) + 1, at - 600)
        end = self.text.find("\n\n", at)
        return max(start, 0), min(end if end >= 0 else len(self.text), at + 600)

    def quoted(self, start: int, end: int) -> bool:
        """Whether the words from `start` to `end` are told, forbidden or shown, not ordered."""
        text = self.text
        before = _SENTENCE.split(text[max(0, start - 300) : start])[-1]
        stop = min((place for mark in ("\n", ". ") if (place := text.find(mark, end)) >= 0), default=len(text))
        after = text[end : min(stop, end + 160)]
        if (
            _reports(before)
            or _reports(self._lead(start))
            or re.match(
                r"(?i)[^.\n]{0,60}\bunless\s+(?:asked|requested|they\s+ask|the\s+user\s+asks|it\s+is\s+asked)", after
            )
            or re.search(r"(?i)\b(?:that|which|who|can|may)\s+$", before)
            or (
                not self.code
                and re.match(
                    r"[`\"')]*\s*(?:downloads|executes|dumps|reads|steals|sends|exfiltrates|allows|lets|gives|is|are|was|which)\b",
                    after,
                )
            )
            or re.search(
                r"(?i)^[\"'`”’]*\s*(?:\)|\||:|is|are|was)?\s*(?:an?\s+)?(?:\w+\s+){0,3}(?:attack|injection|red\s+flag|malicious|suspicious|not\s+allowed|forbidden|never|reject|refuse|ignore\s+it|prohibited|jailbreak|exfiltrat|critical\b)",
                after,
            )
        ):
            return True
        if self.code:
            return False
        return self._under(start) or self._listed(start)

    def _lead(self, at: int) -> str:
        """Return the sentence that opens the quotation in which a place stands, or ""."""
        first, _ = self.paragraph(at)
        around = self.text[first:at]
        opened = around.rfind("“") if around.rfind("“") > around.rfind("”") else -1
        if around.count('"') % 2:
            opened = max(opened, around.rfind('"'))
        return _SENTENCE.split(around[:opened])[-1] if opened > 0 else ""

    def _under(self, at: int) -> bool:
        """Whether a heading above, or one that it stands under, is about attacks."""
        level = 7
        for place, depth, words_ in reversed(self._headings):
            if place <= at and depth < level:
                level = depth
                if depth > 1 and _ABOUT_ATTACKS.search(words_):
                    return True
        return False

    def _listed(self, at: int) -> bool:
        """Whether the line is an entry of a list, table, quote or block whose lead-in reports."""
        start = self.text.rfind("\n", 0, at) + 1
        line = self.text[start:at].lstrip()
        if not (
            line.startswith(("-", "*", "|", ">", "+", '"', "'", "`")) or re.match(r"\d+[.)]", line) or self.in_fence(at)
        ):
            return False
        above = self.text[max(0, start - 2500) : start].rstrip("\n").split("\n")
        fenced = self.in_fence(at)
        rows = above[-40:]
        for nth in range(len(rows) - 1, -1, -1):
            bare = rows[nth].strip()
            if (
                line.startswith("|") and re.match(r"\|[\s:|-]+$", bare) and nth
            ):  # what a table is about stands in its head
                return bool(_reports(rows[nth - 1]) or _ABOUT_ATTACKS.search(rows[nth - 1]))
            entry = (
                not bare
                or bare.startswith(("-", "*", "|", ">", "+", "`", '"', "'", "#!"))
                or re.match(r"\d+[.)]", bare)
                or rows[nth][:2] == "  "
            )
            if (entry or fenced) and not (fenced and bare.startswith(("```", "~~~"))):
                continue
            if bare.startswith(("```", "~~~")):
                fenced = False
                continue
            return _reports(bare)
        return False
