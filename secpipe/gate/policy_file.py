"""Reading a policy: TOML to a resolved `Policy`, with file, line, column and did-you-mean for every mistake."""

from __future__ import annotations

import dataclasses
import hashlib
import re
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from secpipe.core.documents import parse_toml
from secpipe.core.errors import ConfigError, InputError
from secpipe.core.limits import DEFAULT
from secpipe.core.text import did_you_mean, printable
from secpipe.gate import policy as nouns
from secpipe.gate.overlay import overlay, tightest
from secpipe.gate.request import BUILTIN
from secpipe.scan.shadow_ai.judge import parse_allow
from secpipe.system import files, places

_HEADER = re.compile(r"\s*\[\[?\s*([^\]]+?)\s*\]")
_ASSIGNED = re.compile(r"\s*((?:[\w-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*(?:[\w-]+|\"[^\"]*\"))*)\s*=")
_OUTER = {"schema", "profile", "overridable", "env"}


@dataclass(frozen=True, slots=True)
class Loaded:
    """A policy document as read: its values by section, and what it is known by.

    `digest` is the hex SHA-256 of the file's bytes (`data`), `source` what the user named it by.
    """

    source: str
    digest: str
    values: Mapping[str, Any]
    environments: Mapping[str, Mapping[str, Any]]
    overridable: tuple[str, ...]
    builtin: bool = False
    data: bytes = field(default=b"", repr=False)

    def resolve(self, environment: str) -> nouns.Policy:
        """Return the policy for `environment`; one the document does not name gets the base. Raises ConfigError."""
        values = overlay(self.values, self.environments.get(environment, {}), self.overridable, self.source)
        policy: nouns.Policy = build(nouns.Policy, values)
        return policy


def load(reference: str) -> Loaded:
    """Return the policy in a file, or a shipped one named `builtin:NAME`; raises ConfigError."""
    if reference.startswith(BUILTIN):
        return _builtin(reference.removeprefix(BUILTIN))
    try:
        data = files.read_bytes(reference, DEFAULT.text_bytes)
    except InputError as error:
        raise ConfigError(error.message, hint="--policy FILE, or --policy builtin:baseline") from None
    return parse(data, reference)


def parse(data: bytes, source: str, *, builtin: bool = False) -> Loaded:
    """Return the policy in `data`; `source` is what errors call it. Raises ConfigError."""
    where = _Places(data, printable(source))
    try:
        raw = parse_toml(data, where.source)
    except InputError as error:
        raise ConfigError(error.message) from None
    if raw.get("schema") != nouns.SCHEMA:
        raise where.error(("schema",), f'schema must be "{nouns.SCHEMA}"')
    values = _read(nouns.Policy, {k: v for k, v in raw.items() if k not in _OUTER}, (), where)
    for word in ("name", "owner", "expires"):
        if not builtin and not values.get(word):
            raise where.error(
                (), f'"{word}" is missing', hint=f'{word} = "..."' if word != "expires" else "expires = 2027-06-30"
            )
    base: dict[str, Any] = {}
    for name in _words(raw.get("profile", []), ("profile",), where):
        if name not in profiles():
            raise where.error(("profile",), f'unknown profile "{printable(name, 60)}"', hint=_nearest(name))
        base = tightest(base, _builtin(name).values)
    environments = _environments(raw.get("env", {}), where)
    overridable = _words(raw.get("overridable", []), ("overridable",), where)
    merged = overlay(base, values, ("*",), where.source)
    return Loaded(source, hashlib.sha256(data).hexdigest(), merged, environments, overridable, builtin, data)


def profiles() -> tuple[str, ...]:
    """Return the names of the shipped policies."""
    return tuple(sorted(path.stem for path in places.shipped().glob("*.toml")))


def _builtin(name: str) -> Loaded:
    if name not in profiles():
        raise ConfigError(f'unknown profile "{printable(name, 60)}"', hint=_nearest(name))
    data = files.read_bytes(places.shipped() / f"{name}.toml", DEFAULT.text_bytes)
    return parse(data, f"{BUILTIN}{name}", builtin=True)


def _nearest(name: str) -> str:
    return did_you_mean(name, profiles()) or f"known: {', '.join(profiles())}"


def _environments(raw: Any, where: _Places) -> dict[str, dict[str, Any]]:
    if not isinstance(raw, dict):
        raise where.error(("env",), '"env" must be a table')
    found = {}
    for name, table in raw.items():
        if not isinstance(table, dict):
            raise where.error(("env", name), f'"env.{name}" must be a table')
        found[name] = _read(nouns.Policy, table, ("env", name), where)
    return found


def build(cls: type[Any], values: Mapping[str, Any]) -> Any:
    """Return a `cls` from validated plain values; what is absent keeps its default."""
    hints = typing.get_type_hints(cls)
    made = {
        name: build(hints[name], value) if dataclasses.is_dataclass(hints[name]) else value
        for name, value in values.items()
    }
    return cls(**made)


