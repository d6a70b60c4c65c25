"""Random policies for property tests: values of every key, made from what `gate.policy` declares about it."""

from __future__ import annotations

import dataclasses
import types
import typing
from datetime import date
from typing import Any

from hypothesis import strategies as st

from secpipe.gate.policies.policy import Condition, Policy, Waiver, keys_of
from secpipe.scan.shadow_ai.allow import KEYS

NUMBERS = st.integers(0, 3)
WORDS = st.sampled_from(["models", "safetensors", "gguf", "pickle", "MIT", "M*", "*", "AGPL-*", "builder", "x", "m/*"])
DAYS = st.dates(date(2026, 11, 1), date(2026, 12, 31))
ENTRIES = st.fixed_dictionaries(
    {"owner": st.just("jane"), "reason": st.just("contract"), "expires": DAYS},
    optional={"provider": st.sampled_from(["openai", "anthropic"]), "host": st.just("api.openai.com")},
).filter(lambda entry: "provider" in entry or "host" in entry)
WAIVERS = st.builds(
    Waiver,
    id=st.sampled_from(["W-1", "W-2"]),
    rule=st.sampled_from(["models/*", "audit/*", "*", "signatures/*"]),
    owner=st.just("raj"),
    approved_by=st.sampled_from(["", "jane", "Raj"]),
    reason=st.just("r"),
    expires=DAYS,
)


def value_of(kind: Any, meta: Any) -> st.SearchStrategy[Any]:
    """Return values of one key: a word of its choice, a small number, a short list, a section."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if dataclasses.is_dataclass(kind):
        return section_of(kind)
    if origin is types.UnionType:
        return DAYS
    if origin is dict:
        return st.dictionaries(st.sampled_from(["ntia", "g7-ai"]), NUMBERS, max_size=2)
    if origin is tuple and arguments[0] is str:
        return st.lists(WORDS, max_size=3, unique=True).map(tuple)
    if origin is tuple:
        element = WAIVERS if arguments[0] is Waiver else instance_of(arguments[0])
        return st.just(()) if arguments[0] is Condition else st.lists(element, max_size=2).map(tuple)
    if meta["choice"]:
        return st.sampled_from(meta["choice"])
    plain: dict[Any, st.SearchStrategy[Any]] = {bool: st.booleans(), str: st.sampled_from(["a", "b"])}
    return plain[kind] if kind in plain else st.integers(meta["least"], meta["least"] + 3)


def section_of(cls: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Return tables of a section in which any key may be absent."""
    hints = typing.get_type_hints(cls)
    known = {name: value_of(hints[name], meta) for name, meta in keys_of(cls).items() if name != "shadow_ai"}
    if cls is Policy:
        known["shadow_ai"] = shadow_ai()
    return st.fixed_dictionaries({}, optional=known)


def instance_of(cls: Any) -> st.SearchStrategy[Any]:
    return section_of(cls).map(lambda values: cls(**values))


def shadow_ai() -> st.SearchStrategy[dict[str, Any]]:
    regions = st.lists(st.sampled_from(KEYS["regions"]["among"]), max_size=3, unique=True)
    return st.fixed_dictionaries(
        {},
        optional={
            "default": st.sampled_from(KEYS["default"]["choice"]),
            "unknown_destination": st.sampled_from(KEYS["unknown_destination"]["choice"]),
            "regions": regions,
            "min_confidence": st.sampled_from(["low", "medium", "high"]),
            "inline_waivers": st.booleans(),
            "gateway": st.sampled_from([[], ["gw.corp"], "gw.corp"]),
            "allow": st.lists(ENTRIES, max_size=2),
        },
    )


POLICIES = section_of(Policy)
