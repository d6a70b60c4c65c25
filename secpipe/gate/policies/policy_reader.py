"""From parsed TOML to the validated values of a policy: every key known, every type exact, every mistake placed."""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any, TypeVar

from secpipe.core import times
from secpipe.core.limits import DEFAULT
from secpipe.core.sections import MOST, keys_of
from secpipe.core.sections import hints as hints_of
from secpipe.core.text import did_you_mean, printable
from secpipe.gate.policies import policy as nouns
from secpipe.gate.policies.acceptance_reader import check_acceptance
from secpipe.gate.policies.persons import check_answerable
from secpipe.gate.policies.policy_places import Path, Places, dotted
from secpipe.scan.shadow_ai.allow import Approval

_Noun = TypeVar("_Noun")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def build(cls: type[Any], values: Mapping[str, Any]) -> Any:
    """Return a `cls` from validated plain values; what is absent keeps its default."""
    hints = hints_of(cls)
    made = {
        name: build(hints[name], value) if dataclasses.is_dataclass(hints[name]) else value
        for name, value in values.items()
    }
    return cls(**made)


def section(cls: type[_Noun], values: Mapping[str, Any], path: Path, where: Places) -> _Noun:
    """Return one section of a document as its noun; raises ConfigError."""
    made: _Noun = build(cls, read(cls, values, path, where))
    return made


def read(
    cls: type[Any], table: Mapping[str, Any], path: Path, where: Places, also: Iterable[str] = ()
) -> dict[str, Any]:
    """Return the validated values of `table` as plain data; every key must be one of `cls`.

    `also` are keys that stand beside them and are read by the caller: they are only suggested. Raises ConfigError.
    """
    hints = hints_of(cls)
    known = keys_of(cls)
    values = {}
    for name, value in table.items():
        here = (*path, name)
        if name not in known:
            hint = did_you_mean(name, [*known, *also]) or f"known keys: {', '.join(known)}"
            raise where.error(here, f'unknown key "{printable(dotted(here), 120)}"', hint=hint)
        values[name] = _value(hints[name], value, here, where, known[name])
    if cls is nouns.Waiver:
        _check_waiver(values, path, where)
    if cls is nouns.Project:
        _check_project(values, path, where)
    if cls is Approval:
        _check_approval(values, path, where)
    if cls is nouns.Accept:
        check_acceptance(values, path, where)
    if cls is nouns.AgentApproval:
        _check_agent(values, path, where)
    if cls is nouns.Signatures:
        _check_signatures(values, path, where)
    if cls is nouns.Sbom and values.get("profiles"):
        from secpipe.sbom.profiles import PROFILES

        _known(values["profiles"], PROFILES, "SBOM profile", (*path, "profiles"), where)
    if values.get("project"):
        _check_apart(values["project"], (*path, "project"), where)
    if values.get("condition"):
        _check_conditions(values["condition"], (*path, "condition"), where)
    return values


def words(value: Any, here: Path, where: Places) -> tuple[str, ...]:
    """Return a list of strings, or the one string, as a tuple; raises ConfigError."""
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not all(isinstance(item, str) for item in listed):
        raise where.error(here, f'"{dotted(here)}" must be a list of strings')
    if "" in listed and listed is value:
        raise where.error(here, f'"{dotted(here)}" holds an empty word')
    return tuple(listed)


def tables(value: Any, here: Path, where: Places) -> list[tuple[Path, Mapping[str, Any]]]:
    """Return the tables of an array, each with its path; raises ConfigError."""
    if not isinstance(value, list):
        raise where.error(here, f'"{dotted(here)}" must be an array of tables', hint=f"[[{dotted(here)}]]")
    return [((*here, index), table(item, (*here, index), where)) for index, item in enumerate(value)]


def table(value: Any, here: Path, where: Places) -> Mapping[str, Any]:
    """Return a table; raises ConfigError."""
    if not isinstance(value, dict):
        raise where.error(here, f'"{dotted(here)}" must be a table')
    return value


