"""docs/spec/threats-keys.md, executed: twelve takeovers and their 66 pairs reach what it says, and nothing else."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from docs.threats_table import threats, threats_page
from secpipe.keystore import age
from tests import skips
from tests.unit.keystore.conftest import quick_seal
from tests.unit.keystore.takeovers import GOALS, World, reached

skips.module("rfc3161_client")

DOCS = Path(__file__).resolve().parents[3] / "docs"
TABLE = threats(DOCS)
ALONE = {row["id"]: set(row.get("reaches", ())) for row in TABLE["takeover"]}
TOGETHER = {frozenset(row["who"]): set(row["reaches"]) for row in TABLE["together"]}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    before, age.seal = age.seal, quick_seal
    try:
        return World(tmp_path_factory.mktemp("takeovers"))
    finally:
        age.seal = before


def test_the_table_is_whole():
    assert len(ALONE) == 12
    assert set(TABLE["goals"]) == set(GOALS)
    assert all(len(pair) == 2 and pair <= set(ALONE) for pair in TOGETHER)
    page = DOCS / "spec/threats-keys.md"
    assert page.read_text(encoding="utf-8") == threats_page(DOCS), "run docs/generate.py"


def test_the_honest_twin_is_taken(world):
    assert world.accepts(world.artifact, frozenset())
    assert reached(world, frozenset()) == set()


@pytest.mark.parametrize("one", ALONE)
def test_one_takeover(world, one):
    assert reached(world, frozenset({one})) == ALONE[one]


@pytest.mark.parametrize("one", ALONE)
def test_two_takeovers(world, one):
    """Each pair with the ones after it in the table: 66 in all."""
    later = itertools.dropwhile(lambda name: name != one, ALONE)
    for other in itertools.islice(later, 1, None):
        pair = frozenset({one, other})
        assert reached(world, pair) == ALONE[one] | ALONE[other] | TOGETHER.get(pair, set()), sorted(pair)
