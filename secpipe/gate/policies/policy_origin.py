"""Where each value of a resolved policy comes from: a default, a shipped profile, a line of the file."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from secpipe.core.text import printable
from secpipe.gate.policies.overlay import Section, default, walk
from secpipe.gate.policies.policy_file import Loaded

_ABSENT = object()


@dataclass(frozen=True, slots=True)
class Row:
    """One value: the section and key it stands under, and who said so.

    `origin` is `default`, `builtin:NAME`, `FILE:LINE` or `FILE:LINE [env.NAME]`; `note` says whose word it replaced.
    """

    section: str
    key: str
    value: Any
    origin: str
    note: str = ""

    @property
    def name(self) -> str:
        return f"{self.section}.{self.key}" if self.section else self.key

    def to_dict(self) -> dict[str, Any]:
        return {"key": self.name, "value": plain(self.value), "origin": self.origin, "note": self.note}


def rows(loaded: Loaded, environment: str) -> list[Row]:
    """Return every value of the policy for `environment`, in the order of the vocabulary.

    Tables of a list (`[[waiver]]`) come one by one. Raises ConfigError where the environment loosens what it may not.
    """
    loaded.resolve(environment)
    found = []
    for path, section in walk():
        if path[-1] in ("source", "signed_by"):
            continue
        value, origin, note = _origin(loaded, environment, path, section)
        name = ".".join(path[:-1])
        if isinstance(value, list | tuple) and value and not isinstance(value[0], str):
            for index, item in enumerate(value):
                place = _place(loaded, (*_prefix(loaded, environment, path), index)) or origin
                found.append(Row(name, f"{path[-1]}[{index + 1}]", item, place, note))
        else:
            found.append(Row(name, path[-1], value, origin, note))
    return found


def _origin(loaded: Loaded, environment: str, path: tuple[str, ...], section: Section) -> tuple[Any, str, str]:
    below, below_note = _from_profiles(loaded, path, section)
    here = _at(loaded.values, path)
    top = _at(loaded.environments.get(environment, {}), path)
    if top is not _ABSENT:
        mine = _at(loaded.own, path) is not _ABSENT
        base = here if here is not _ABSENT else default(section, path[-1])
        replaced = (_place(loaded, path) if mine else below) or "default"
        note = f"instead of {brief(base)}, {replaced}" if base != top else ""
        return top, _place(loaded, ("env", environment, *path)), note
    if _at(loaded.own, path) is not _ABSENT:
        said = _profile_value(loaded, path, section)
        other = below != "default" and said != here and path not in (("name",), ("owner",))
        note = f"instead of {brief(said)}, {below}" if other else ""
        return here, _place(loaded, path), note
    return (default(section, path[-1]) if here is _ABSENT else here), below, below_note


def _from_profiles(loaded: Loaded, path: tuple[str, ...], section: Section) -> tuple[str, str]:
    """Return (who of the profiles and the default won, whom it was tighter than)."""
    said = {name: value for name, values in loaded.profiles if (value := _at(values, path)) is not _ABSENT}
    if not said:
        return "default", ""
    value = _profile_value(loaded, path, section)
    won = [name for name, theirs in said.items() if theirs == value]
    lost = [name for name in said if name not in won]
    if won:
        return ", ".join(won), f"tighter than {', '.join(lost)}" if lost else ""
    if value == default(section, path[-1]):
        return "default", f"tighter than {', '.join(lost)}"
    return " + ".join(said), "put together"


def _profile_value(loaded: Loaded, path: tuple[str, ...], section: Section) -> Any:
    value = _at(loaded.base, path)
    return default(section, path[-1]) if value is _ABSENT else value


def _prefix(loaded: Loaded, environment: str, path: tuple[str, ...]) -> tuple[str, ...]:
    return ("env", environment, *path) if _at(loaded.environments.get(environment, {}), path) is not _ABSENT else path


def _place(loaded: Loaded, path: tuple[str | int, ...]) -> str:
    """Return `FILE:LINE` of a path that the file itself names, with the environment it stands under, or ""."""
    line, _ = loaded.where.find(path)
    named = isinstance(path[-1], int) and not loaded.where.has(path)
    if not line or named:
        return ""
    return f"{loaded.where.source}:{line}" + (f" [env.{printable(str(path[1]), 60)}]" if path[0] == "env" else "")


def _at(values: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    found: Any = values
    for name in path:
        if not isinstance(found, Mapping) or name not in found:
            return _ABSENT
        found = found[name]
    return found


def plain(value: Any) -> Any:
    """Return a value of a policy as JSON has it; of a table in a list only what was set."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {item.name: getattr(value, item.name) for item in dataclasses.fields(value)}
        return {name: plain(item) for name, item in fields.items() if item not in ("", (), None)}
    if isinstance(value, Mapping):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value


def toml(value: Any) -> str:
    """Return a value as it would stand in TOML; hostile text is escaped."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return printable(json.dumps(value, ensure_ascii=False))
    if value is None:
        return "(none)"
    if isinstance(value, date):
        return value.isoformat()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {item.name: getattr(value, item.name) for item in dataclasses.fields(value)}
        value = {name: item for name, item in fields.items() if item not in ("", (), None)}
    if isinstance(value, Mapping):
        inner = ", ".join(f"{printable(name)} = {toml(item)}" for name, item in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(toml(item) for item in value)}]"
    return str(value)


def brief(value: Any) -> str:
    """Return a value in TOML, cut where it is long."""
    text = toml(value)
    return text if len(text) <= 40 else f"{text[:39]}…"
