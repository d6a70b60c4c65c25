"""Random policies for property tests: values of every key, made from what `gate.policy` declares about it."""

from __future__ import annotations

import dataclasses
import types
import typing
from datetime import date
from typing import Any

from hypothesis import strategies as st

from secpipe.core.sections import keys_of
from secpipe.gate.policies.policy import Condition, Policy, Waiver
from secpipe.scan.shadow_ai.allow import Approval

NUMBERS = st.integers(0, 3)
WORDS = st.sampled_from(["models", "safetensors", "gguf", "pickle", "MIT", "M*", "*", "AGPL-*", "builder", "x", "m/*"])
DAYS = st.dates(date(2026, 11, 1), date(2026, 12, 31))
APPROVALS = st.builds(
    Approval,
    provider=st.sampled_from(["openai", "anthropic"]),
    host=st.sampled_from(["", "api.openai.com"]),
    owner=st.just("jane"),
    reason=st.just("contract"),
    expires=DAYS,
)
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
    if origin is tuple and meta["choice"]:
        return st.lists(st.sampled_from(meta["choice"]), min_size=1, max_size=3, unique=True).map(tuple)
    if origin is tuple and arguments[0] is str:
        return st.lists(WORDS, max_size=3, unique=True).map(tuple)
    if origin is tuple:
        element = {Waiver: WAIVERS, Approval: APPROVALS}.get(arguments[0], instance_of(arguments[0]))
        return st.just(()) if arguments[0] is Condition else st.lists(element, max_size=2).map(tuple)
    if meta["choice"]:
        return st.sampled_from(meta["choice"])
    plain: dict[Any, st.SearchStrategy[Any]] = {bool: st.booleans(), str: st.sampled_from(["a", "b"])}
    return plain[kind] if kind in plain else st.integers(meta["least"], meta["least"] + 3)


def section_of(cls: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Return tables of a section in which any key may be absent."""
    hints = typing.get_type_hints(cls)
    return st.fixed_dictionaries(
        {}, optional={name: value_of(hints[name], meta) for name, meta in keys_of(cls).items()}
    )


def instance_of(cls: Any) -> st.SearchStrategy[Any]:
    return section_of(cls).map(lambda values: cls(**values))


POLICIES = section_of(Policy)
