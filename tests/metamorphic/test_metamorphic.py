"""Known-bad inputs under every transformation: none ends in a silent pass, and the honest twin is never blocked.

A sample runs by default: the same one on every machine, as many pairs of each seed. `make slow` runs all of them.
"""

from __future__ import annotations

import random
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from tests.metamorphic.change import Change
from tests.metamorphic.changes import CHANGES, pairs
from tests.metamorphic.laws import Laws
from tests.metamorphic.seeds import SEEDS, WITHOUT, Seed

HERE = Path(__file__).resolve().parent
RULES = HERE.parents[1] / "policies/rules"
KNOWN = tomllib.loads((HERE / "known.toml").read_text())["known"]
#: Pairs of each seed in the default run: at about 30 ms CPU a pair, some 25 s together.
_SAMPLE = 6
_BY_SEED: dict[Seed, list[Change]] = defaultdict(list)
for _seed, _change in pairs():
    _BY_SEED[_seed].append(_change)


@pytest.fixture(scope="module")
def laws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laws]:
    place = tmp_path_factory.mktemp("metamorphic")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SECPIPE_HOME", str(place / "home"))
        patch.setenv("SECPIPE_CACHE", str(place / "cache"))
        yield Laws(place)


def is_known(seed: Seed, change: Change) -> bool:
    return any(fnmatchcase(str(seed), row["seed"]) and fnmatchcase(change.name, row["change"]) for row in KNOWN)


def broken(laws: Laws, seed: Seed, changes: list[Change]) -> list[str]:
    """Return every law that is broken, but for what is known to be."""
    return [said for change in changes if not is_known(seed, change) for said in laws.broken(seed, change)]


def test_every_rule_has_a_seed_or_a_reason_for_none() -> None:
    tables = (tomllib.loads(path.read_text())["rule"] for path in sorted(RULES.glob("*.toml")))
    rules = {row["id"] for table in tables for row in table}
    sown = {seed.rule for seed in SEEDS}
    assert sown | set(WITHOUT) == rules
    assert not sown & set(WITHOUT)


@pytest.mark.parametrize("rule", WITHOUT)
def test_a_rule_without_a_seed_names_the_test_that_holds_it(rule: str) -> None:
    text = (HERE.parents[1] / WITHOUT[rule]["test"]).read_text()
    word = rule.partition("/")[2]
    assert word in text or ("import RULE" in text and word.partition("-")[0] in text)
    assert WITHOUT[rule]["why"]


def test_every_transformation_fits_a_seed() -> None:
    fitting = {change.name for _, change in pairs()}
    assert {change.name for change in CHANGES} == fitting
    assert len(CHANGES) == len(fitting)


@pytest.mark.parametrize("seed", SEEDS, ids=str)
def test_a_seed_breaks_its_rule_and_its_twin_does_not(laws: Laws, seed: Seed) -> None:
    bad, honest = laws.base(seed)
    assert seed.rule in bad.rules, str(bad)
    assert seed.rule not in honest.rules, str(honest)
    assert honest.decision != "deny", str(honest)


@pytest.mark.parametrize("seed", SEEDS, ids=str)
def test_no_transformation_hides_it_or_blocks_its_twin(laws: Laws, seed: Seed) -> None:
    light = [change for change in _BY_SEED[seed] if not change.heavy]
    chosen = random.Random(str(seed)).sample(light, min(_SAMPLE, len(light)))
    assert not broken(laws, seed, chosen)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS, ids=str)
def test_none_of_all_transformations_does(laws: Laws, seed: Seed) -> None:
    assert not broken(laws, seed, _BY_SEED[seed])


@pytest.mark.parametrize("row", KNOWN, ids=lambda row: f"{row['seed']} {row['change']}")
def test_what_is_known_to_be_red_is_still_red(laws: Laws, row: dict[str, str]) -> None:
    here = [
        (seed, change)
        for seed, change in pairs()
        if fnmatchcase(str(seed), row["seed"]) and fnmatchcase(change.name, row["change"])
    ]
    assert here, "nothing is of that name"
    for seed, change in here:
        said = laws.broken(seed, change)
        assert said, f"{seed} | {change.name} is mended: take it out of the row"
        assert all("the honest twin" in one for one in said) or not row.get("honest")