def _value(kind: Any, value: Any, here: Path, where: Places, meta: Mapping[str, Any]) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if dataclasses.is_dataclass(kind):
        return read(kind, table(value, here, where), here, where)  # type: ignore[arg-type]  # a class, not an instance
    if origin is tuple and arguments[0] is not str:
        element = arguments[0]
        return tuple(build(element, read(element, item, path, where)) for path, item in tables(value, here, where))
    if origin is tuple:
        listed = words(value, here, where) or meta["empty"]
        for word in listed if meta["choice"] else ():
            _check_choice(word, here, where, meta)
        for word in listed if meta["pattern"] else ():
            if not re.fullmatch(meta["pattern"], word):
                raise where.error(here, f'"{printable(word, 80)}" is not what "{dotted(here)}" takes', hint=meta["doc"])
        return listed
    if origin is dict:
        return _entries(arguments[1], table(value, here, where), here, where, meta)
    if origin is types.UnionType:
        kind = arguments[0]
    return _scalar(kind, value, here, where, meta)


def _entries(kind: Any, entries: Mapping[str, Any], here: Path, where: Places, meta: Mapping[str, Any]) -> Any:
    """Return a table whose keys anyone may name: of sections, of whole numbers, or of whatever there is."""
    if dataclasses.is_dataclass(kind):
        return {name: build(kind, _value(kind, item, (*here, name), where, meta)) for name, item in entries.items()}  # type: ignore[arg-type]
    if kind is Any:
        return dict(entries)
    return {name: _scalar(kind, item, (*here, name), where, meta) for name, item in entries.items()}


def _scalar(kind: type[Any], value: Any, here: Path, where: Places, meta: Mapping[str, Any]) -> Any:
    name = dotted(here)
    value = _moment(value) if kind is datetime else value
    exact = type(value) is kind or (kind is datetime and type(value) is date)
    if not exact:
        wanted = {bool: "true or false", str: "a string", int: "a whole number", date: "a date such as 2027-06-30"}
        wanted |= {datetime: "a time such as 2027-06-30T12:00:00Z, or a date"}
        raise where.error(here, f'"{printable(name, 120)}" must be {wanted[kind]}')
    if meta.get("choice"):
        _check_choice(value, here, where, meta)
    if kind is int:
        _check_number(value, here, where, meta)
    return value


def _moment(value: Any) -> Any:
    """Return a time, or the text of one, in UTC, and a day as it is; None where that cannot be."""
    try:
        if isinstance(value, str):
            return times.maybe_day(value) or times.instant(value)
        return value.astimezone(UTC) if isinstance(value, datetime) and value.tzinfo else value
    except (ValueError, OverflowError):
        return None


def _check_choice(value: Any, here: Path, where: Places, meta: Mapping[str, Any]) -> None:
    if value not in meta["choice"]:
        hint = did_you_mean(value, meta["choice"]) or f"one of: {', '.join(meta['choice'])}"
        raise where.error(here, f'"{dotted(here)}" cannot be "{printable(value, 60)}"', hint=hint)


def _check_number(value: int, here: Path, where: Places, meta: Mapping[str, Any]) -> None:
    name, least, most = printable(dotted(here), 120), meta.get("least", 0), meta.get("most", MOST)
    if value < 0:
        raise where.error(here, f'"{name}" cannot be negative')
    if value < least:
        raise where.error(here, f'"{name}" cannot be below {least}')
    if value > most:
        raise where.error(here, f'"{name}" cannot be above {most:,}')


def _check_signatures(values: Mapping[str, Any], path: Path, where: Places) -> None:
    """Refuse a kind of thing to sign that is nearly one of ours, and a purpose that no attestation can have."""
    for number, word in enumerate(values.get("cover", ())):
        bare = word.isalpha() and word not in nouns.KINDS  # what holds a dot, a slash or a wildcard is a path
        if bare and (hint := did_you_mean(word.casefold(), nouns.KINDS)):
            raise where.error((*path, "cover", number), f'"{printable(word, 60)}" is no kind of thing', hint=hint)
    if values.get("roles"):
        from secpipe.sign.predicates import purposes

        _known(values["roles"], purposes("attestation"), "purpose of an attestation", (*path, "roles"), where)


