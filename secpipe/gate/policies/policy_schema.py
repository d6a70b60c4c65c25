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
from datetime import date
from typing import Any

from secpipe.gate.policies import policy as nouns
from secpipe.gate.policies.acceptance_reader import NEEDED
from secpipe.scan.shadow_ai.allow import ENTRY_KEYS, KEYS

_DAY: dict[str, Any] = {"type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}
_MOMENT: dict[str, Any] = {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ].*)?$"}
_WORDS: dict[str, Any] = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
_FULL_WORDS: dict[str, Any] = {
    "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string", "minLength": 1}}]
}
_KINDS: dict[str, dict[str, Any]] = {
    "word": {"type": "string"},
    "words": _FULL_WORDS,
    "flag": {"type": "boolean"},
    "day": _MOMENT,
    "tables": {"type": "array"},
}
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
        "$defs": {"Environment": environment, "ShadowAI": _shadow_ai()}
        | {cls.__name__: _table(cls) for cls in _below(nouns.Policy)},
    }


def _below(cls: type[Any]) -> list[type[Any]]:
    """Return the nouns that stand in a noun, at any depth."""
    found = []
    for kind in nouns.hints(cls).values():
        inner = [kind, *(arg for arg in typing.get_args(kind) if arg is not Ellipsis)]
        for each in (one for one in inner if isinstance(one, type) and dataclasses.is_dataclass(one)):
            found += [each, *_below(each)]
    return found


def text(profiles: Iterable[str]) -> str:
    """Return the schema as it is published, in `policies/schema/policy.schema.json`."""
    return json.dumps(schema(profiles), indent=2, ensure_ascii=False) + "\n"


def _table(cls: type[Any]) -> dict[str, Any]:
    hints = nouns.hints(cls)
    known = nouns.keys_of(cls)
    defaults = {item.name: item.default for item in dataclasses.fields(cls)}
    properties = {
        name: _described(_value(name, hints[name], meta), meta, defaults[name]) for name, meta in known.items()
    }
    made: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    if cls is nouns.Accept:
        made["required"] = list(NEEDED)
        made["anyOf"] = [{"required": [name], "properties": {name: {"minItems": 1}}} for name in ("paths", "digests")]
        properties["kind"] |= {"minLength": 1}
    if cls is nouns.Waiver:
        made["required"] = ["id", "owner", "reason", "expires"]
        for name in ("id", "owner", "reason"):
            properties[name] |= {"minLength": 1}
        made["anyOf"] = [{"required": [n], "properties": {n: {"minLength": 1}}} for n in ("finding", "rule")]
    return {"description": (cls.__doc__ or "").strip()} | made


def _described(value: dict[str, Any], meta: Mapping[str, Any], default: Any) -> dict[str, Any]:
    said = {"description": meta["doc"]} if meta["doc"] else {}
    shown = isinstance(default, bool | int) or (isinstance(default, str) and default)
    return said | value | ({"default": default} if shown else {})


def _value(name: str, kind: Any, meta: Mapping[str, Any]) -> dict[str, Any]:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if name == "shadow_ai":
        return {"$ref": "#/$defs/ShadowAI"}
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return {"$ref": f"#/$defs/{kind.__name__}"}
    if origin is tuple and meta.get("among"):
        return _among(meta["among"])
    if origin is tuple:
        return (
            _WORDS
            if arguments[0] is str
            else {
                "type": "array",
                "items": {"$ref": f"#/$defs/{arguments[0].__name__}"},
            }
        )
    number = {"type": "integer", "minimum": meta.get("least", 0), "maximum": meta.get("most", nouns.MOST)}
    if origin is dict:
        return {"type": "object", "additionalProperties": number}
    kind = arguments[0] if origin is types.UnionType else kind
    if kind is date:
        return dict(_DAY)
    if kind is int:
        return number
    if meta.get("choice"):
        return {"type": "string", "enum": list(meta["choice"])}
    return {"type": {bool: "boolean", str: "string"}[kind]}


def _shadow_ai() -> dict[str, Any]:
    entry: dict[str, Any] = {
        "type": "object",
        "properties": {name: _described(_other(about), about, about["default"]) for name, about in ENTRY_KEYS.items()},
        "additionalProperties": False,
        "required": [name for name, about in ENTRY_KEYS.items() if about.get("required")],
        "anyOf": [
            {"required": [name], "properties": {name: {"minLength": 1, "minItems": 1}}}
            for name in ("provider", "host", "model", "models")
        ],
    }
    for name in ("owner", "reason"):
        entry["properties"][name] |= {"minLength": 1}
    properties = {name: _described(_other(about), about, about["default"]) for name, about in KEYS.items()}
    properties["allow"] |= {"items": entry}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _other(about: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a key that the shadow-AI room declares."""
    if among := about.get("among"):
        return _among(among)
    if about["kind"] == "word" and about.get("choice"):
        return {"type": "string", "enum": list(about["choice"])}
    return dict(_KINDS[about["kind"]])


def _among(words: Iterable[str]) -> dict[str, Any]:
    word = {"type": "string", "enum": list(words)}
    return {"anyOf": [word, {"type": "array", "items": word}]}
