"""Signed verdicts under attack: what is replayed, swapped, stripped, edited or signed by the wrong key never passes."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from secpipe.cli.verdict.verify import about_of
from secpipe.core.artifact import dir_hash
from secpipe.core.errors import ConfigError, InputError, TrustError
from secpipe.core.evidence import Evidence, State
from secpipe.core.trust import HalfClass
from secpipe.gate import storing
from secpipe.gate.policies.policy import Minimum, Policy, Verdicts
from secpipe.gate.verdicts import signed, vsa
from secpipe.sign import bundle as bundles
from secpipe.sign import statement as statements
from secpipe.sign.attest import verify_attestations
from secpipe.sign.sign import sign_payload, write_twins
from secpipe.sign.statement import Statement
from secpipe.sign.verdicts import sign_verdict
from secpipe.sign.verify import verify_tree
from secpipe.system.tree import walk
from tests import skips
from tests.unit.gate_builders import NOW, ok
from tests.unit.sign.world import make_identity, make_key
from tests.unit.verdict_world import DIGEST, KEYS, Gate, halves

HOUR = timedelta(hours=1)


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path)


def test_a_passed_verdict_lets_the_release_out_until_it_ends(gate: Gate) -> None:
    gate.sign(gate.outcome())
    answer = gate.ask()
    assert answer.exit_code == 0
    assert answer.sentence.startswith(
        "PASSED for prod: acme-chat, given on 2026-11-21T12:00:00Z by https://secpipe.dev/"
    )
    assert gate.ask(now=NOW + 24 * HOUR - timedelta(seconds=1)).exit_code == 0
    assert gate.ask(now=NOW + 24 * HOUR).exit_code == 3
    assert "ended" in gate.ask(now=NOW + 24 * HOUR).sentence


def test_max_age_bounds_an_older_yes(gate: Gate) -> None:
    gate.sign(gate.outcome())
    assert gate.ask(now=NOW + 2 * HOUR, max_age=HOUR).exit_code == 3
    assert gate.ask(now=NOW + HOUR, max_age=HOUR).exit_code == 0


def test_no_verdict_is_no_yes(gate: Gate) -> None:
    assert gate.ask().exit_code == 3
    storing.keep(gate.store, gate.outcome(), storing.contents(gate.outcome()))  # kept, never signed
    assert gate.ask().exit_code == 3


def test_a_denied_release_is_signed_as_failed(gate: Gate) -> None:
    gate.sign(gate.denied())
    answer = gate.ask()
    assert answer.exit_code == 1
    assert answer.sentence.startswith("BLOCKED for prod")


def test_undecided_and_self_judged_are_not_known_rather_than_denied(gate: Gate) -> None:
    gate.sign(gate.outcome(models=Evidence("models", State.SKIPPED, "broke")))
    assert gate.ask().exit_code == 3
    gate.sign(gate.outcome(at=NOW + HOUR, self_judged="the policy came without a pin"))
    assert gate.ask(now=NOW + HOUR).exit_code == 3
    assert "self-judged" in gate.ask(now=NOW + HOUR).sentence


def test_warn_mode_does_not_make_a_yes(gate: Gate) -> None:
    folder = gate.sign(gate.denied(mode="warn"))
    assert json.loads((folder / "verdict.json").read_bytes())["decision"] == "warn"
    assert gate.ask().exit_code == 1


def test_a_simulated_verdict_is_neither_kept_nor_signed(gate: Gate) -> None:
    simulated = gate.outcome(simulated=True)
    with pytest.raises(ConfigError):
        storing.keep(gate.store, simulated, storing.contents(simulated))
    with pytest.raises(ConfigError):
        storing.summarise(simulated, storing.contents(simulated), "verdict")


def test_an_entry_that_was_put_there_before_is_not_signed_into(gate: Gate) -> None:
    outcome = gate.outcome()
    kept = storing.contents(outcome)
    entry = storing.keep(gate.store, outcome, kept)
    assert storing.keep(gate.store, outcome, kept) == entry
    (entry.folder / "evidence.json").write_bytes(b"{}")
    with pytest.raises(InputError, match="other evidence"):
        storing.keep(gate.store, outcome, kept)


def test_a_verdict_of_another_release_in_this_ones_place(gate: Gate) -> None:
    other = gate.sign(gate.outcome(digest="b" * 64))
    mine = gate.store / "prod" / DIGEST / other.name
    shutil.copytree(other, mine)
    answer = gate.ask()
    assert answer.exit_code == 1
    assert "another release" in answer.sentence


def test_a_verdict_for_another_environment_in_this_ones_place(gate: Gate) -> None:
    staging = gate.sign(gate.outcome(environment="staging"))
    shutil.copytree(staging, gate.store / "prod" / DIGEST / staging.name)
    answer = gate.ask()
    assert answer.exit_code == 1
    assert "for staging, not for prod" in answer.sentence


def test_a_newer_no_counts_before_an_older_yes(gate: Gate) -> None:
    gate.sign(gate.outcome())
    gate.sign(gate.denied(at=NOW + HOUR))
    assert gate.ask(now=NOW + 2 * HOUR).exit_code == 1


def test_an_older_yes_renamed_to_look_newer_stays_older(gate: Gate) -> None:
    old = gate.sign(gate.outcome())
    gate.sign(gate.denied(at=NOW + HOUR))
    old.rename(old.with_name("20261121T235959Z-" + old.name[-8:]))
    assert gate.ask(now=NOW + 2 * HOUR).exit_code == 1


def test_of_two_verdicts_of_one_second_the_no_counts(gate: Gate) -> None:
    yes, no = (gate.held(gate.sign(outcome)) for outcome in (gate.outcome(), gate.denied()))
    assert signed.newest([yes, no]) == signed.newest([no, yes]) == no
    assert gate.ask().exit_code == 1


@pytest.mark.parametrize("half", list(HalfClass))
def test_damaging_the_newer_no_does_not_bring_the_older_yes_back(gate: Gate, half: HalfClass) -> None:
    gate.sign(gate.outcome())
    no = gate.sign(gate.denied(at=NOW + HOUR))
    halves(no)[half].unlink()
    answer = gate.ask(now=NOW + 2 * HOUR)
    assert answer.exit_code == 1
    assert "newer verdict" in answer.sentence


def test_an_old_verdict_that_no_longer_holds_does_not_spoil_a_new_one(gate: Gate) -> None:
    old = gate.sign(gate.outcome(at=NOW - 48 * HOUR))
    halves(old)[HalfClass.PQ].write_bytes(b"{}")
    gate.sign(gate.outcome())
    assert gate.ask().exit_code == 0


@pytest.mark.parametrize("half", list(HalfClass))
def test_one_half_alone_is_nothing(gate: Gate, half: HalfClass) -> None:
    halves(gate.sign(gate.outcome()))[half].unlink()
    assert gate.ask().exit_code == 1


def test_swapped_halves_and_halves_of_two_verdicts(gate: Gate) -> None:
    folder = gate.sign(gate.outcome())
    first, second = halves(folder).values()
    one, two = first.read_bytes(), second.read_bytes()
    first.write_bytes(two)
    second.write_bytes(one)
    assert gate.ask().exit_code == 1
    denied = gate.sign(gate.denied(at=NOW - HOUR))
    first.write_bytes(one)
    second.write_bytes(halves(denied)[HalfClass.PQ].read_bytes())
    assert gate.ask().exit_code == 1


@pytest.mark.parametrize("name", ["builder", "mixed"])
def test_only_an_identity_that_signs_nothing_else_signs_verdicts(gate: Gate, name: str) -> None:
    with pytest.raises(TrustError):
        gate.sign(gate.outcome(), name)


@pytest.mark.parametrize("name", ["builder", "mixed"])
def test_a_verdict_by_a_key_that_signs_other_things_is_refused_by_verifiers_too(gate: Gate, name: str) -> None:
    outcome = gate.outcome()
    folder = gate.sign(outcome)
    kept = storing.contents(outcome)
    key = KEYS[name]
    alone = make_identity(name, key, purposes=("vsa",))  # what the forger's own ring would say
    gate.write(folder, storing.summarise(outcome, kept, name), alone, key, at=NOW)
    answer = gate.ask()
    assert answer.exit_code == 1
    assert name in answer.sentence


def test_a_stranger_with_keys_of_their_own(gate: Gate) -> None:
    outcome, key = gate.outcome(), make_key()
    folder = gate.sign(outcome)
    who = make_identity("verdict", key, purposes=("vsa",))
    gate.write(folder, storing.summarise(outcome, storing.contents(outcome), "verdict"), who, key, at=NOW)
    assert gate.ask().exit_code == 1


@pytest.mark.parametrize(
    "change", [{"compromised_since": NOW}, {"suspended_since": NOW - HOUR}, {"verify_until": NOW - HOUR}]
)
def test_a_verdict_key_that_is_no_longer_good(gate: Gate, change: dict[str, object]) -> None:
    gate.sign(gate.outcome())
    gate.retrust(name="verdict", **change)
    assert gate.ask().exit_code == 1


def test_an_identity_may_be_kept_to_some_environments(gate: Gate) -> None:
    who = next(one for one in gate.trust.identities if one.name == "verdict")
    staged = replace(who, authority=replace(who.authority, environments=("dev", "staging")))
    gate.trust = replace(gate.trust, identities=(staged,))
    gate.sign(gate.outcome())
    assert gate.ask().exit_code == 1


@pytest.mark.parametrize("name", ["verdict.json", "evidence.json"])
def test_documents_edited_under_a_good_signature(gate: Gate, name: str) -> None:
    path = gate.sign(gate.outcome()) / name
    path.write_bytes(path.read_bytes().replace(b'"acme-chat"', b'"acme-shop"'))
    answer = gate.ask()
    assert answer.exit_code == 1
    assert name in answer.sentence
    path.unlink()  # what is not there cannot deceive
    assert gate.ask().exit_code == 0


def test_an_edited_unsigned_verdict_says_nothing(gate: Gate) -> None:
    outcome = gate.denied()
    entry = storing.keep(gate.store, outcome, storing.contents(outcome))
    document = entry.verdict() | {"decision": "pass", "exit_code": 0}
    (entry.folder / "verdict.json").write_bytes(storing.encode(document))
    assert gate.ask().exit_code == 3


@pytest.mark.parametrize(
    "forged",
    [{"decision": "deny"}, {"self_judged": True}, {"decision": "undecided"}, {"decision": "great"}],
)
def test_a_result_that_does_not_follow_from_the_decision_is_refused(gate: Gate, forged: dict[str, object]) -> None:
    body = vsa.predicate(storing.summarise(gate.outcome(), storing.contents(gate.outcome()), "verdict"))
    names = {"self_judged": "selfJudged"}
    body[vsa.EXTENSION] |= {names.get(name, name): value for name, value in forged.items()}
    with pytest.raises(InputError):
        vsa.read(body, "it")


def test_a_verdict_from_the_future(gate: Gate) -> None:
    gate.sign(gate.outcome(at=NOW + HOUR))
    assert gate.ask().exit_code == 1


def test_either_time_of_a_verdict_may_lie_in_the_future(gate: Gate) -> None:
    outcome, who = gate.outcome(), gate.trust.identities[0]
    folder = gate.sign(outcome)
    told = storing.summarise(outcome, storing.contents(outcome), "verdict")
    gate.write(folder, replace(told, at=NOW + HOUR), who, KEYS["verdict"], at=NOW)
    assert "after now" in gate.ask().sentence
    gate.write(folder, told, who, KEYS["verdict"], at=NOW + HOUR)
    assert "a time to come" in gate.ask().sentence


def test_a_verdict_that_calls_itself_something_else(gate: Gate) -> None:
    folder, key = gate.sign(gate.outcome()), KEYS["verdict"]
    good = statements.decode(bundles.decode(halves(folder)[HalfClass.CLASSICAL].read_bytes(), "it").payload, "it")
    payload = statements.encode(replace(good, kind="bias"))
    write_twins(tuple(halves(folder).values()), sign_payload(payload, key.signers, key.version, now=NOW))  # type: ignore[arg-type]
    assert gate.ask().exit_code == 1


def test_links_that_were_not_judged(gate: Gate) -> None:
    gate.sign(gate.outcome())
    assert gate.ask(links="c" * 64).exit_code == 1
    assert gate.ask(links=None).exit_code == 0


def test_a_file_that_became_executable_since_is_named_and_one_that_lost_the_bit_is_not(
    gate: Gate, tmp_path: Path
) -> None:
    folder = gate.sign(gate.outcome(files=ok("files", executable=["run.sh", "tool"])))
    held = gate.held(folder)
    assert signed.About("", None, "prod", ("data.txt", "tool")).made_executable(held.summary) == ("data.txt",)
    assert signed.About("", None, "prod").made_executable(held.summary) == ()
    silent = gate.held(gate.sign(gate.outcome(files=ok("files", executable=None))))
    assert silent.summary.executable is None
    assert signed.About("", None, "prod", ("tool",)).made_executable(silent.summary) == ()


@skips.unless_possible(os.name != "nt", "POSIX modes")
def test_what_may_be_run_is_known_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").write_text("b")
    (tmp_path / "b").chmod(0o755)
    assert about_of(tmp_path, "", "prod", ()).executable == ("b",)
    (tmp_path / "a").chmod(0o611)
    assert about_of(tmp_path, "", "prod", ()).executable == ("a", "b")


def subject_of(digests: dict[str, str], uri: str, key_name: str = "verdict") -> tuple[bytes, bytes]:
    key = KEYS[key_name]
    statement = Statement(uri, "acme-chat", digests, {}, statements.declare(key.version.halves), kind="vsa", made=NOW)
    return sign_payload(statements.encode(statement), key.signers, key.version, now=NOW)


@pytest.mark.parametrize(
    "digests",
    [{"sha256": DIGEST}, {"dirHash": DIGEST, "sha256": DIGEST}, {"dirHash": DIGEST, "gitCommit": "0" * 40},
     {"dirHash": DIGEST.upper()}, {}],
)  # fmt: skip
def test_a_verdict_names_its_subject_by_dirhash_alone(gate: Gate, digests: dict[str, str]) -> None:
    """An OMS root would bind no names, and in-toto consumers match on any digest there is."""
    folder = gate.sign(gate.outcome())
    key, who = KEYS["verdict"], gate.trust.identities[0]
    good = bundles.decode(halves(folder)[HalfClass.CLASSICAL].read_bytes(), "it").payload
    document = json.loads(good)
    document["subject"][0]["digest"] = digests
    payload = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
    write_twins(tuple(halves(folder).values()), sign_payload(payload, key.signers, key.version, now=NOW))  # type: ignore[arg-type]
    assert who.name == "verdict"
    assert gate.ask().exit_code == 1


def test_a_model_signature_by_dirhash_alone_is_refused() -> None:
    data = subject_of({"dirHash": DIGEST}, "https://model_signing/signature/v1.0", "builder")[0]
    with pytest.raises(InputError, match="no SHA-256"):
        statements.decode(bundles.decode(data, "it").payload, "it")


def test_an_oms_root_equal_to_a_dirhash_is_no_verdict_on_it(gate: Gate) -> None:
    """The root of one model may be chosen to look like anything; it never stands where a dirHash is asked for."""
    folder = gate.sign(gate.outcome())
    data = subject_of({"sha256": DIGEST}, "https://slsa.dev/verification_summary/v1")
    write_twins(tuple(halves(folder).values()), data)  # type: ignore[arg-type]
    assert gate.ask().exit_code == 1


def test_a_statement_of_another_type_is_no_verdict(gate: Gate) -> None:
    folder = gate.sign(gate.denied())
    data = sign_verdict(
        "override", "acme-chat", DIGEST, {"grant": {}, "holder": "alice"},
        next(one for one in gate.trust.identities if one.name == "alice-key"),
        KEYS["alice-key"].version, KEYS["alice-key"].signers, now=NOW,
    )  # fmt: skip
    write_twins(tuple(halves(folder).values()), data)  # type: ignore[arg-type]
    assert gate.ask().exit_code == 1


def test_the_policy_of_whoever_deploys_decides_which_verifier_counts(gate: Gate) -> None:
    gate.sign(gate.outcome())
    mine = Policy(verdicts=Verdicts(verifiers=("https://secpipe.dev/verifier/verdict",)))
    other = Policy(verdicts=Verdicts(verifiers=("https://acme.example/gate/verdict",)))
    assert gate.ask(policy=mine).exit_code == 0
    assert gate.ask(policy=other).exit_code == 1
    gate.sign(gate.outcome(at=NOW + HOUR), verifier="https://acme.example/gate/verdict")
    assert gate.ask(policy=other, now=NOW + HOUR).exit_code == 0


@pytest.mark.parametrize(
    "verifier", ["https://secpipe.dev/verifier/other", "verdict", "https://x/verdict\x1b[2J/verdict"]
)
def test_a_verifier_id_ends_in_the_identity(gate: Gate, verifier: str) -> None:
    with pytest.raises(ConfigError):
        gate.sign(gate.outcome(), verifier=verifier)
    forged = storing.summarise(gate.outcome(), storing.contents(gate.outcome()), "verdict")
    folder = gate.sign(gate.outcome())
    identity = gate.trust.identities[0]
    gate.write(
        folder, replace(forged, verifier="https://secpipe.dev/verifier/other"), identity, KEYS["verdict"], at=NOW
    )
    assert gate.ask().exit_code == 1


def test_the_pinned_policy_is_the_one_it_was_judged_by(gate: Gate) -> None:
    outcome = gate.outcome()
    gate.sign(outcome)
    assert gate.ask(policy_digest=outcome.rules.policy.digest).exit_code == 0
    assert gate.ask(policy_digest="f" * 64).exit_code == 1


def test_the_name_may_be_pinned(gate: Gate) -> None:
    gate.sign(gate.outcome())
    assert gate.ask(name="acme-chat").exit_code == 0
    assert gate.ask(name="acme-shop").exit_code == 1


def test_trust_below_the_minimum_leaves_it_undecided(gate: Gate) -> None:
    gate.sign(gate.outcome())
    assert gate.ask(policy=Policy(minimum=Minimum(root=1, ring=1))).exit_code == 0
    assert gate.ask(policy=Policy(minimum=Minimum(ring=2))).exit_code == 3
    gate.trust = replace(gate.trust, ring_version=2)  # newer here, but it was judged under the old one
    assert gate.ask(policy=Policy(minimum=Minimum(ring=2))).exit_code == 3
    gate.sign(gate.outcome(at=NOW + HOUR))
    assert gate.ask(policy=Policy(minimum=Minimum(ring=2)), now=NOW + HOUR).exit_code == 0


def test_a_verdict_under_another_or_a_newer_trust_root(gate: Gate) -> None:
    gate.sign(gate.outcome())
    good = gate.trust
    gate.trust = replace(good, pins=("9" * 64,))
    assert gate.ask().exit_code == 1
    gate.trust = replace(good, ring_version=7)
    gate.sign(gate.outcome(at=NOW + HOUR))
    gate.trust = good  # whoever verifies knows only ring 1: it may have revoked nothing yet
    assert gate.ask(now=NOW + HOUR).exit_code == 3


def test_names_that_could_be_read_in_two_ways_are_not_signed(gate: Gate) -> None:
    outcome = gate.outcome()
    outcome = replace(outcome, record=replace(outcome.record, paths=("a\n" + "0" * 64 + "  b",)))
    with pytest.raises(InputError):
        storing.summarise(outcome, storing.contents(outcome), "verdict")


def test_a_link_in_the_place_of_a_bundle_is_not_followed(gate: Gate, tmp_path: Path) -> None:
    folder = gate.sign(gate.outcome())
    classical = halves(folder)[HalfClass.CLASSICAL]
    shutil.copy(classical, tmp_path / "elsewhere")
    classical.unlink()
    classical.symlink_to(tmp_path / "elsewhere")
    assert gate.ask().exit_code != 0


def test_the_summary_reads_back_as_it_was_written(gate: Gate) -> None:
    outcome = gate.outcome(files=ok("files", links="c" * 64, left_out=[{"path": "venv", "reason": "x"}],
                                    signed={"m/model.sig": "d" * 64}))  # fmt: skip
    summary = storing.summarise(outcome, storing.contents(outcome), "verdict")
    assert vsa.read(json.loads(json.dumps(vsa.predicate(summary))), "it") == summary
    assert (summary.links, summary.left_out) == ("c" * 64, ("venv",))
    assert ("m/model.sig", "d" * 64) in summary.inputs
    assert not any(level.startswith("SLSA_") for level in summary.levels)


def test_damaged_predicates_are_errors_never_crashes(gate: Gate) -> None:
    body = vsa.predicate(storing.summarise(gate.outcome(), storing.contents(gate.outcome()), "verdict"))
    for table in (body, body[vsa.EXTENSION]):
        for name in list(table):
            if name in {"slsaVersion"}:
                continue
            for value in (None, 7, [], {}, "x" * 5000):
                kept = table[name]
                table[name] = value
                if not (name == "trust" and value is None) and not (name == "artifacts" and value == []) and not (
                    value == [] and name in {"inputAttestations", "leftOut", "verifiedLevels"}
                ) and not (name == "exploited" and value == 7):  # fmt: skip
                    with pytest.raises(InputError):
                        vsa.read(body, "it")
                table[name] = kept


def test_a_folder_of_one_signed_verdict(gate: Gate, tmp_path: Path) -> None:
    folder = gate.sign(gate.outcome())
    for name, path in zip(("release.att.json", "release.pqc.att.json"), halves(folder).values(), strict=True):
        shutil.copy(path, tmp_path / name)
    found = signed.attempt(tmp_path, "", signed.About(DIGEST, None, "prod"), gate.trust, NOW, "release")
    assert isinstance(found, signed.Held)


def test_a_verdict_in_the_place_of_a_model_signature_covers_nothing(gate: Gate, tmp_path: Path) -> None:
    project = tmp_path / "project"
    model = project / "model-dir"
    model.mkdir(parents=True)
    (model / "w.safetensors").write_bytes(b"weights")
    (project / "other.txt").write_text("x")
    for half, path in halves(gate.sign(gate.outcome())).items():
        shutil.copy(path, model / ("model.sig" if half is HalfClass.CLASSICAL else "model.pqc.sig"))
        shutil.copy(path, project / ("other.txt.sig" if half is HalfClass.CLASSICAL else "other.txt.pqc.sig"))
        shutil.copy(path, project / f"other.txt.vsa.{'' if half is HalfClass.CLASSICAL else 'pqc.'}att.json")
    evidence = verify_tree(walk(project), gate.trust, environment="prod", now=NOW)
    assert evidence.state is State.FAILED
    assert evidence.facts["covered"] == {}
    assert all("does not sign a" in found.message for found in evidence.findings if "vsa" in found.message)
    (attested,) = verify_attestations(walk(project), gate.trust, environment="prod", now=NOW)
    assert (attested.check, attested.state) == ("attestation:vsa", State.FAILED)


def test_a_name_that_forges_a_line_of_the_listing(tmp_path: Path) -> None:
    """One file whose name holds a line end has the dirHash of two files, one of which was never there."""
    two, one = tmp_path / "two", tmp_path / "one"
    for folder in (two, one):
        folder.mkdir()
    (two / "a").write_bytes(b"x")
    (two / "b").write_bytes(b"the file that was judged")
    (one / f"a\n{hashlib.sha256(b'the file that was judged').hexdigest()}  b").write_bytes(b"x")
    assert dir_hash(walk(one).files) == dir_hash(walk(two).files)
    assert about_of(two, "", "prod", ()).digest == dir_hash(walk(two).files)
    with pytest.raises(InputError, match="is not a name"):
        about_of(one, "", "prod", ())
