"""Putting policy values together: the tightest of several, and overlays that may loosen only what the base allows."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from secpipe.core.errors import ConfigError
from secpipe.core.sections import hints
from secpipe.gate.policies import tightness
from secpipe.gate.policies.policy import Policy

#: A section is a dataclass whose keys are declared by `core.sections.key`.
Section = type[Any]


class Incompatible(ConfigError):
    """Two values of `key` that no value can satisfy together."""

    def __init__(self, key: str) -> None:
        super().__init__(f'no value of "{key}" is as strict as both')
        self.key = key


class Loosens(ConfigError):
    """An overlay asks less than its base, for a `key` that the base does not let go."""

    def __init__(self, key: str, source: str) -> None:
        hint = f'the base must list it: overridable = ["{key}"]'
        super().__init__(f'{source}: an overlay loosens "{key}"', hint=hint)
        self.key = key


class Direction(StrEnum):
    """What one value is beside another."""

    TIGHTER = "tighter"
    LOOSER = "looser"
    DIFFERENT = "different"


def tightest(
    one: Mapping[str, Any], other: Mapping[str, Any], section: Section = Policy, path: str = ""
) -> dict[str, Any]:
    """Return values that ask at least what each of both asks; what one is silent about, it leaves at its default.

    Lists of which more is tighter are united, lists that allow are intersected. Raises Incompatible where nothing is
    left, or where two values cannot be compared.
    """
    merged = {}
    for name in {**one, **other}:
        here = f"{path}.{name}" if path else name
        below, meta = field(section, name)
        if below is not None:
            merged[name] = tightest(one.get(name, {}), other.get(name, {}), below, here)
            continue
        mine, theirs = (values.get(name, default(section, name)) for values in (one, other))
        try:
            merged[name] = tightness.join(meta, mine, theirs)
        except ValueError:
            if name not in ("name", "owner") or path:
                raise Incompatible(here) from None
            merged[name] = theirs  # names say who speaks, and ask nothing
    return merged


def overlay(
    base: Mapping[str, Any],
    top: Mapping[str, Any],
    overridable: tuple[str, ...],
    source: str,
    section: Section = Policy,
    path: str = "",
) -> dict[str, Any]:
    """Return `base` with `top` over it.

    A key of `top` that is neither as tight as the base's (or its default) nor listed in `overridable` (`*`: all) raises
    Loosens.
    """
    merged = dict(base)
    for name, value in top.items():
        here = f"{path}.{name}" if path else name
        below, meta = field(section, name)
        free = bool({"*", here, here.split(".")[0]} & set(overridable))
        if below is not None:
            merged[name] = overlay(merged.get(name, {}), value, ("*",) if free else overridable, source, below, here)
        elif free or tightness.covers(meta, value, merged.get(name, default(section, name))):
            merged[name] = value
        else:
            raise Loosens(here, source)
    return merged


def compare(meta: Mapping[str, Any], new: Any, old: Any) -> Direction | None:
    """Return what `new` is beside `old`; None where both ask the same, however they are written."""
    tighter, looser = tightness.covers(meta, new, old), tightness.covers(meta, old, new)
    if tighter == looser:
        return None if tighter else Direction.DIFFERENT
    return Direction.TIGHTER if tighter else Direction.LOOSER


def field(section: Section, name: str) -> tuple[Section | None, Mapping[str, Any]]:
    """Return (the section that `name` is, or None for a value, what is declared about it)."""
    kind = hints(section)[name]
    meta = next(item.metadata for item in dataclasses.fields(section) if item.name == name)
    return (kind if dataclasses.is_dataclass(kind) else None), meta  # type: ignore[return-value]  # a class here


def default(section: Section, name: str) -> Any:
    """Return what a key is where nobody sets it."""
    return getattr(section(), name)


def says(values: Mapping[str, Any], key: str) -> bool:
    """Whether `values` set the dotted `key`."""
    head, _, rest = key.partition(".")
    return head in values and (not rest or says(values[head], rest))


def less(values: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Return `values` without the dotted `key`."""
    head, _, rest = key.partition(".")
    if rest:
        return {name: less(value, rest) if name == head else value for name, value in values.items()}
    return {name: value for name, value in values.items() if name != head}


def walk(section: Section = Policy, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Section]]:
    """Return the path of every key of a policy, sections opened, with the section it stands in."""
    found = []
    for name in hints(section):
        below, _ = field(section, name)
        found += walk(below, (*path, name)) if below is not None else [((*path, name), section)]
    return found
