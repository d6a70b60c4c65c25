"""With a trust root only signed verdicts count as deployed, by real keys: unsigned, edited, stolen, overruled ones."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from secpipe.gate.after.monitor import Survey, survey
from secpipe.gate.after.today import Knowledge
from secpipe.gate.after.vouched import Unvouched, Vouched
from secpipe.gate.verdicts import promotion, signed, store
from secpipe.scan.vulnerabilities.local import open_store
from tests.unit.gate_builders import NOW, ok
from tests.unit.sign.world import at
from tests.unit.verdict_world import DIGEST, POLICY, Gate, halves

HOUR = timedelta(hours=1)
OTHER, THIRD = "b" * 64, "c" * 64


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path)


def look(gate: Gate, hours: float = 12, **options: Any) -> Survey:
    now = NOW + hours * HOUR
    known = Knowledge(open_store(None, now=now), gate.trust)
    return survey(gate.store, known, now, voucher=Vouched(gate.trust, now), **options)


def test_a_signed_pass_is_deployed_and_holds(gate: Gate) -> None:
    gate.sign(gate.outcome())
    found = look(gate)
    assert [release.state for release in found.releases] == ["holds"]
    assert found.exit_code == 0


def unsign(folder: Path) -> None:
    for path in halves(folder).values():
        path.unlink()


def edit(name: str, old: bytes, new: bytes) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        data = (folder / name).read_bytes()
        assert old in data
        (folder / name).write_bytes(data.replace(old, new))

    return change


def borrow(folder: Path) -> None:
    """The signature of another release beside this one's verdict."""
    donor = next(path for path in folder.parents[1].glob("*/*") if path != folder)
    for name in signed.names(signed.VSA):
        shutil.copy(donor / name, folder / name)


DOUBTS: dict[str, Callable[[Path], object]] = {
    "unsigned": unsign,
    "one half gone": lambda folder: list(halves(folder).values())[1].unlink(),
    "evidence edited": edit("evidence.json", b'"packages": 3', b'"packages": 2'),
    "a signature borrowed": borrow,
}


@pytest.mark.parametrize("doubt", DOUBTS)
def test_what_no_signature_vouches_for_is_told_and_the_signed_one_before_counts(gate: Gate, doubt: str) -> None:
    first = gate.sign(gate.outcome())
    second = gate.sign(gate.outcome(at=NOW + HOUR, digest=OTHER))
    DOUBTS[doubt](second)
    found = look(gate)
    assert [release.head.entry.folder for release in found.releases] == [first]
    assert [place.endswith(second.name) for place, _ in found.doubted] == [True]
    assert found.exit_code == 3


def test_an_edited_verdict_is_damage(gate: Gate) -> None:
    folder = gate.sign(gate.denied())
    edit("verdict.json", b'"decision": "deny"', b'"decision": "pass"')(folder)
    found = look(gate)
    assert (len(found.damaged), found.releases, found.exit_code) == (1, (), 3)


def test_a_forged_pass_whose_name_fits_is_doubted(gate: Gate, tmp_path: Path) -> None:
    """Whoever can write the store can give a forged verdict the name of its own digest, but no signature."""
    entry = store.entry_at(gate.sign(gate.denied()))
    document = entry.verdict() | {"decision": "pass", "exit_code": 0, "reasons": []}
    contents = {name: entry.read(name) for name in (store.EVIDENCE, store.POLICY, *signed.names(signed.VSA))}
    data = json.dumps(document).encode()
    store.keep(gate.store, "prod", DIGEST, document["at"], contents | {store.VERDICT: data})
    found = look(gate)
    assert found.releases == ()
    assert len(found.doubted) == 1
    assert found.exit_code == 3


def test_an_older_unsigned_one_does_not_matter_and_is_no_rollback_target(gate: Gate) -> None:
    old = gate.sign(gate.outcome())
    unsign(old)
    good = gate.sign(gate.outcome(at=NOW + HOUR, digest=OTHER))
    gate.sign(gate.outcome(at=NOW + 2 * HOUR, digest=THIRD))
    assert look(gate).exit_code == 0
    from secpipe.gate.policies import policy_file

    strict = policy_file.parse(
        b'schema = "secpipe.policy/1"\nname = "n"\nowner = "o"\nexpires = 2026-11-22\n', "new.toml"
    )
    late = look(gate, 48, policy=strict)
    assert [release.state for release in late.releases] == ["affected"]
    assert late.releases[0].back is None
    assert good.is_dir()


def test_a_stolen_verdict_key_vouches_for_nothing(gate: Gate) -> None:
    gate.sign(gate.outcome())
    gate.retrust(name="verdict", compromised_since=at("2026-11-01"))
    found = look(gate)
    assert (found.releases, found.exit_code) == ((), 3)
    assert "compromised" in found.doubted[0][1]


