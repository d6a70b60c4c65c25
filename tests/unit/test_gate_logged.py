"""A verdict and the log under attack: a verdict taken out of the store, a proof of something else, a log of others."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from secpipe.core.errors import ConfigError
from secpipe.gate.policies.policy import Logging
from secpipe.gate.verdicts.acceptance import Answer
from secpipe.gate.verdicts.logged import held_against
from secpipe.gate.verdicts.signed import About, names
from secpipe.log import beside, checkpoint
from secpipe.log.entry import Entry
from secpipe.log.reader import Reader
from tests.unit import log_world
from tests.unit.gate_builders import NOW
from tests.unit.log_world import World
from tests.unit.test_verdict_signed import HOUR
from tests.unit.verdict_world import DIGEST, Gate

ABOUT = About(DIGEST, "", "prod")


class Shop:
    """A gate whose verdicts are logged, signed and proven."""

    def __init__(self, base: Path) -> None:
        self.gate, self.world = Gate(base), World(base)

    def publish(self, folder: Path, *, release: str = DIGEST, environment: str = "prod", sign: bool = True) -> Path:
        digest = self.gate.held(folder, now=NOW + 2 * HOUR).digest
        self.world.log.append(
            [Entry("verdict", NOW, digest, {"release": release, "environment": environment}).encode()]
        )
        if sign:
            data = self.world.sign()
            tree = Reader(self.world.path, checkpoint.read(data)[0])
            path = folder / names("vsa")[0]
            beside.place(path).write_bytes(tree.prove(*_pair(tree, digest, data)).encode())
        return folder

    def ask(self, rules: Logging, *, folder: bool = True) -> Answer:
        answer = self.gate.ask(now=NOW + 2 * HOUR)
        return held_against(answer, ABOUT, rules, self.world.path if folder else None, "vsa")


def _pair(tree: Reader, digest: str, data: bytes) -> tuple[int, bytes, bytes]:
    index, entry = beside.find(tree, digest)
    return index, data, entry


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


RULES = Logging(required=True, keys=log_world.vkeys())


def test_a_logged_verdict_counts_with_its_proof_alone_and_with_the_log(shop: Shop) -> None:
    shop.publish(shop.gate.sign(shop.gate.outcome()))
    assert shop.ask(RULES).exit_code == 0
    assert shop.ask(RULES, folder=False).exit_code == 0
    assert held_against(shop.gate.ask(now=NOW + 2 * HOUR), ABOUT, Logging(), None, "vsa").exit_code == 0


@pytest.mark.parametrize("sign", [True, False])
def test_a_newer_no_that_was_taken_out_of_the_store_is_missed(shop: Shop, sign: bool) -> None:
    shop.publish(shop.gate.sign(shop.gate.outcome()))
    newer = shop.publish(shop.gate.sign(shop.gate.denied(at=NOW + HOUR)), sign=sign)
    assert shop.ask(RULES).exit_code == 1
    shutil.rmtree(newer)
    answer = shop.ask(RULES)
    assert answer.exit_code == 3
    assert "the log knows a verdict of" in answer.sentence


def test_an_older_yes_that_is_logged_again_is_no_newer_than_the_no(shop: Shop) -> None:
    """Whoever may append to the log can append an old verdict once more: it stands where it stood first."""
    old = shop.publish(shop.gate.sign(shop.gate.outcome()))
    shutil.rmtree(shop.publish(shop.gate.sign(shop.gate.denied(at=NOW + HOUR))))
    for sign in (False, True):
        shop.publish(old, sign=sign)
        assert shop.ask(RULES).exit_code == 3


def test_a_verdict_that_is_logged_twice_is_still_the_newest(shop: Shop) -> None:
    new = shop.publish(shop.gate.sign(shop.gate.outcome()))
    shop.publish(new)
    assert shop.ask(RULES).exit_code == 0


def test_without_a_proof_it_is_not_decided_and_a_spoilt_one_is_a_no(shop: Shop) -> None:
    folder = shop.publish(shop.gate.sign(shop.gate.outcome()))
    path = beside.place(folder / names("vsa")[0])
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"index 0", b"index 1"))
    assert shop.ask(RULES, folder=False).exit_code == 1
    path.write_bytes(b"")
    assert shop.ask(RULES, folder=False).exit_code == 3
    path.unlink()
    assert shop.ask(RULES, folder=False).exit_code == 3


def test_the_proof_of_another_release_or_environment_is_none(shop: Shop) -> None:
    folder = shop.gate.sign(shop.gate.outcome())
    for wrong in ({"release": "b" * 64}, {"environment": "dev"}):
        shop.publish(folder, **wrong)
        answer = shop.ask(RULES, folder=False)
        assert answer.exit_code == 1
        assert "another release" in answer.sentence
    assert shop.ask(Logging(keys=RULES.keys)).exit_code == 3, "the log knows none on this release"


def test_the_proof_of_an_older_verdict_is_none_of_a_newer(shop: Shop) -> None:
    old = shop.publish(shop.gate.sign(shop.gate.outcome()))
    new = shop.gate.sign(shop.gate.outcome(at=NOW + HOUR))
    name = f"{names('vsa')[0]}.tlog-proof"
    shutil.copy(old / name, new / name)
    answer = shop.ask(RULES, folder=False)
    assert (answer.exit_code, "another file" in answer.sentence) == (1, True)


def test_the_quorum_is_the_policys(shop: Shop) -> None:
    shop.publish(shop.gate.sign(shop.gate.outcome()))
    seen = Logging(required=True, keys=RULES.keys, witnesses=(log_world.witness().key.text(),), quorum=1)
    assert shop.ask(seen, folder=False).exit_code == 1
    assert shop.ask(seen).exit_code == 1


def test_a_log_that_nobody_names_or_that_is_damaged_lets_nothing_out(shop: Shop) -> None:
    shop.publish(shop.gate.sign(shop.gate.outcome()))
    with pytest.raises(ConfigError):
        shop.ask(Logging())
    other = Logging(keys=log_world.vkeys("log.example/other"))
    assert shop.ask(other).exit_code == 1
    (shop.world.path / "checkpoint").write_bytes(b"x")
    assert shop.ask(Logging(keys=RULES.keys)).exit_code == 3


def test_a_no_stays_a_no(shop: Shop) -> None:
    shop.gate.sign(shop.gate.denied())
    assert shop.ask(RULES).exit_code == 1
