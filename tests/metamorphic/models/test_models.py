"""Composed gadgets and encodings of known payloads: none comes out ok. Minutes of it under `slow`."""

from __future__ import annotations

import pytest

from tests.metamorphic.models.encodings import sample
from tests.metamorphic.models.gadgets import made
from tests.metamorphic.models.judging import outcome

_SAMPLE = 1_500  # about a second each
_LONG = 200_000


def missed_gadgets(seeds: range) -> list[str]:
    return [f"{seed}: {value}" for seed in seeds for value, data in [made(seed)] if outcome(data) == "ok"]


def missed_samples(seeds: range) -> list[str]:
    samples = ((seed, *sample(seed)) for seed in seeds)
    return [f"{seed}: {label} as {name}" for seed, label, name, data in samples if outcome(data, name) == "ok"]


def test_no_composition_of_listed_callables_hides_a_call() -> None:
    assert missed_gadgets(range(_SAMPLE)) == []


def test_no_encoding_hides_a_payload() -> None:
    assert missed_samples(range(_SAMPLE)) == []


@pytest.mark.slow
def test_no_composition_of_listed_callables_hides_a_call_in_a_long_run() -> None:
    assert missed_gadgets(range(_SAMPLE, _LONG)) == []


@pytest.mark.slow
def test_no_encoding_hides_a_payload_in_a_long_run() -> None:
    assert missed_samples(range(_SAMPLE, _LONG)) == []
