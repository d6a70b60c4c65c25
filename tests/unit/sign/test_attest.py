"""Attestations: what they bind, what makes them fresh, and what must not pass for one."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from secpipe.core.errors import ConfigError, InputError
from secpipe.core.evidence import Evidence, State
from secpipe.core.ledger import NOBODY
from secpipe.sign import attest as attests
from secpipe.sign import verify
from secpipe.sign.attest import attest, attestation_paths, verify_attestation, verify_attestations
from secpipe.system.tree import open_tree, walk
from tests.unit.sign.world import NOW, World, make_identity, make_trust, rules

PASSED = json.dumps({"result": "PASSED", "configuration": [{"name": "bias-suite"}]}).encode()
PROVENANCE = json.dumps(
    {"buildDefinition": {"buildType": "x"}, "runDetails": {"builder": {"id": "https://ci.acme.example/builder"}}}
).encode()


def attested(world: World, body: bytes = PASSED, purpose: str = "test-result", **options: Any) -> World:
    options = {"now": NOW, "kind": "bias"} | options
    key = world.key
    attest(world.path, open_tree(world.path), body, key.signers, key.version, purpose=purpose, **options)
    return world


def judged(world: World, kind: str = "bias", trust: Any = None, **options: Any) -> Evidence:
    options.setdefault("now", NOW)
    return verify_attestation(world.path, open_tree(world.path), trust or world.trust, kind, **options)


def test_a_test_result_verifies_and_bears_its_date(world: World) -> None:
    evidence = judged(attested(world))
    assert evidence.state is State.OK
    assert evidence.check == "attestation:bias"
    assert evidence.since == NOW
    assert evidence.facts["result"] == "PASSED"
    (found,) = verify_attestations(walk(world.folder), world.trust, now=NOW)
    assert (found.check, found.state, found.since) == ("attestation:bias", State.OK, NOW)


def test_provenance_names_its_builder(world: World) -> None:
    attested(world, PROVENANCE, "provenance", kind="")
    assert judged(world, "provenance").facts["builder"] == "https://ci.acme.example/builder"


def test_an_attestation_stands_beside_a_directory_never_inside(make_world: Any) -> None:
    world = attested(make_world("directory").sign())
    assert all(path.parent == world.folder for path in attestation_paths(world.path, "bias"))
    assert world.verify().state is State.OK


def test_freshness(world: World) -> None:
    attested(world)
    week = timedelta(days=7)
    assert judged(world, max_age=week, now=NOW + timedelta(days=6)).state is State.OK
    assert judged(world, max_age=week, now=NOW + timedelta(days=8)).state is State.STALE


def test_an_attestation_from_the_future_is_refused(world: World) -> None:
    attested(world)
    assert rules(judged(world, now=NOW - timedelta(days=1))) == {"replayed"}


@pytest.mark.parametrize("result", ["FAILED", "failed", "", "PASSED "])
def test_a_failed_result_is_not_green(world: World, result: str) -> None:
    attested(world, json.dumps({"result": result, "configuration": []}).encode())
    assert judged(world).state is State.FAILED


@pytest.mark.parametrize("result", ["PASSED", "WARNED", ["PASSED"], None])
def test_a_pass_that_names_failed_tests_contradicts_itself_and_is_failed(world: World, result: object) -> None:
    attested(world, json.dumps({"result": result, "configuration": [], "failedTests": ["t1"]}).encode())
    assert judged(world).state is State.FAILED


def test_a_pass_that_names_no_failed_test_is_green(world: World) -> None:
    attested(
        world, json.dumps({"result": "PASSED", "configuration": [], "failedTests": [], "passedTests": ["t1"]}).encode()
    )
    assert judged(world).state is State.OK


def test_another_kind_or_no_attestation(world: World) -> None:
    attested(world)
    assert judged(world, "drift").state is State.SKIPPED
    for old, new in zip(attestation_paths(world.path, "bias"), attestation_paths(world.path, "drift"), strict=True):
        old.rename(new)
    assert rules(judged(world, "drift")) == {"wrong-purpose"}


def test_a_changed_artifact_has_no_attestation(world: World) -> None:
    attested(world)
    target = world.path / "config.json" if world.form == "directory" else world.path
    target.write_text("other")
    assert rules(judged(world)) == {"changed-file"}
    (found,) = verify_attestations(walk(world.folder), world.trust, now=NOW)
    assert found.state is State.FAILED


def test_a_renamed_weight_file_has_no_attestation(make_world: Any) -> None:
    world = attested(make_world("directory"))
    (world.path / "weights" / "b.safetensors").rename(world.path / "weights" / "b_pickle.bin")
    assert rules(judged(world)) == {"changed-file"}


@pytest.mark.parametrize("half", [0, 1])
def test_a_stripped_half(world: World, half: int) -> None:
    attested(world)
    attestation_paths(world.path, "bias")[half].unlink()
    for require in ("classical+pq", "classical", "pq"):
        assert rules(judged(world, require=require)) == {"stripped-half"}


def test_the_signer_needs_the_purpose(world: World) -> None:
    attested(world)
    trust = make_trust(make_identity("builder", world.key, purposes=("model", "file")))
    assert rules(judged(world, trust=trust)) == {"wrong-purpose"}


def test_a_plain_signature_is_no_attestation(make_world: Any) -> None:
    world = make_world("file").sign()
    for source, target in zip((world.classical, world.pq), attestation_paths(world.path, "bias"), strict=True):
        target.write_bytes(source.read_bytes())
    assert rules(judged(world)) == {"wrong-purpose"}


def test_an_attestation_is_no_plain_signature(make_world: Any) -> None:
    world = attested(make_world("file"))
    for source, target in zip(attestation_paths(world.path, "bias"), (world.classical, world.pq), strict=True):
        source.rename(target)
    assert rules(world.verify()) == {"wrong-purpose"}


@pytest.mark.parametrize("body", [b"[]", b"{}", b"null", b'{"result":"PASSED"}', b'{"a":1,"a":2}', b"{"])
def test_a_predicate_must_be_of_its_type(world: World, body: bytes) -> None:
    with pytest.raises(InputError):
        attested(world, body)


@pytest.mark.parametrize("kind", ["../x", "a/b", "A", "a.b", "-", "x" * 65])
def test_a_kind_is_a_plain_word(world: World, kind: str) -> None:
    with pytest.raises(ConfigError):
        attested(world, kind=kind)


def test_an_unvetted_type_is_not_signed(world: World) -> None:
    with pytest.raises(ConfigError, match="unknown purpose"):
        attested(world, purpose="file")


def test_attestations_elsewhere(world: World, tmp_path: Path) -> None:
    folder = tmp_path / "attestations"
    folder.mkdir()
    attested(world, output=folder)
    assert judged(world).state is State.SKIPPED
    assert judged(world, folder=folder).state is State.OK


def test_a_bundle_that_no_reader_opened_is_not_read(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    attested(world.sign())
    tree = walk(world.folder)
    monkeypatch.setattr(verify, "places", lambda *_: ())
    signed = verify.verify_tree(tree, world.trust, now=NOW)
    monkeypatch.setattr(attests, "_judge", lambda kind, *_: Evidence(f"attestation:{kind}", State.OK))
    (found,) = verify_attestations(tree, world.trust, now=NOW)
    for evidence in (signed, found):
        assert evidence.account is not None
        assert evidence.account.not_read == 2
        assert [NOBODY in skip.reason for skip in evidence.skips] == [True]


VULN = json.dumps({"scanner": {"uri": "x"}, "metadata": {}}).encode()
REVIEW = json.dumps({"result": "APPROVED"}).encode()


@pytest.mark.parametrize(("purpose", "body"), [("vuln", VULN), ("provenance", PROVENANCE), ("review", REVIEW)])
def test_a_signer_of_one_purpose_does_not_answer_for_another(world: World, purpose: str, body: bytes) -> None:
    attested(world, body, purpose, kind="bias")
    only = make_trust(make_identity("builder", world.key, purposes=(purpose,)))
    assert rules(judged(world, trust=only)) == {"wrong-purpose"}
    assert rules(judged(world)) == {"wrong-purpose"}, "and who may sign both has not signed this"
    assert judged(world, trust=only, purpose=purpose).state is State.OK, "the verifier may ask for it knowingly"


@pytest.mark.parametrize("kind", ["provenance", "vuln", "review", "cyclonedx"])
def test_a_test_result_is_not_called_what_is_a_purpose(world: World, kind: str) -> None:
    with pytest.raises(ConfigError, match="a purpose of its own"):
        attested(world, kind=kind)


def test_reviews_by_name_are_reviews(world: World) -> None:
    attested(world, REVIEW, "review", kind="review-ann")
    assert judged(world, "review-ann").facts["purpose"] == "review"