def _check_project(values: Mapping[str, Any], path: Path, where: Places) -> None:
    place, name = str(values.get("path", "")), str(values.get("name", ""))
    steps = place.split("/")
    if not place or {"", ".", ".."} & set(steps) or "\\" in place or ":" in steps[0]:
        raise where.error((*path, "path"), "a project needs a path: a folder below the release", hint='"services/chat"')
    if not _ID.fullmatch(name):
        raise where.error((*path, "name"), "a project needs a name of letters, digits, dots and dashes")
    if values.get("policy_ref") and not values.get("policy"):
        raise where.error((*path, "policy_ref"), "policy_ref pins a policy file, and none is named")


def _check_apart(projects: Iterable[nouns.Project], path: Path, where: Places) -> None:
    """Refuse two projects of one name or folder: it would not be clear which verdict is which."""
    seen: set[str] = set()
    for number, project in enumerate(projects):
        if seen & {project.name, f"/{project.path}"}:
            raise where.error((*path, number), f'project "{printable(project.name, 60)}" is declared twice')
        seen |= {project.name, f"/{project.path}"}


def _known(names: Iterable[str], known: Collection[str], what: str, path: Path, where: Places) -> None:
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known) or f"known: {', '.join(known)}"
            raise where.error((*path, name), f'"{printable(name, 60)}" is no {what}', hint=hint)


def _check_waiver(values: Mapping[str, Any], path: Path, where: Places) -> None:
    check_answerable("waiver", ("id", "owner", "reason", "expires"), values, path, where)
    if not values.get("finding") and not values.get("rule"):
        raise where.error(path, f'waiver "{printable(values["id"], 60)}" names neither a finding nor a rule')


def _check_approval(values: Mapping[str, Any], path: Path, where: Places) -> None:
    missing = [word for word in ("owner", "reason", "expires") if not values.get(word)]
    if missing:
        hint = "every approval names an owner, a reason and a date"
        raise where.error(path, f"an approval lacks {', '.join(missing)}", hint=hint)
    if not any(values.get(word) for word in ("provider", "host", "model", "models")):
        raise where.error(path, "an approval does not say what it approves", hint="name a provider, a host or a model")


def _check_agent(values: Mapping[str, Any], path: Path, where: Places) -> None:
    missing = [word for word in ("item", "owner", "reason", "expires") if not values.get(word)]
    if missing:
        hint = 'item = "server:notes", capabilities, owner, reason and expires: secpipe approve agent writes it'
        raise where.error(path, f"an approval of an agent's item lacks {', '.join(missing)}", hint=hint)
    if not values["item"].partition(":")[2].strip("*?[] "):
        raise where.error(
            (*path, "item"), "an approval of an agent's item approves everything", hint='item = "server:notes"'
        )


def _check_conditions(conditions: tuple[nouns.Condition, ...], path: Path, where: Places) -> None:
    """Refuse conditions that nobody could waive or that can never be evaluated; types only where CEL is installed."""
    from secpipe.gate.conditions.prepare import problem  # CEL is loaded only by a policy that uses it

    if len(conditions) > DEFAULT.conditions:
        raise where.error(path, f"a policy has at most {DEFAULT.conditions} conditions")
    seen: set[str] = set()
    for number, condition in enumerate(conditions):
        if not _ID.fullmatch(condition.id) or condition.id in seen:
            hint = 'id = "exploited": letters, digits, . _ - and each only once'
            raise where.error((*path, number, "id"), "a condition needs an id of its own", hint=hint)
        seen.add(condition.id)
        if wrong := problem(condition):
            at = f" (at character {wrong.column})" if wrong.column else ""
            said = f'condition "{condition.id}": {wrong.message}{at}'
            raise where.error((*path, number, "when"), said, hint=wrong.hint)
