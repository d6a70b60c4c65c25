"""Putting policy values together: the tighter of two, and overlays that may loosen only what the base allows."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping
from typing import Any

from secpipe.core.errors import ConfigError
from secpipe.gate.policy import Policy


def tightest(one: Mapping[str, Any], other: Mapping[str, Any], cls: type[Any] = Policy) -> dict[str, Any]:
    """Return both, key by key the tighter value; where neither is tighter, `other`'s."""
    merged = dict(one)
    for name, value in other.items():
        section, meta = _field(cls, name)
        if name not in merged:
            merged[name] = value
        elif section:
            merged[name] = tightest(merged[name], value, section)
        elif not _tighter_or_equal(meta, value, merged[name]) and _tighter_or_equal(meta, merged[name], value):
            continue
        else:
            merged[name] = value
    return merged


def overlay(
    base: Mapping[str, Any],
    top: Mapping[str, Any],
    overridable: tuple[str, ...],
    source: str,
    cls: type[Any] = Policy,
    path: str = "",
) -> dict[str, Any]:
    """Return `base` with `top` over it.

    A key of `top` that is neither as tight as the base's (or its default) nor listed in `overridable` (`*`: all) raises
    ConfigError.
    """
    merged = dict(base)
    for name, value in top.items():
        here = f"{path}.{name}" if path else name
        section, meta = _field(cls, name)
        free = bool({"*", here, here.split(".")[0]} & set(overridable))
        if section:
            merged[name] = overlay(merged.get(name, {}), value, ("*",) if free else overridable, source, section, here)
        elif free or _tighter_or_equal(meta, value, merged.get(name, _default(cls, name))):
            merged[name] = value
        else:
            raise ConfigError(
                f'{source}: an overlay loosens "{here}"', hint=f'the base must list it: overridable = ["{here}"]'
            )
    return merged


def _field(cls: type[Any], name: str) -> tuple[type[Any] | None, Mapping[str, Any]]:
    kind = typing.get_type_hints(cls)[name]
    meta = next(item.metadata for item in dataclasses.fields(cls) if item.name == name)
    return (kind if dataclasses.is_dataclass(kind) else None), meta  # type: ignore[return-value]  # a class here


def _default(cls: type[Any], name: str) -> Any:
    return getattr(cls(), name)


def _tighter_or_equal(meta: Mapping[str, Any], new: Any, old: Any) -> bool:
    if new == old:
        return True
    way, choice = meta.get("tighter", ""), meta.get("choice", ())
    if way == "more" and isinstance(new, dict):
        return all(new.get(name, 0) >= value for name, value in old.items())
    if way == "more" and choice:
        return bool(choice.index(new) >= choice.index(old)) and _comparable(new, old)
    if way == "more":
        return old is None or (new is not None and new >= old)
    if way == "fewer":  # 0 means "no bound"
        return bool(old == 0 or 0 < new <= old)
    if way == "subset":  # an empty list means "all"
        return bool(not old or (new and set(new) <= set(old)))
    if way == "shorter":
        return set(new) <= set(old)
    if way == "superset":
        return set(new) >= set(old)
    return False


def _comparable(new: str, old: str) -> bool:
    """`classical` and `pq` are demands of equal rank: neither is tighter than the other."""
    return {new, old} != {"classical", "pq"}