def _read(cls: type[Any], table: Mapping[str, Any], path: tuple[str, ...], where: _Places) -> dict[str, Any]:
    """Return the validated values of `table` as plain data; every key must be one of `cls`."""
    hints = typing.get_type_hints(cls)
    fields = {item.name: item for item in dataclasses.fields(cls)}
    values = {}
    for name, value in table.items():
        here = (*path, name)
        if name not in fields:
            hint = did_you_mean(name, [*fields, *(() if path else _OUTER)]) or f"known keys: {', '.join(fields)}"
            raise where.error(here, f'unknown key "{printable(".".join(here), 120)}"', hint=hint)
        values[name] = _value(hints[name], value, here, where, fields[name].metadata)
    if cls is nouns.Waiver:
        _check_waiver(values, path, where)
    return values


def _value(kind: Any, value: Any, here: tuple[str, ...], where: _Places, meta: Mapping[str, Any]) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if here[-1] == "shadow_ai":
        return _shadow_ai(value, here, where)
    if dataclasses.is_dataclass(kind):
        return _read(kind, _table(value, here, where), here, where)  # type: ignore[arg-type]  # a class, not an instance
    if origin is tuple and arguments[0] is not str:
        if not isinstance(value, list):
            raise where.error(here, f'"{".".join(here)}" must be an array of tables')
        return tuple(build(arguments[0], _read(arguments[0], _table(item, here, where), here, where)) for item in value)
    if origin is tuple:
        return _words(value, here, where)
    if origin is dict:
        table = _table(value, here, where)
        return {name: _scalar(int, item, (*here, name), where, {}) for name, item in table.items()}
    if origin is types.UnionType:
        kind = arguments[0]
    return _scalar(kind, value, here, where, meta)


def _scalar(kind: type[Any], value: Any, here: tuple[str, ...], where: _Places, meta: Mapping[str, Any]) -> Any:
    name = ".".join(here)
    exact = type(value) is kind or (kind is date and isinstance(value, date) and not isinstance(value, datetime))
    if not exact:
        words = {bool: "true or false", str: "a string", int: "a whole number", date: "a date such as 2027-06-30"}
        raise where.error(here, f'"{name}" must be {words[kind]}')
    if meta.get("choice") and value not in meta["choice"]:
        hint = did_you_mean(value, meta["choice"]) or f"one of: {', '.join(meta['choice'])}"
        raise where.error(here, f'"{name}" cannot be "{printable(value, 60)}"', hint=hint)
    if kind is int and value < 0:
        raise where.error(here, f'"{name}" cannot be negative')
    return value


def _words(value: Any, here: tuple[str, ...], where: _Places) -> tuple[str, ...]:
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, list) or not all(isinstance(item, str) for item in words):
        raise where.error(here, f'"{".".join(here)}" must be a list of strings')
    return tuple(words)


def _table(value: Any, here: tuple[str, ...], where: _Places) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise where.error(here, f'"{".".join(here)}" must be a table')
    return value


def _shadow_ai(value: Any, here: tuple[str, ...], where: _Places) -> Mapping[str, Any]:
    table = _table(value, here, where)
    try:
        parse_allow(table)
    except ConfigError as error:
        named = re.search(r'"([\w.-]+)"', error.message)
        place = (*here, *(named[1].split(".")[-1:] if named else ()))
        raise where.error(place, error.message, hint=error.hint) from None
    return table


def _check_waiver(values: Mapping[str, Any], path: tuple[str, ...], where: _Places) -> None:
    missing = [word for word in ("id", "owner", "reason", "expires") if not values.get(word)]
    if missing:
        raise where.error(
            path, f"a waiver lacks {', '.join(missing)}", hint="every waiver names id, owner, reason and expires"
        )
    if not values.get("finding") and not values.get("rule"):
        raise where.error(path, f'waiver "{values["id"]}" names neither a finding nor a rule')
    if values.get("approved_by") == values["owner"]:
        raise where.error(path, f'waiver "{values["id"]}" is approved by its own owner')


class _Places:
    """Where a key stands in the TOML text, for errors."""

    def __init__(self, data: bytes, source: str) -> None:
        self.source = source
        self._lines = data.decode("utf-8", "replace").splitlines()

    def error(self, path: tuple[str, ...], message: str, *, hint: str = "") -> ConfigError:
        line, column = self._find(path)
        place = f"{self.source}:{line}:{column}" if line else self.source
        return ConfigError(f"{place}: {message}", hint=hint)

    def _find(self, path: tuple[str, ...]) -> tuple[int, int]:
        """Return line and column of the longest known part of `path`, or (0, 0). Good for people, not exact TOML."""
        for length in range(len(path), 0, -1):
            table: tuple[str, ...] = ()
            for number, text in enumerate(self._lines, 1):
                if header := _HEADER.match(text):
                    table = _parts(header[1])
                    if table == path[:length]:
                        return number, text.index("[") + 1
                elif (assigned := _ASSIGNED.match(text)) and table + _parts(assigned[1]) == path[:length]:
                    return number, assigned.start(1) + 1
        return 0, 0


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))
