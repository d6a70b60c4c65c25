"""Minimum elements (G7, CISA, NTIA, BSI, EU) as data, held against a BOM and graded by how well each is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from secpipe.core.documents import parse_toml
from secpipe.core.errors import ConfigError
from secpipe.core.inventory import Grade
from secpipe.core.limits import DEFAULT
from secpipe.core.text import did_you_mean
from secpipe.sbom.extras import walk
from secpipe.sbom.query import select
from secpipe.system.files import read_bytes
from secpipe.system.places import shipped

PROFILES = ("g7-ai", "cisa-2025", "ntia", "bsi-tr-03183", "eu-annex-xi")
_TYPES = {
    "model": {"machine-learning-model"},
    "dataset": {"data"},
    "library": {"library", "framework", "container", "operating-system"},
}


@dataclass(frozen=True, slots=True)
class Element:
    """One minimum element: `where` lists places in CycloneDX (paths of `query.select`), any of which carries it.

    `of` is `document`, or the kind of component that each must have it. `needs` says what kind of proof it takes:
    `files` can be proven or declared by the files of a release, `organisation` only by its owner.
    """

    id: str
    title: str
    of: str
    where: tuple[str, ...]
    needs: str
    cluster: str = ""
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """How well one element is met: components by grade, and the names of those that lack it."""

    element: Element
    counts: Mapping[Grade, int]
    lacking: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        """How many components were asked; 0 where the BOM has none of the kind."""
        return sum(self.counts.values())

    @property
    def share(self) -> float:
        """The share that has the element, 0 to 1; "not disclosed" is an answer and counts."""
        return 1 - self.counts.get(Grade.MISSING, 0) / self.total if self.total else 1.0


@dataclass(frozen=True, slots=True)
class Score:
    """A BOM against one profile. `percent` is over what files can prove, `whole` over every element."""

    profile: str
    title: str
    source: str
    rows: tuple[Row, ...]

    @property
    def percent(self) -> int:
        """Percent met of the elements that files can prove; 0 for a BOM that describes nothing."""
        return _percent([row for row in self.rows if row.element.needs == "files" and row.total])

    @property
    def whole(self) -> int:
        """Percent met of all elements."""
        return _percent([row for row in self.rows if row.total])


def score(document: Mapping[str, Any], profile: str) -> Score:
    """Return how a parsed CycloneDX document meets a profile; raises ConfigError for an unknown one."""
    return _score(_Asked(document), profile)


def percents(document: Mapping[str, Any]) -> dict[str, int]:
    """Return the percent of every profile, over what files can prove; each place is looked at once for all of them."""
    asked = _Asked(document)
    return {profile: _score(asked, profile).percent for profile in PROFILES}


def _score(asked: _Asked, profile: str) -> Score:
    title, source, elements = _profile(profile)
    return Score(profile, title, source, tuple(_row(asked, element) for element in elements))


#: What people write who do not know: SPDX's word, and those of forms.
_SAYS_NOTHING = frozenset(
    {"noassertion", "unknown", "n/a", "na", "tbd", "todo", "unspecified", "undefined", "null", "?", "-"}
)
#: Keys whose values name what stands beside them, and say nothing by themselves.
_LABELS = frozenset({"alg", "acknowledgement", "bom-ref"})


class _Asked:
    """One document, and what its places were found to hold: profiles ask for the same ones."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._targets: dict[str, list[tuple[str, Mapping[str, Any]]]] = {}
        self._filled: dict[tuple[str, str], list[bool]] = {}

    def targets(self, of: str) -> list[tuple[str, Mapping[str, Any]]]:
        """Return (name, component) of everything of a kind."""
        if of not in self._targets:
            self._targets[of] = list(_targets(self._document, of))
        return self._targets[of]

    def filled(self, of: str, place: str) -> list[bool]:
        """Return for each target of a kind whether it says anything at a place."""
        if (of, place) not in self._filled:
            self._filled[of, place] = [
                any(says(value) or "aggregate" in place for value in select(target, place))
                for _, target in self.targets(of)
            ]
        return self._filled[of, place]


def says(value: Any) -> bool:
    """Whether a value tells anything: words for "nobody knows" and a digest of one digit do not, wherever they lie."""
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            word = item.strip().casefold()
            if word and word not in _SAYS_NOTHING and not (len(word) >= 32 and len(set(word)) == 1):
                return True
        elif isinstance(item, Mapping):
            pending += [inner for key, inner in item.items() if key not in _LABELS]
        elif isinstance(item, list):
            pending += item
        elif item is not None:
            return True
    return False


@cache
def _profile(name: str) -> tuple[str, str, tuple[Element, ...]]:
    if name not in PROFILES:
        raise ConfigError(f'unknown profile "{name}"', hint=did_you_mean(name, PROFILES) or ", ".join(PROFILES))
    table = parse_toml(read_bytes(shipped() / "profiles" / f"{name}.toml", DEFAULT.text_bytes), f"{name}.toml")
    elements = tuple(
        Element(
            row["id"], row["title"], row["of"], tuple(row["where"]), row.get("needs", "files"),
            row.get("cluster", ""), row.get("fix", ""),
        )
        for row in table["element"]
    )  # fmt: skip
    return table["title"], table["source"], elements


def _row(asked: _Asked, element: Element) -> Row:
    counts: dict[Grade, int] = {}
    lacking = []
    columns = [(asked.filled(element.of, place), _proven(place)) for place in element.where]
    for index, (name, target) in enumerate(asked.targets(element.of)):
        found = [proven for column, proven in columns if column[index]]
        grade = _grade(target, element, found)
        counts[grade] = counts.get(grade, 0) + 1
        if grade is Grade.MISSING:
            lacking.append(name)
    return Row(element, counts, tuple(sorted(set(lacking))))


def _targets(document: Mapping[str, Any], of: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if of == "document":
        yield "the document", document
        return
    for component in walk(document.get("components")):
        properties = {item.get("name"): item.get("value") for item in select(component, "properties[]")}
        if "secpipe:declared:referenced" in properties or component.get("isExternal"):
            continue  # not part of the release: there are no bytes to ask
        kind = component.get("type")
        if of == "component" and kind == "file":
            continue
        if of == "dataset" and properties.get("secpipe:kind") == "prompt":
            continue
        if of == "component" or kind in _TYPES[of]:
            yield str(component.get("name") or component.get("bom-ref") or "?"), component


def _grade(target: Mapping[str, Any], element: Element, found: list[bool]) -> Grade:
    """Return how well an element is known that was found at places which prove it (True) or only say it."""
    if not found:
        stated = {str(item.get("value")) for item in select(target, "properties[name=secpipe:not-disclosed]")}
        return Grade.NOT_DISCLOSED if element.id in stated else Grade.MISSING
    return Grade.VERIFIED if any(found) else Grade.DECLARED


def _proven(place: str) -> bool:
    """A hash, or what a header proved, is verified; everything else is somebody's word."""
    return "secpipe:verified:" in place or "hashes" in place or "evidence" in place


def _percent(rows: list[Row]) -> int:
    return int(100 * sum(row.share for row in rows) / len(rows)) if rows else 0
