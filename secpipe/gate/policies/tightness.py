"""Which of two policy values asks more, and what asks as much as both: the arithmetic behind profiles and overlays."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from fnmatch import fnmatchcase
from typing import Any


def covers(meta: Mapping[str, Any], new: Any, old: Any) -> bool:
    """Whether `new` asks at least what `old` asks, by what `core.sections.key` declares about them."""
    if new == old:
        return True
    way, choice = meta.get("tighter", ""), meta.get("choice", ())
    if way == "more" and isinstance(new, Mapping):
        return all(new.get(name, 0) >= value for name, value in old.items())
    if way == "more" and choice:
        return {new, old} <= set(choice) and choice.index(new) >= choice.index(old) and _comparable(new, old)
    if way == "more":
        return old is None or (new is not None and new >= old)
    if way == "sooner":
        return old is None or (new is not None and new <= old)
    if way == "earlier":  # an exception's last day; none: there is no exception
        return new is None or (old is not None and new <= old)
    if way == "fewer":  # 0 means "no bound"
        return bool(old == 0 or 0 < new <= old)
    if way == "subset":  # an empty list means "all"
        return bool(not old or (new and _within(_listed(new), _listed(old), bool(meta.get("globs")))))
    if way == "shorter":
        return all(item in _listed(old) for item in _listed(new))
    if way == "superset":
        return all(item in _listed(new) for item in _listed(old))
    return False


def join(meta: Mapping[str, Any], one: Any, other: Any) -> Any:
    """Return the loosest value that asks what both ask; raises ValueError where there is none."""
    if one == other:
        return one
    if covers(meta, other, one):
        return other
    if covers(meta, one, other):
        return one
    way = meta.get("tighter", "")
    if way == "more" and isinstance(one, Mapping):
        return {name: max(one.get(name, 0), other.get(name, 0)) for name in {**one, **other}}
    if way == "more" and meta.get("choice"):
        return meta["choice"][-1]  # two demands of equal rank: the last word asks for both
    if way == "superset":
        return (*_listed(one), *(item for item in _listed(other) if item not in _listed(one)))
    if way in ("subset", "shorter"):
        both = _meet(_listed(one), _listed(other), bool(meta.get("globs")))
        if not both and way == "subset":
            raise ValueError
        return both
    raise ValueError


def _comparable(new: Any, old: Any) -> bool:
    """`classical` and `pq` are demands of equal rank: neither is tighter than the other."""
    return {new, old} != {"classical", "pq"}


def _meet(one: tuple[Any, ...], other: tuple[Any, ...], globs: bool) -> tuple[Any, ...]:
    """Return what both lists allow."""
    mine = [item for item in one if _within((item,), other, globs)]
    return (*mine, *(item for item in other if item not in mine and _within((item,), one, globs)))


def _within(new: Iterable[Any], old: tuple[Any, ...], globs: bool) -> bool:
    return all(item in old or (globs and any(_wider(glob, item) for glob in old)) for item in new)


def _wider(glob: str, narrow: str) -> bool:
    """Whether `glob` surely matches everything that `narrow` matches; some true cases are not seen.

    Only `*` counts as a wildcard on the wider side, so that every wildcard of `narrow` is taken in by one of its `*`.
    """
    return not re.search(r"[?\[]", glob) and "[" not in narrow and fnmatchcase(narrow, glob)


def _listed(value: Any) -> tuple[Any, ...]:
    """Return a list as a tuple; a single word stands for a list of one."""
    return (value,) if isinstance(value, str | Mapping | date) else tuple(value)
