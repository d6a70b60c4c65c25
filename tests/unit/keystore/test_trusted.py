"""`open_trust`: what holds, and every way in which it must not."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa

from secpipe.core.errors import ConfigError, InputError, TrustError
from secpipe.core.trust import KeyState
from secpipe.keys.schemes import scheme
from secpipe.keystore.create import create
from secpipe.keystore.trusted import open_trust, vouching
from secpipe.keystore.unlock import open_signers


def test_a_fresh_folder_holds(project, now):
    trust = open_trust(project.keys, now=now)
    assert [identity.name for identity in trust.identities] == ["builder", "verdict"]
    assert trust.pinned is False
    assert trust.pins == (project.pin,) == (trust.root_digest,)
    assert trust.identities[0].versions[0].state(now) is KeyState.ACTIVE


def test_it_says_which_algorithms_vouch_for_the_ring(project, now):
    assert open_trust(project.keys, now=now).root_algorithms == ("ed25519", "ml-dsa-65")


def test_roots_before_the_pinned_one_vouch_for_nothing():
    def quorum(*algorithms):
        return SimpleNamespace(keys=[SimpleNamespace(public=SimpleNamespace(algorithm=name)) for name in algorithms])

    def root(digest, *algorithms):
        return SimpleNamespace(
            envelope=SimpleNamespace(digest=digest), quorum=quorum(*algorithms), ring_quorum=quorum(*algorithms)
        )

    roots = [root("a" * 64, "ed25519", "ml-dsa-65"), root("b" * 64, "ecdsa-p384", "ml-dsa-87")]
    ring = SimpleNamespace(delegation=SimpleNamespace(quorum=quorum("ml-dsa-44")))
    assert vouching(roots, ring, "sha256:" + "B" * 64) == ("ecdsa-p384", "ml-dsa-44", "ml-dsa-87")
    for pin in ("", "a" * 64):
        assert vouching(roots, ring, pin) == ("ecdsa-p384", "ed25519", "ml-dsa-44", "ml-dsa-65", "ml-dsa-87")


def test_pins(project, now):
    assert open_trust(project.keys, pin=f"sha256:{project.pin}", now=now).pinned
    assert open_trust(project.keys, pin=project.pin.upper(), now=now).pinned
    with pytest.raises(TrustError, match="matches the pin"):
        open_trust(project.keys, pin="0" * 64, now=now)
    with pytest.raises(InputError, match="64 hex"):
        open_trust(project.keys, pin="sha256:abc", now=now)


def test_time_is_judged(project, now):
    with pytest.raises(TrustError, match="after now"):
        open_trust(project.keys, now=now - timedelta(hours=1))
    assert open_trust(project.keys, now=now + timedelta(days=400))
    with pytest.raises(TrustError, match="keyring expired"):
        open_trust(project.keys, now=now + timedelta(days=401))


def test_signers_sign_what_the_ring_verifies(project, now, passphrase):
    trust = open_trust(project.keys, now=now)
    for known in (trust, None):
        version, signers = open_signers("builder", trust=known, home=project.home, passphrase=passphrase, now=now)
        assert [signer.algorithm for signer in signers] == ["ecdsa-p256", "ml-dsa-65"]
        for signer, half in zip(signers, version.halves, strict=True):
            assert signer.keyid == half.keyid
            assert trust.find(signer.keyid)[0].name == "builder"
            scheme.get(half.algorithm).verify(half.pem, signer.sign(b"payload"), b"payload")


def edit(path: Path, change) -> None:
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


EDITS = {
    "expiry": lambda d: d["signed"].update(expires="2040-01-01T00:00:00Z"),
    "version": lambda d: d["signed"].update(version=2),
    "people": lambda d: d["signed"]["roles"]["root"].update(threshold=4),
    "unsigned": lambda d: d.update(signatures=[]),
    "half the signatures": lambda d: d.update(signatures=d["signatures"][:1]),
    "other half": lambda d: d.update(signatures=d["signatures"][1:]),
    "zeroed": lambda d: d["signatures"][1].update(sig="00" * (len(d["signatures"][1]["sig"]) // 2)),
    "swapped": lambda d: (
        d["signatures"][0].update(keyid=d["signatures"][1]["keyid"]) or d["signatures"][1].update(keyid="x")
    ),
    "twice": lambda d: d["signatures"].append(d["signatures"][0]),
    "issued": lambda d: d["signed"]["x-secpipe"].update(issued="2020-01-01T00:00:00Z"),
    "type": lambda d: d["signed"].update(_type="snapshot"),
}


@pytest.mark.parametrize("name", EDITS)
@pytest.mark.parametrize("file", ["root/1.root.json", "ring/1.targets.json"])
def test_an_edited_file_is_refused(project, now, file, name):
    if name == "people":
        file = "root/1.root.json"  # the ring has no people of its own
    edit(project.keys / file, EDITS[name])
    with pytest.raises((TrustError, InputError)):
        open_trust(project.keys, now=now)


def test_an_edited_identity_is_refused(project, now):
    path = next((project.keys / "targets").glob("*.builder.json"))
    edit(path, lambda d: d["authority"].update(purposes=["model", "sbom"]))
    with pytest.raises(TrustError, match="not the file that was signed"):
        open_trust(project.keys, now=now)


def test_missing_pieces_are_errors(project, now, tmp_path):
    with pytest.raises(InputError, match="cannot read"):
        open_trust(tmp_path / "nothing", now=now)
    for path in ("root/1.root.json", "ring/1.targets.json"):
        copy = tmp_path / path.replace("/", "-")
        shutil.copytree(project.keys, copy)
        (copy / path).unlink()
        with pytest.raises(InputError):
            open_trust(copy, now=now)


def test_a_gap_in_the_roots_is_refused(project, now):
    shutil.copy(project.keys / "root/1.root.json", project.keys / "root/3.root.json")
    with pytest.raises(TrustError, match="gap"):
        open_trust(project.keys, now=now)


def test_two_files_of_one_version_are_a_fork(project, now):
    shutil.copy(project.keys / "ring/1.targets.json", project.keys / "ring/1.rotation.json")
    with pytest.raises(TrustError, match="forked"):
        open_trust(project.keys, now=now)


@pytest.mark.parametrize(
    "text",
    [
        b"-----BEGIN PRIVATE" + b" KEY-----\n",
        b"age-encryption" + b".org/v1\n",
        b"-----BEGIN ENCRYPTED PRIVATE" + b" KEY-----",
    ],
)
@pytest.mark.parametrize("where", ["root/a.pem", "b.txt", "targets/deep/er/c"])
def test_a_private_key_in_the_folder_is_refused(project, now, text, where):
    (project.keys / where).parent.mkdir(parents=True, exist_ok=True)
    (project.keys / where).write_bytes(b"x" * 2000 + text)
    with pytest.raises(TrustError, match="private key"):
        open_trust(project.keys, now=now)


@pytest.mark.parametrize(
    "key",
    [ed25519.Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP384R1()), mldsa.MLDSA65PrivateKey.generate()],
)
@pytest.mark.parametrize("sealed", [False, True])
def test_a_private_key_in_der_is_refused(project, now, key, sealed):
    serial = serialization.BestAvailableEncryption(b"x") if sealed else serialization.NoEncryption()
    data = key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serial)
    (project.keys / "k.der").write_bytes(data)
    with pytest.raises(TrustError, match="private key"):
        open_trust(project.keys, now=now)
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    (project.keys / "k.der").write_bytes(public)
    assert open_trust(project.keys, now=now)


def test_links_are_not_followed(project, now, tmp_path):
    root = project.keys / "root/1.root.json"
    root.rename(tmp_path / "elsewhere.json")
    root.symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(InputError):
        open_trust(project.keys, now=now)


def test_a_second_init_refuses_and_changes_nothing(project, now, plan):
    before = sorted(path.name for path in project.home.rglob("*"))
    with pytest.raises(InputError, match="already"):
        create(project.keys, project.home, plan, b"x", now, lambda text: None)
    assert sorted(path.name for path in project.home.rglob("*")) == before


def test_private_keys_are_not_made_inside_the_public_folder(tmp_path, now, plan):
    with pytest.raises(ConfigError, match="inside the folder of public keys"):
        create(tmp_path / "keys", tmp_path / "keys/home", plan, b"x", now, lambda text: None)
    assert not (tmp_path / "keys").exists()


def test_an_init_that_was_interrupted_is_done_again(tmp_path, now, plan, monkeypatch):
    """Killed at any write: no root, so no trust; the next run makes all of it."""
    from secpipe.system import files

    real, count = files.write_atomic, 0
    for stop in range(1, 40):
        where = tmp_path / str(stop)
        count = 0

        def write(path, data, stop=stop, **options):
            nonlocal count
            count += 1
            if count == stop:
                raise KeyboardInterrupt
            real(path, data, **options)

        monkeypatch.setattr(files, "write_atomic", write)
        try:
            create(where / "keys", where / "home", plan, b"x", now, lambda text: None)
        except KeyboardInterrupt:
            monkeypatch.setattr(files, "write_atomic", real)
            if not (where / "keys/root/1.root.json").exists():
                with pytest.raises(InputError):
                    open_trust(where / "keys", now=now)
                create(where / "keys", where / "home", plan, b"x", now, lambda text: None)
        else:
            break
        trust = open_trust(where / "keys", now=now)
        open_signers("builder", trust=trust, home=where / "home", passphrase=lambda: b"x", now=now)
    assert 8 < stop < 39