def test_a_builder_may_not_vouch(gate: Gate) -> None:
    gate.sign(gate.outcome(), identity="verdict", key=None)
    assert look(gate).exit_code == 0
    gate.retrust(name="verdict", verify_until=at("2026-11-20"))
    assert look(gate).exit_code == 3


def overruled(gate: Gate, *names: str, hours: int = 4, **outcome: Any) -> Path:
    folder = gate.sign(gate.denied(**outcome))
    gate.let(folder, *names, hours=hours)
    return folder


def test_what_two_people_overruled_is_deployed_while_their_word_holds(gate: Gate) -> None:
    overruled(gate, "alice-key", "bob-key")
    now = look(gate, 1)
    assert [release.state for release in now.releases] == ["overridden"]
    assert now.releases[0].overruled is not None
    assert now.releases[0].overruled.holders == ("alice", "bob")
    assert now.exit_code == 0
    late = look(gate, 5)
    assert [release.state for release in late.releases] == ["affected"]
    assert "ended at 2026-11-21T16:00:00Z" in late.releases[0].why
    assert late.exit_code == 1


@pytest.mark.parametrize("names", [(), ("alice-key",), ("bob-key", "bob-other")])
def test_what_too_few_overruled_was_never_out(gate: Gate, names: tuple[str, ...]) -> None:
    overruled(gate, *names)
    assert look(gate, 1).releases == ()


def test_more_than_was_overruled_is_affected(gate: Gate) -> None:
    overruled(gate, "alice-key", "bob-key")
    strict = (
        b'schema = "secpipe.policy/1"\nname = "n"\nowner = "o"\nexpires = 2027-06-30\n[licenses]\nallow = ["MIT"]\n'
    )
    from secpipe.gate.policies import policy_file

    found = look(gate, 1, policy=policy_file.parse(strict + b"[provenance]\nrequired = true\n", "new.toml"))
    assert [release.state for release in found.releases] == ["affected"]
    assert "does not cover all" in found.releases[0].why


def test_an_overruled_release_is_no_rollback_target(gate: Gate) -> None:
    overruled(gate, "alice-key", "bob-key", hours=20)
    gate.sign(gate.outcome(at=NOW + HOUR, digest=OTHER))
    from secpipe.gate.policies import policy_file

    ended = policy_file.parse(
        b'schema = "secpipe.policy/1"\nname = "n"\nowner = "o"\nexpires = 2026-11-20\n', "new.toml"
    )
    (release,) = look(gate, 3, policy=ended).releases
    assert (release.state, release.back) == ("affected", None)


def test_without_a_trust_root_an_override_is_only_a_claim(gate: Gate) -> None:
    overruled(gate, "alice-key", "bob-key")
    known = Knowledge(open_store(None, now=NOW + HOUR))
    found = survey(gate.store, known, NOW + HOUR, voucher=Unvouched())
    assert [release.state for release in found.releases] == ["unknown"]
    assert "--trust" in found.releases[0].why
    assert found.exit_code == 3


def test_how_fresh_the_stage_before_was_is_asked_once(gate: Gate) -> None:
    staged = POLICY + b'[promotion]\nafter = ["staging"]\nmax_age_days = 2\n'
    gate.sign(gate.outcome(environment="staging"))
    evidence = promotion.gather(gate.store, DIGEST, "", gate.trust, NOW)
    assert gate.outcome(policy=staged, promotion=evidence).document["decision"] == "pass"
    gate.sign(gate.outcome(policy=staged, promotion=evidence))
    found = look(gate, 24 * 9, environment="prod")
    assert [release.state for release in found.releases] == ["holds"]


def test_the_policy_of_the_project_is_kept_and_still_tightens(gate: Gate) -> None:
    from secpipe.gate.after import past

    tree = b'schema = "secpipe.policy/1"\nname = "own"\nowner = "o"\nexpires = 2026-12-01\n'
    facts = replace(ok("files"), facts={**ok("files").facts, "tree_policy": ""})
    outcome = gate.outcome(tree=tree, files=facts)
    digest = outcome.rules.tree.digest if outcome.rules.tree else ""
    facts = replace(facts, facts={**facts.facts, "tree_policy": digest})
    folder = gate.sign(gate.outcome(tree=tree, files=facts))
    whole = past.whole(past.head(store.entry_at(folder)))
    assert whole.tree is not None
    assert whole.judge(whole.policy).decision.exit_code == 0
    late = whole.judge(whole.policy, NOW + timedelta(days=30))
    assert late.reasons[0].rule == "gate/tree-policy-denies"
    (folder / store.TREE_POLICY).write_bytes(tree.replace(b"2026-12", b"2028-12"))
    with pytest.raises(Exception, match="not the one that stood in it"):
        past.whole(past.head(store.entry_at(folder)))
