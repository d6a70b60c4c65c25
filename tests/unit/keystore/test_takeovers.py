"""docs/spec/threats-keys.md, executed: twelve takeovers and their 66 pairs reach what it says, and nothing else."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

import pytest

from docs.threats_table import threats, threats_page
from secpipe.core.errors import TrustError
from secpipe.keystore import age, memory, quorum
from secpipe.keystore.pending import sign_pending
from secpipe.keystore.trusted import open_folder
from tests import skips
from tests.unit.keystore.conftest import quick_seal
from tests.unit.keystore.takeovers import DAY, GOALS, World, reached

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


def test_former_holders_begin_another_chain_only_for_who_pins_their_root(project, tmp_path, passphrase, now):
    """docs/spec/threats-keys.md, "Not in these tables": alice alone was the root once, and is no holder any more."""
    bob, past = tmp_path / "bob", tmp_path / "past"

    def decide(folder, home, at, make):
        found = quorum.begin(folder, home, at)
        quorum.draft(found, make(found), at)
        for each in (project.home, bob):
            if (folder / "pending").is_dir():
                sign_pending(folder, each, passphrase, at, must_sign=False)

    decide(project.keys, bob, now, lambda found: quorum.with_holder(found, bob, "bob", 1, passphrase, now))
    shutil.copytree(project.keys, past)
    at = now + DAY
    decide(project.keys, bob, at, lambda found: quorum.without_holder(found, "alice", 1))
    honest = open_folder(project.keys, now=at)
    assert honest.root.quorum.names == ("bob",)
    memory.remember(tmp_path / "seen", honest, at)
    alone = open_folder(past, now=at)
    quorum.draft(alone, quorum.renewed(alone, root=True), at)
    sign_pending(past, project.home, passphrase, at, publish=True)
    forged = open_folder(past, pin=project.pin, now=at)  # who pins her root, and remembers nothing
    assert forged.root.version == honest.root.version
    with pytest.raises(TrustError, match="fork"):
        memory.guard(tmp_path / "seen", forged)
    with pytest.raises(TrustError, match="no root of this trust matches"):
        open_folder(past, pin=honest.root.envelope.digest, now=at)
