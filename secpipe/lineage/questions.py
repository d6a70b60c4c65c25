"""What people ask of lineage: what was this made from, and what came of it; the answer as one document, pure."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from secpipe.core.text import plural, printable
from secpipe.lineage.index_rows import ASSET, NAME, Edge, Lineage, Thing
from secpipe.lineage.record import Grade

SCHEMA = "secpipe.lineage/1"
#: Edges of one answer; past them it says that it is not whole.
MOST = 500_000
#: How much a grade says, from least: a step that the bytes contradict is worth less than none that anybody claims.
_GRADES = (Grade.CONTRADICTED, Grade.CLAIMED, Grade.WITNESSED, Grade.BOUNDED, Grade.RE_DERIVED)
_RANK = {str(grade): at for at, grade in enumerate(_GRADES)}


@dataclass(frozen=True, slots=True)
class LineageQuestion:
    """A question as it was put: `word` is what was typed, `digest` what it turned out to be, or "".

    `signed`: only records whose signatures hold are looked at; otherwise each is taken at its word.
    """

    word: str
    digest: str = ""
    signed: bool = False


def document(
    asked: LineageQuestion,
    roots: Iterable[Thing],
    up: Lineage | None,
    down: Lineage | None,
    problems: Iterable[tuple[str, str]],
) -> dict[str, Any]:
    """Return the answer `secpipe.lineage/1`; each direction that was not asked for is null.

    `recall` lists what came of it and was made by a recorded step, each with the grade of the best known way there:
    no way is better known than its weakest step.
    """
    unread = [{"place": printable(place), "reason": printable(why)} for place, why in problems]
    found = [_thing(thing) for thing in roots]
    called = [] if down is None else recall(down)
    whole = not any(each is not None and each.cut for each in (up, down)) and not unread
    return {
        "schema": SCHEMA,
        "asked": {"word": printable(asked.word), "digest": asked.digest},
        "found": found,
        "sentence": sentence(asked, found, up, None if down is None else called, whole=whole),
        "whole": whole,
        "signed": asked.signed,
        "up": None if up is None else _direction(up, "child", "parent"),
        "down": None if down is None else _direction(down, "parent", "child") | {"recall": called},
        "not_read": unread,
    }


def recall(down: Lineage) -> list[dict[str, Any]]:
    """Return what came of the roots: every thing that some record made, best known first, then by name."""
    best, place = _best(down)
    roots = {root.id for root in down.roots}
    made = [down.things[at] for at in best if at not in roots and place.get(at) and at in down.things]
    made.sort(key=lambda thing: (-best[thing.id], thing.name, thing.digest))
    return [_thing(one) | {"grade": str(_GRADES[best[one.id]]), "record": printable(place[one.id])} for one in made]


def _best(down: Lineage) -> tuple[dict[int, int], dict[int, str]]:
    """Return for each thing the rank of the best known way to it, and the record that makes it on that way."""
    steps: dict[int, list[Edge]] = defaultdict(list)
    for edge in down.edges:
        steps[edge.parent].append(edge)
    top = len(_GRADES) - 1
    best: dict[int, int] = {}
    place: dict[int, str] = {}
    queue = [(-top, root.id, "") for root in down.roots]
    heapq.heapify(queue)
    while queue:
        rank, at, via = heapq.heappop(queue)
        if at in best:
            continue
        best[at], place[at] = -rank, via
        for edge in steps[at]:
            if edge.child not in best:
                heapq.heappush(queue, (-min(-rank, _RANK.get(edge.grade, 0)), edge.child, edge.place))
    made = {edge.child: edge.place for edge in down.edges if edge.place}  # a short digest's own edge has no record
    return best, {at: via or made.get(at, "") for at, via in place.items()}


def sentence(
    asked: LineageQuestion,
    found: list[dict[str, Any]],
    up: Lineage | None,
    called: list[dict[str, Any]] | None,
    *,
    whole: bool,
) -> str:
    """Return the answer in one sentence; `called` is the recall list, None where nobody asked for it."""
    name = printable(asked.word, 80)
    if not found:
        return f"No record knows {name}." if whole else f"No record that could be read knows {name}."
    parts = []
    if up is not None:
        parents = {edge.parent for edge in up.edges if up.things[edge.parent].kind != NAME}
        parents -= {root.id for root in up.roots}
        parts.append(f"{name} was made from {plural(len(parents), 'thing')}")
    if called is not None:
        grades = Counter(row["grade"] for row in called)
        told = ", ".join(f"{count:,} {grade}" for grade, count in sorted(grades.items()))
        total = plural(sum(grades.values()), "asset")
        parts.append(f"{total} came of {name if up is None else 'it'}" + (f" ({told})" if told else ""))
    said = "Every record is signed." if asked.signed else "Records are taken at their word."
    return f"{', and '.join(parts)}. {said}" + ("" if whole else " The answer is not whole.")


def _direction(lineage: Lineage, near: str, far: str) -> dict[str, Any]:
    """Return things and edges, each edge by the places of its ends in `things`, nearest to the roots first."""
    order = _ordered(lineage, near, far)
    at = {number: index for index, number in enumerate(order)}
    edges = [
        {
            "child": at[edge.child], "parent": at[edge.parent], "role": printable(edge.role, 80), "grade": edge.grade,
            "weight": edge.weight, "record": printable(edge.place),
        }
        for edge in lineage.edges
        if edge.child in at and edge.parent in at
    ]  # fmt: skip
    edges.sort(key=lambda row: (row[near], row[far], row["role"], row["record"]))
    return {"things": [_thing(lineage.things[number]) for number in order], "edges": edges, "whole": not lineage.cut}


def _ordered(lineage: Lineage, near: str, far: str) -> list[int]:
    """Return the ids by distance from the roots, then by name."""
    steps: dict[int, list[int]] = defaultdict(list)
    for edge in lineage.edges:
        steps[getattr(edge, near)].append(getattr(edge, far))
    level = [root.id for root in lineage.roots]
    seen = dict.fromkeys(level)
    while level:
        following = {other for number in level for other in steps[number] if other in lineage.things} - seen.keys()
        level = sorted(following, key=lambda number: _sorting(lineage.things, number))
        seen |= dict.fromkeys(level)
    return list(seen)


def _sorting(things: Mapping[int, Thing], number: int) -> tuple[str, str, str]:
    thing = things[number]
    return thing.kind, thing.name, thing.digest


def _thing(thing: Thing) -> dict[str, Any]:
    kind = "" if thing.kind == ASSET else thing.kind
    return {"kind": printable(kind, 80), "name": printable(thing.name), "digest": printable(thing.digest, 200)}
