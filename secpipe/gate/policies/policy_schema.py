"""The JSON Schema of a policy, for editors: made from the nouns, so that it cannot say anything else than the reader.

What a schema cannot say, and only the reader refuses: that an approver is not the owner, that an overlay loosens, that
a date is written as a date and not as text, that 1.0 is no whole number, that two profiles leave nothing.
"""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from secpipe.core.sections import MOST, keys_of
from secpipe.core.sections import hints as hints_of
from secpipe.gate.policies import policy as nouns
from secpipe.gate.policies.acceptance_reader import NEEDED
from secpipe.scan.shadow_ai.allow import Approval

_DAY: dict[str, Any] = {"type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}
_MOMENT: dict[str, Any] = {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ].*)?$"}
_WORDS: dict[str, Any] = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string", "minLength": 1}}]}
_MANDATORY = ("schema", "name", "owner", "expires")
_OUTER_DOCS = {
    "schema": "always `secpipe.policy/1`",
    "profile": "shipped policies this one starts from; of several, the tightest of each value holds",
    "overridable": "keys or sections that an environment may loosen; `*`: all",
    "env": "what is different in one environment; it may tighten anything, and loosen what `overridable` lists",
}


def schema(profiles: Iterable[str]) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of `secpipe.policy/1`; `profiles` are the names of the shipped policies.

    TOML dates are taken as their text, as editors do.
    """
    environment = _table(nouns.Policy)
    own = environment["properties"]
    profile = {"type": "string", "enum": list(profiles)}
    outer: dict[str, dict[str, Any]] = {
        "schema": {"const": nouns.SCHEMA},
        "profile": {"anyOf": [profile, {"type": "array", "items": profile}]},
        "overridable": _WORDS,
        "env": {"type": "object", "additionalProperties": {"$ref": "#/$defs/Environment"}},
    }
    described = {name: {"description": _OUTER_DOCS[name]} | outer[name] for name in outer}
    named = {name: own[name] | {"minLength": 1} for name in ("name", "owner")}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://secpipe.dev/schema/policy-1.json",
        "title": nouns.SCHEMA,
        "description": "What may go out. docs/policies.md explains it; shipped policies need no expiry.",
        "type": "object",
        "properties": described | own | named,
        "additionalProperties": False,
        "required": list(_MANDATORY),
        "$defs": {"Environment": environment} | {cls.__name__: _table(cls) for cls in _below(nouns.Policy)},
    }


def _below(cls: type[Any]) -> list[type[Any]]:
    """Return the nouns that stand in a noun, at any depth."""
    found = []
    for kind in hints_of(cls).values():
        inner = [kind, *(arg for arg in typing.get_args(kind) if arg is not Ellipsis)]
        for each in (one for one in inner if isinstance(one, type) and dataclasses.is_dataclass(one)):
            found += [each, *_below(each)]
    return found


def text(profiles: Iterable[str]) -> str:
    """Return the schema as it is published, in `policies/schema/policy.schema.json`."""
    return json.dumps(schema(profiles), indent=2, ensure_ascii=False) + "\n"


#: What an entry must say, and of which keys at least one.
_NEEDED: dict[type[Any], tuple[tuple[str, ...], tuple[str, ...]]] = {
    nouns.Accept: (NEEDED, ("paths", "digests")),
    nouns.Project: (("path", "name"), ()),
    nouns.Waiver: (("id", "owner", "reason", "expires"), ("finding", "rule")),
    Approval: (("owner", "reason", "expires"), ("provider", "host", "model", "models")),
    nouns.AgentApproval: (("item", "owner", "reason", "expires"), ()),
}


def _table(cls: type[Any]) -> dict[str, Any]:
    hints = hints_of(cls)
    known = keys_of(cls)
    defaults = {item.name: item.default for item in dataclasses.fields(cls)}
    properties = {name: _described(_value(hints[name], meta), meta, defaults[name]) for name, meta in known.items()}
    made: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    required, named = _NEEDED.get(cls, ((), ()))
    for name in required:
        properties[name] |= {"minLength": 1} if hints[name] is str else {}
    made |= {"required": list(required)} if required else {}
    made |= {"anyOf": [_named(name) for name in named]} if named else {}
    return {"description": (cls.__doc__ or "").strip()} | made


def _named(name: str) -> dict[str, Any]:
    """Return the demand that a key stands there and is not empty."""
    return {"required": [name], "properties": {name: {"minLength": 1, "minItems": 1}}}


def _described(value: dict[str, Any], meta: Mapping[str, Any], default: Any) -> dict[str, Any]:
    said = {"description": meta["doc"]} if meta["doc"] else {}
    shown = isinstance(default, bool | int) or (isinstance(default, str) and default)
    return said | value | ({"default": default} if shown else {})


def _value(kind: Any, meta: Mapping[str, Any]) -> dict[str, Any]:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return {"$ref": f"#/$defs/{kind.__name__}"}
    if origin is tuple:
        if arguments[0] is not str:
            return {"type": "array", "items": {"$ref": f"#/$defs/{arguments[0].__name__}"}}
        if not meta["choice"] and not meta["pattern"]:
            return _WORDS
        word: dict[str, Any] = {"type": "string", "pattern": f"^{meta['pattern']}$"}
        if meta["choice"]:
            word = {"type": "string", "enum": list(meta["choice"])}
        return {"anyOf": [word, {"type": "array", "items": word}]}
    number = {"type": "integer", "minimum": meta.get("least", 0), "maximum": meta.get("most", MOST)}
    if origin is dict:
        return {"type": "object", "additionalProperties": number}
    kind = arguments[0] if origin is types.UnionType else kind
    if kind in (date, datetime):
        return dict(_DAY if kind is date else _MOMENT)
    if kind is int:
        return number
    if meta.get("choice") and kind is str:
        return {"type": "string", "enum": list(meta["choice"])}
    return {"type": {bool: "boolean", str: "string"}[kind]}
