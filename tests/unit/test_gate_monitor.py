"""What is out, judged again: what changed since is found, what cannot be judged is never called good."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from secpipe.core.errors import InputError
from secpipe.core.evidence import State
from secpipe.core.trust import Identity
from secpipe.core.verdict import Decision
from secpipe.gate.after import past, today
from secpipe.gate.after.monitor import Survey, survey
from secpipe.gate.after.today import Knowledge
from secpipe.gate.decide import decide
from secpipe.gate.policies.policy import Attestations, Demand, Policy
from secpipe.gate.verdicts import store
from secpipe.gate.verdicts.store import Entry
from tests.unit.gate_builders import clean, ok, situation
from tests.unit.gate_past import NOW, POLICY, Gate, advisory
from tests.unit.sign.world import at, make_identity, make_key, make_trust

DAY = timedelta(days=1)
WAIVER = """
[[waiver]]
id = "W-1"
rule = "audit/known-vulnerability"
owner = "raj"
reason = "not reachable"
expires = 2026-11-30
"""


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path)


def look(gate: Gate, now: datetime = NOW + DAY, **options: Any) -> Survey:
    known = options.pop("known", None) or today.gather(gate.advisories, None, "", now)
    return survey(gate.store, known, now, **options)


def next_release(gate: Gate, version: str = "2.2.0", after: timedelta = timedelta(hours=1), **options: Any) -> Entry:
    gate.now += after
    gate.write("requirements.txt", f"torch=={version} --hash=sha256:{'a' * 64}\n")
    return gate.judge(**options)


def test_what_still_passes_holds(gate: Gate) -> None:
    gate.judge()
    found = look(gate)
    assert [release.state for release in found.releases] == ["holds"]
    assert found.exit_code == 0


def test_a_new_advisory_affects_what_is_out_and_the_release_before_is_the_way_back(gate: Gate) -> None:
    first = gate.judge()
    next_release(gate)
    gate.advise(advisory("GHSA-new", "torch", "2.2.0", "2026-11-21"))
    found = look(gate)
    (release,) = found.releases
    assert (release.state, found.exit_code) == ("affected", 1)
    ((reason, since),) = release.reasons
    assert "GHSA-new" in reason.what
    assert since == "2026-11-21T00:00:00Z"
    assert release.back is not None
    assert release.back.entry == first


def test_no_way_back_where_the_older_ones_fail_too(gate: Gate) -> None:
    gate.judge()
    next_release(gate)
    gate.advise(advisory("GHSA-new", "torch", "2.2.0") | {"id": "GHSA-new"}, advisory("GHSA-old", "torch", "2.1.0"))
    (release,) = look(gate).releases
    assert release.back is None


def test_the_way_back_is_the_newest_that_passes_not_the_newest(gate: Gate) -> None:
    good = gate.judge()
    next_release(gate, "2.1.5")
    next_release(gate, "2.2.0")
    gate.advise(advisory("GHSA-a", "torch", "2.2.0"), advisory("GHSA-b", "torch", "2.1.5"))
    (release,) = look(gate).releases
    assert release.back is not None
    assert release.back.entry == good


def test_only_the_newest_of_a_name_is_out_unless_all_are_asked_for(gate: Gate) -> None:
    gate.judge()
    next_release(gate)
    gate.advise(advisory("GHSA-old", "torch", "2.1.0"))
    assert look(gate).exit_code == 0
    both = look(gate, everything=True)
    assert [(release.state, release.newest) for release in both.releases] == [("holds", True), ("affected", False)]
    assert both.exit_code == 1


def test_a_denied_verdict_lets_nothing_out_and_hides_nothing(gate: Gate) -> None:
    first = gate.judge()
    gate.advise(advisory("GHSA-b", "torch", "2.2.0"))
    denied = next_release(gate)
    assert denied.verdict()["decision"] == "deny"
    (release,) = look(gate).releases
    assert release.head.entry == first


def test_an_expired_waiver_is_told_with_its_day(gate: Gate) -> None:
    gate.policy = POLICY + WAIVER
    gate.advise(advisory("GHSA-a", "torch", "2.1.0"))
    assert gate.judge().verdict()["decision"] == "pass"
    assert look(gate, NOW + 5 * DAY).exit_code == 0
    found = look(gate, NOW + 20 * DAY)
    (release,) = found.releases
    assert found.exit_code == 1
    told = {reason.rule: since for reason, since in release.reasons}
    assert told["gate/waiver-expired"] == "2026-12-01T00:00:00Z"


def test_an_expired_approval_and_an_expired_policy_are_told(gate: Gate) -> None:
    gate.policy = POLICY.replace("2027-06-30", "2026-12-24") + (
        '[[shadow_ai.allow]]\nhost = "api.openai.com"\nowner = "jane"\nreason = "DPA"\nexpires = 2026-12-10\n'
    )
    gate.write("chat.py", 'import openai\nopenai.OpenAI(base_url="https://api.openai.com/v1", api_key=K)\n')
    entry = gate.judge()
    assert entry.verdict()["decision"] in ("pass", "warn"), entry.verdict()["sentence"]
    assert look(gate, NOW + DAY).exit_code == 0
    (approval,) = look(gate, NOW + 25 * DAY).releases
    assert approval.state == "affected"
    assert [since for _, since in approval.reasons] == ["2026-12-11T00:00:00Z"]
    (policy,) = look(gate, NOW + 60 * DAY).releases
    assert ("gate/policy-expired", "2026-12-25T00:00:00Z") in [(reason.rule, since) for reason, since in policy.reasons]


def test_todays_policy_judges_if_it_is_given(gate: Gate) -> None:
    from secpipe.gate.policies import policy_file

    gate.judge()
    strict = policy_file.parse((POLICY + "[licenses]\nallow = ['MIT']\n").encode(), "new.toml")
    assert look(gate, policy=strict).exit_code == 1


def test_where_the_environment_only_warns_nothing_is_affected(gate: Gate) -> None:
    gate.policy = POLICY + 'mode = "warn"\n'
    gate.judge()
    gate.advise(advisory("GHSA-a", "torch", "2.1.0"))
    found = look(gate)
    assert [release.state for release in found.releases] == ["warns"]
    assert found.exit_code == 0
    assert found.releases[0].reasons


def test_environments_and_names_are_apart(gate: Gate) -> None:
    gate.judge()
    gate.judge(environment="dev")
    gate.judge(name="other")
    assert len(look(gate).releases) == 3
    assert {release.head.entry.environment for release in look(gate, environment="dev").releases} == {"dev"}


def edited(entry: Entry, name: str, change: Callable[[Any], object]) -> None:
    document = json.loads(entry.read(name))
    change(document)
    (entry.folder / name).write_text(json.dumps(document))


DAMAGE: dict[str, Callable[[Entry], object]] = {
    "verdict cut": lambda e: (e.folder / "verdict.json").write_bytes(e.read("verdict.json")[:50]),
    "verdict edited": lambda e: edited(e, "verdict.json", lambda d: d.update(valid_until="2099-01-01T00:00:00Z")),
    "verdict simulated": lambda e: edited(e, "verdict.json", lambda d: d.update(simulated=True)),
    "verdict of another schema": lambda e: edited(e, "verdict.json", lambda d: d.update(schema="x")),
    "verdict gone": lambda e: (e.folder / "verdict.json").unlink(),
    "moved to another subject": lambda e: shutil.move(
        e.folder, e.folder.parents[1] / ("b" * 64) / e.name
    ),
    "moved to another time": lambda e: shutil.move(e.folder, e.folder.parent / f"20261120T120000Z-{e.name[-8:]}"),
    "moved to another environment": lambda e: shutil.move(e.folder.parents[1], e.folder.parents[2] / "dev"),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_verdict_is_listed_and_leaves_it_open(gate: Gate, damage: str) -> None:
    DAMAGE[damage](gate.judge())
    found = look(gate)
    assert found.exit_code == 3
    assert len(found.damaged) == 1
    assert not found.releases


SPOILT: dict[str, Callable[[Entry], object]] = {
    "evidence cut": lambda e: (e.folder / "evidence.json").write_bytes(e.read("evidence.json")[:-200]),
    "evidence gone": lambda e: (e.folder / "evidence.json").unlink(),
    "evidence of another time": lambda e: edited(
        e, "evidence.json", lambda d: d.update(at="2026-11-01T00:00:00+00:00")
    ),
    "evidence of another subject": lambda e: edited(
        e, "evidence.json", lambda d: d["subject"].update(digest={"dirHash": "c" * 64})
    ),
    "evidence for another environment": lambda e: edited(e, "evidence.json", lambda d: d.update(environment="dev")),
    "policy gone": lambda e: (e.folder / "policy.toml").unlink(),
    "policy swapped": lambda e: (e.folder / "policy.toml").write_text(POLICY + 'mode = "warn"\n'),
    "policy broken": lambda e: (e.folder / "policy.toml").write_text("schema = "),
}


@pytest.mark.parametrize("damage", SPOILT)
def test_a_release_whose_evidence_is_spoilt_is_unknown(gate: Gate, damage: str) -> None:
    SPOILT[damage](gate.judge())
    found = look(gate)
    assert [release.state for release in found.releases] == ["unknown"]
    assert found.releases[0].why
    assert found.exit_code == 3


def test_an_affected_release_beats_a_damaged_entry(gate: Gate) -> None:
    DAMAGE["verdict cut"](gate.judge())
    next_release(gate)
    gate.advise(advisory("GHSA-a", "torch", "2.2.0"))
    found = look(gate)
    assert (found.exit_code, len(found.damaged)) == (1, 1)


def test_a_verdict_still_to_come_is_damage(gate: Gate) -> None:
    gate.judge()
    found = look(gate, NOW - DAY)
    assert (found.exit_code, len(found.damaged), found.releases) == (3, 1, ())


def test_without_usable_advisories_nothing_is_called_good(gate: Gate, tmp_path: Path) -> None:
    gate.judge()
    known = today.gather(tmp_path / "nowhere", None, "", NOW + DAY)
    found = look(gate, known=known)
    assert [release.state for release in found.releases] == ["unknown"]
    assert found.exit_code == 3


def test_advisories_that_are_too_old_leave_it_open(gate: Gate) -> None:
    gate.policy = POLICY + "[vulnerabilities]\nmax_age_days = 7\n"
    gate.judge()
    assert look(gate, NOW + 3 * DAY).exit_code == 0
    found = look(gate, NOW + 30 * DAY)
    assert [release.state for release in found.releases] == ["unknown"]
    assert found.exit_code == 3


def test_no_store_no_verdict_and_nothing_out(gate: Gate) -> None:
    with pytest.raises(InputError):
        look(gate)
    gate.store.mkdir()
    assert look(gate).exit_code == 3
    gate.advise(advisory("GHSA-a", "torch", "2.1.0"))
    gate.judge()
    assert (look(gate).exit_code, look(gate).releases) == (0, ())


def test_what_the_tree_denied_then_still_stands(gate: Gate) -> None:
    gate.write("secpipe-policy.toml", POLICY + "[licenses]\nallow = ['MIT']\n")
    entry = gate.judge()
    assert entry.verdict()["reasons"][0]["rule"] == "gate/tree-policy-denies"
    whole = past.whole(past.head(entry))
    again = whole.judge(whole.policy)
    assert [reason.to_dict() for reason in again.reasons] == entry.verdict()["reasons"]


@pytest.fixture
def signed(gate: Gate) -> past.Past:
    """A release whose recorded evidence says that `builder`, key version 1, signed a model in it."""
    whole = past.whole(past.head(gate.judge()))
    fact = {
        "path": "m", "kind": "model", "verified": True, "name": "m", "purpose": "model", "identity": "builder",
        "key_version": 1, "trusted_time": None, "halves": ["ecdsa-p256", "ml-dsa-65"],
    }  # fmt: skip
    record = whole.record
    evidence = {**record.evidence, "signatures": ok("signatures", artifacts=[fact], covered={"m/a.bin": "builder"})}
    facts = {"purpose": "test-result", "identity": "builder", "key_version": 1, "name": "m", "trusted_time": None}
    evidence["attestation:bias"] = replace(ok("attestation:bias"), facts=facts, since=NOW)
    return replace(whole, record=replace(record, evidence=evidence))


KEY = make_key()
STATES: dict[str, tuple[Any, str]] = {
    "good": (make_identity("builder", KEY), ""),
    "compromised": (make_identity("builder", KEY.dated(compromised_since=at("2026-11-01"))), "compromised-key"),
    "suspended": (make_identity("builder", KEY.dated(suspended_since=at("2026-11-21"))), "suspended-key"),
    "no longer accepted": (make_identity("builder", KEY.dated(verify_until=at("2026-11-22"))), "expired-key"),
    "withdrawn": (make_identity("builder", KEY, purposes=("file",)), "wrong-purpose"),
    "another environment": (make_identity("builder", KEY, environments=("dev",)), "wrong-purpose"),
    "another namespace": (make_identity("builder", KEY, namespaces=("x-*",)), "wrong-purpose"),
    "version gone": (make_identity("builder", make_key(2)), "unknown-key"),
    "identity gone": (make_identity("other", KEY), "unknown-key"),
}


@pytest.mark.parametrize("state", STATES)
def test_signatures_are_held_against_todays_ring(signed: past.Past, state: str) -> None:
    identity, rule = STATES[state]
    made = today.evidence(signed, Knowledge(None, make_trust(identity)), NOW + 2 * DAY)
    for name in ("signatures", "attestation:bias"):
        found = {finding.rule for finding in made[name].findings}
        assert found == ({f"signatures/{rule}"} if rule else set()), name
        assert made[name].state is (State.FAILED if rule else State.OK)
    assert made["signatures"].facts["covered"] == ({} if rule else {"m/a.bin": "builder"})


def test_a_signature_provably_older_than_the_theft_still_counts(signed: past.Past) -> None:
    stolen = make_trust(make_identity("builder", KEY.dated(compromised_since=at("2026-11-10"))))
    for time, state in (("2026-11-01T00:00:00Z", State.OK), ("2026-11-11T00:00:00Z", State.FAILED)):
        fact = {**signed.record.evidence["signatures"].facts["artifacts"][0], "trusted_time": time}
        evidence = {**signed.record.evidence, "signatures": ok("signatures", artifacts=[fact], covered={})}
        verdict = replace(signed, record=replace(signed.record, evidence=evidence))
        assert today.evidence(verdict, Knowledge(None, stolen), NOW)["signatures"].state is state


def test_another_root_says_nothing_about_these_keys(signed: past.Past) -> None:
    head = replace(signed.head, verdict={**signed.head.verdict, "trust": {"digest": {"sha256": "f" * 64}}})
    trust = make_trust(STATES["good"][0], pins=("e" * 64,))
    made = today.evidence(replace(signed, head=head), Knowledge(None, trust), NOW)
    assert made["signatures"].state is State.SKIPPED
    same = replace(trust, pins=("e" * 64, "f" * 64))
    assert today.evidence(replace(signed, head=head), Knowledge(None, same), NOW)["signatures"].state is State.OK


def test_without_trust_signatures_stay_and_with_a_broken_one_they_are_unknown(signed: past.Past) -> None:
    assert today.evidence(signed, Knowledge(None), NOW)["signatures"] == signed.record.evidence["signatures"]
    broken = today.evidence(signed, Knowledge(None, no_trust="the keyring expired"), NOW)
    assert broken["signatures"].state is State.SKIPPED


def test_what_could_not_be_read_then_is_not_clean_now(gate: Gate) -> None:
    gate.write("uv.lock", "this is [ not TOML")
    entry = gate.judge()
    whole = past.whole(past.head(entry))
    known = today.gather(gate.advisories, None, "", NOW)
    before = {(skip.path, skip.soft) for skip in whole.record.evidence["audit"].skips}
    after = {(skip.path, skip.soft) for skip in today.evidence(whole, known, NOW)["audit"].skips}
    assert ("uv.lock", False) in before
    assert before == after


def test_the_store_is_not_believed_to_name_a_rollback_from_elsewhere(gate: Gate) -> None:
    first = gate.judge()
    shutil.copytree(first.folder, first.folder.parents[2] / "staging" / first.digest / first.name)
    found = look(gate)
    assert len(found.releases) == 1
    assert len(found.damaged) == 1
    assert found.exit_code == 3
    assert list(store.entries(gate.store, environment="staging"))


def test_an_attestation_by_a_stolen_key_no_longer_counts_for_the_policy(signed: past.Past) -> None:
    """The rules read each attestation by itself: what is known of its key today must reach them there."""
    first = {
        **signed.record.evidence["attestation:bias"].facts,
        "path": "m", "kind": "bias", "state": "ok", "reason": "", "since": NOW.isoformat(), "result": "PASSED",
    }  # fmt: skip
    other = {**first, "path": "n", "identity": "other"}
    bias = replace(ok("attestation:bias"), facts={**first, "each": [other, first]}, since=NOW)
    record = replace(signed.record, evidence={**signed.record.evidence, "attestation:bias": bias})
    files = {f"{name}/a.safetensors": {"format": "safetensors", "outcome": "ok"} for name in "mn"}
    demand = replace(Policy(), attestations=Attestations((Demand("bias", 30),)))

    def decided(*identities: Identity) -> tuple[Decision, list[str]]:
        verdict = replace(signed, record=record)
        made = today.evidence(verdict, Knowledge(None, make_trust(*identities)), NOW + DAY)
        judgement = decide(situation(clean() | {"models": ok("models", files=files)} | {
            "attestation:bias": made["attestation:bias"],
            "signatures": ok("signatures", covered=dict.fromkeys(files, "builder")),
        }, demand, now=NOW + DAY))  # fmt: skip
        return judgement.decision, [reason.rule for reason in judgement.reasons]

    mate = make_identity("other", make_key(1))
    assert decided(STATES["good"][0], mate)[0] is Decision.PASS
    for state in set(STATES) - {"good", "no longer accepted", "identity gone"}:
        assert decided(STATES[state][0], mate) == (Decision.DENY, ["gate/test-failed"]), state
    assert decided(STATES["good"][0])[0] is Decision.DENY  # who signed the other one is not in the ring any more
