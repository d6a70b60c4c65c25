"""Signing and verifying what holds: both forms, both entry points, and what the evidence says."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from secpipe.core.errors import InputError, TrustError
from secpipe.core.evidence import State
from tests.unit.sign.world import NOW, World, make_key, make_trust, rules


def test_what_was_signed_verifies(world: World) -> None:
    world.sign()
    for evidence in world.both():
        assert evidence.state is State.OK, evidence.reason
        assert not evidence.findings
        (artifact,) = evidence.facts["artifacts"]
        assert artifact["identity"] == "builder"
        assert artifact["halves"] == ["ecdsa-p256", "ml-dsa-65"]
        assert artifact["verified"]
        assert artifact["require_met"]


def test_the_cnsa2_pair_verifies(world: World) -> None:
    key = make_key(pair="cnsa2")
    trust = make_trust(
        *make_trust(world.identity).identities, type(world.identity)("strong", world.identity.authority, (key.version,))
    )
    world.sign(key)
    evidence = world.verify(trust)
    assert evidence.state is State.OK
    assert evidence.facts["artifacts"][0]["halves"] == ["ecdsa-p384", "ml-dsa-87"]


def test_every_file_and_no_sidecar_is_covered(make_world: Any) -> None:
    world = make_world("directory").sign()
    _, evidence = world.both()
    assert set(evidence.facts["covered"]) == {
        "tiny-model/config.json", "tiny-model/empty.txt",
        "tiny-model/weights/a.safetensors", "tiny-model/weights/b.safetensors",
    }  # fmt: skip


def test_both_halves_sign_the_same_bytes(world: World) -> None:
    world.sign()
    payloads = {json.loads(path.read_bytes())["dsseEnvelope"]["payload"] for path in (world.classical, world.pq)}
    assert len(payloads) == 1


def test_signing_twice_gives_the_same_payload(world: World) -> None:
    first = world.sign().classical.read_bytes()
    second = world.sign().classical.read_bytes()
    assert json.loads(first)["dsseEnvelope"]["payload"] == json.loads(second)["dsseEnvelope"]["payload"]
    assert world.verify().state is State.OK


def test_coreutils_reproduce_the_directory_digest(make_world: Any) -> None:
    world = make_world("directory")
    (world.path / "weights" / "name with space é.bin").write_bytes(b"x")
    pipeline = (
        "find . -type f -print0 | cut -z -c3- | LC_ALL=C sort -z | xargs -0 -r sha256sum | sha256sum | cut -f1 -d' '"
    )
    done = subprocess.run(["sh", "-c", pipeline], cwd=world.path, capture_output=True, text=True)
    evidence = world.sign().verify()
    assert evidence.facts["artifacts"][0]["digest"] == done.stdout.strip()


def test_a_moved_model_bears_another_name_only_where_the_caller_says_so(make_world: Any, tmp_path: Path) -> None:
    world = make_world("directory").sign()
    world.path = world.path.rename(world.folder / "current")
    assert rules(world.verify()) == {"replayed"}
    assert world.verify(name="tiny-model").state is State.OK
    evidence = world.verify_tree()
    assert evidence.state is State.OK
    assert rules(evidence) == {"renamed"}


def test_a_tree_without_bundles_is_ok_and_covers_nothing(world: World) -> None:
    evidence = world.verify_tree()
    assert evidence.state is State.OK
    assert evidence.facts == {"artifacts": [], "covered": {}, "pinned": True}
    assert world.verify().state is State.FAILED


def test_bundles_elsewhere(world: World, tmp_path: Path) -> None:
    folder = tmp_path / "signatures"
    folder.mkdir()
    world.sign(output=folder)
    assert not world.classical.exists()
    assert world.verify(signatures=folder).state is State.OK
    assert world.verify().state is State.FAILED


def test_a_version_can_be_pinned(world: World) -> None:
    world.sign(artifact_version="1.4.0")
    assert world.verify(min_version="1.4").state is State.OK
    assert world.verify(min_version="1.3.9").facts["artifacts"][0]["version"] == "1.4.0"


@pytest.mark.parametrize("name", ["x.sig", "x.pqc.sig", "model.sig", "x.SIG", "model", "x.sig.tlog-proof"])
def test_reserved_names_are_refused(make_world: Any, name: str) -> None:
    world = make_world("file")
    world.path = world.path.rename(world.folder / name)
    with pytest.raises(InputError, match="reserved"):
        world.sign()


def test_a_bundle_of_another_subject_is_never_overwritten(world: World) -> None:
    world.sign()
    before = world.classical.read_bytes()
    with pytest.raises(InputError, match="another subject"):
        world.sign(name="something-else")
    assert world.classical.read_bytes() == before
    world.classical.write_bytes(b"-----BEGIN PGP SIGNATURE-----")
    with pytest.raises(InputError, match="not a bundle of ours"):
        world.sign()


def test_links_and_unreadable_names_are_not_signed(make_world: Any) -> None:
    world = make_world("directory")
    (world.path / "link").symlink_to("config.json")
    with pytest.raises(InputError, match="symbolic link"):
        world.sign()
    (world.path / "link").unlink()
    (world.path / "two\nlines").write_text("")
    with pytest.raises(InputError, match="not a name"):
        world.sign()


def test_names_that_differ_only_in_unicode_form_are_not_signed(make_world: Any) -> None:
    world = make_world("directory")
    (world.path / "caf\u00e9.txt").write_text("1")
    (world.path / "cafe\u0301.txt").write_text("2")
    with pytest.raises(InputError, match="Unicode"):
        world.sign()


def test_only_an_active_key_signs(world: World) -> None:
    for dates in ({"not_before": NOW.replace(year=2027)}, {"sign_until": NOW}, {"compromised_since": NOW}):
        with pytest.raises(TrustError, match="must not sign"):
            world.sign(world.key.dated(**dates))
    assert not world.classical.exists()


def test_the_halves_must_be_those_of_the_version(world: World) -> None:
    mixed = type(world.key)(world.key.version, (world.key.signers[0], world.other.signers[1]))
    with pytest.raises(InputError, match="private halves"):
        world.sign(mixed)


def test_expired_trust_is_stale_not_green(world: World) -> None:
    world.sign()
    trust = make_trust(world.identity, ring_expires=NOW.replace(day=1))
    for evidence in world.both(trust):
        assert evidence.state is State.STALE


@pytest.mark.parametrize(
    "content", [b"-----BEGIN PGP SIGNATURE-----\n", b"untrusted comment: signature", b"\x89\x02\x33" + b"\0" * 70]
)
def test_signatures_of_other_tools_are_named_and_vouch_for_nothing(make_world: Any, content: bytes) -> None:
    world = make_world("file")
    world.classical.write_bytes(content)
    evidence = world.verify_tree()
    assert evidence.state is State.OK
    assert rules(evidence) == {"not-a-bundle"}
    assert not evidence.facts["covered"]


def test_the_statement_is_what_the_spec_says(make_world: Any) -> None:
    world = make_world("directory").sign()
    payload = json.loads(base64.b64decode(json.loads(world.classical.read_bytes())["dsseEnvelope"]["payload"]))
    assert payload["_type"] == "https://in-toto.io/Statement/v1"
    (subject,) = payload["subject"]
    assert set(subject["digest"]) == {"sha256", "dirHash"}
    declared = subject["annotations"]["https://secpipe.dev/hybrid/v1"]
    assert declared["mode"] == "all-of"
    assert [half["alg"] for half in declared["halves"]] == ["ecdsa-p256", "ml-dsa-65"]
    assert payload["predicate"]["serialization"]["ignore_paths"] == [
        "model.pqc.sig",
        "model.sig",
        "model.sig.tlog-proof",
    ]
