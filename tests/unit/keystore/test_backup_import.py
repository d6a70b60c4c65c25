"""Backup and restore, and keys that others made: OpenSSL's PEM, cosign's encrypted form."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from secpipe.core.errors import InputError, MissingDependency
from secpipe.keys.schemes import scheme
from secpipe.keystore.backup import backup, restore
from secpipe.keystore.importing import import_key
from secpipe.keystore.trusted import open_trust
from secpipe.keystore.unlock import open_signers
from tests import skips
from tests.unit.keystore.conftest import PASSPHRASE

DER, PKCS8, PLAIN = (
    serialization.Encoding.DER,
    serialization.PrivateFormat.PKCS8,
    serialization.NoEncryption(),
)
PEM = serialization.Encoding.PEM


def no_passphrase():
    raise AssertionError("asked for a passphrase")


def test_a_backup_brings_everything_back(project, passphrase, now, tmp_path):
    count = backup(project.home, tmp_path / "backup.age", b"other")
    shutil.rmtree(project.home)
    assert restore(project.home, tmp_path / "backup.age", b"other") == count == 4
    trust = open_trust(project.keys, now=now)
    open_signers("builder", trust=trust, home=project.home, passphrase=passphrase, now=now)
    assert restore(project.home, tmp_path / "backup.age", b"other") == 4  # again: the same, nothing to do
    with pytest.raises(InputError, match="exists already"):
        backup(project.home, tmp_path / "backup.age", b"other")


def test_a_backup_that_does_not_open_changes_nothing(project, tmp_path):
    backup(project.home, tmp_path / "backup.age", b"other")
    data = (tmp_path / "backup.age").read_bytes()
    (tmp_path / "cut.age").write_bytes(data[:-5])
    for name, secret in (("backup.age", b"wrong"), ("cut.age", b"other")):
        with pytest.raises(InputError):
            restore(tmp_path / "elsewhere", tmp_path / name, secret)
    assert not (tmp_path / "elsewhere").exists()
    with pytest.raises(InputError, match="no private key"):
        backup(tmp_path / "empty", tmp_path / "none.age", b"x")


def test_a_different_key_of_the_same_name_is_not_overwritten(project, tmp_path):
    backup(project.home, tmp_path / "backup.age", b"other")
    path = next((project.home / "keys").glob("*.age"))
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(InputError, match="differs"):
        restore(project.home, tmp_path / "backup.age", b"other")


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (ec.generate_private_key(ec.SECP256R1()), "ecdsa-p256"),
        (ec.generate_private_key(ec.SECP384R1()), "ecdsa-p384"),
        (ed25519.Ed25519PrivateKey.generate(), "ed25519"),
    ],
)
def test_pem_plain_and_encrypted(key, algorithm):
    plain = import_key(key.private_bytes(PEM, PKCS8, PLAIN), no_passphrase)
    sealed = key.private_bytes(PEM, PKCS8, serialization.BestAvailableEncryption(b"pw"))
    assert import_key(sealed, lambda: b"pw").pkcs8 == plain.pkcs8
    assert plain.algorithm == algorithm
    assert "PRIVATE" not in repr(plain)
    with pytest.raises(InputError, match="wrong passphrase"):
        import_key(sealed, lambda: b"no")


def test_other_keys_are_refused_with_a_reason():
    weak = rsa.generate_private_key(65537, 2048)
    for text, message in (
        (weak.private_bytes(PEM, PKCS8, PLAIN), "does not use"),
        (ec.generate_private_key(ec.SECP521R1()).private_bytes(PEM, PKCS8, PLAIN), "does not use"),
        (b"-----BEGIN OPENSSH PRIVATE" + b" KEY-----\nAAAA\n-----END OPENSSH PRIVATE" + b" KEY-----\n", "OpenSSH"),
        (b"hello", "not one PEM block"),
    ):
        with pytest.raises(InputError, match=message):
            import_key(text, no_passphrase)


def test_openssl_ec_key_of_the_old_form():
    key = ec.generate_private_key(ec.SECP256R1())
    text = key.private_bytes(PEM, serialization.PrivateFormat.TraditionalOpenSSL, PLAIN)
    assert import_key(text, no_passphrase).algorithm == "ecdsa-p256"


def cosign_key(password=b"pw", n=1024, key=None):
    """A key as cosign writes it."""
    nacl = skips.module("nacl.secret")
    der = (key or ec.generate_private_key(ec.SECP256R1())).private_bytes(DER, PKCS8, PLAIN)
    salt, nonce = b"s" * 32, b"n" * 24
    secret = Scrypt(salt, 32, n, 8, 1).derive(password)
    sealed = nacl.SecretBox(secret).encrypt(der, nonce).ciphertext
    return {
        "kdf": {"name": "scrypt", "params": {"N": n, "r": 8, "p": 1}, "salt": base64.b64encode(salt).decode()},
        "cipher": {"name": "nacl/secretbox", "nonce": base64.b64encode(nonce).decode()},
        "ciphertext": base64.b64encode(sealed).decode(),
    }


def wrap(box, label="SIGSTORE"):
    body = base64.b64encode(json.dumps(box).encode()).decode()
    name = f"ENCRYPTED {label} PRIVATE" + " KEY"
    return f"-----BEGIN {name}-----\n{body}\n-----END {name}-----\n".encode()


@pytest.mark.parametrize("label", ["SIGSTORE", "COSIGN"])
def test_cosign_keys(label):
    text = wrap(cosign_key(), label)
    assert import_key(text, lambda: b"pw").algorithm == "ecdsa-p256"
    with pytest.raises(InputError, match="wrong password"):
        import_key(text, lambda: b"no")


def test_a_cosign_key_without_pynacl_says_what_to_install(monkeypatch):
    text = wrap(cosign_key())
    monkeypatch.setitem(sys.modules, "nacl.secret", None)
    with pytest.raises(MissingDependency, match="pynacl") as caught:
        import_key(text, lambda: b"pw")
    assert "secpipe[cosign]" in caught.value.hint


@pytest.mark.parametrize(
    "change",
    [
        lambda box: box["kdf"]["params"].update(N=1 << 40),
        lambda box: box["kdf"]["params"].update(N=1000),
        lambda box: box["kdf"]["params"].update(r="8"),
        lambda box: box["kdf"].update(name="pbkdf2"),
        lambda box: box["cipher"].update(nonce="AAAA"),
        lambda box: box.update(ciphertext="AAAA"),
        lambda box: box.pop("cipher"),
        lambda box: box.update(kdf=[]),
    ],
)
def test_hostile_cosign_keys(change):
    box = cosign_key()
    change(box)
    with pytest.raises(InputError):
        import_key(wrap(box), lambda: b"pw")


@pytest.mark.interop
def test_openssl_reads_what_age_holds(project, passphrase, now):
    """The plaintext of a key file is PEM that the openssl program reads."""
    if shutil.which("openssl") is None:
        skips.missing("openssl is not here")
    from secpipe.keystore import age

    trust = open_trust(project.keys, now=now)
    path = project.home / "keys" / f"{trust.identities[0].versions[0].id}.age"
    text = age.unseal(path.read_bytes(), passphrase(), "x")
    done = subprocess.run(["openssl", "pkey", "-pubout"], input=text, capture_output=True)
    assert done.stdout.decode() == trust.identities[0].versions[0].halves[0].pem
    assert scheme.get("ecdsa-p256")


def test_an_imported_key_has_a_passphrase_of_its_own(project, tmp_path, monkeypatch, capfd):
    from secpipe.cli.main import run

    monkeypatch.setenv("SECPIPE_HOME", str(project.home))
    monkeypatch.setenv("PW", PASSPHRASE.decode())
    monkeypatch.setenv("COSIGN_PW", "pw")
    (tmp_path / "cosign.key").write_bytes(wrap(cosign_key()))
    (tmp_path / "cosign.key").chmod(0o600)
    words = ["keys", "add-identity", "old", "--purpose", "file", "--trust", str(project.keys), "--import"]
    words += [str(tmp_path / "cosign.key"), "--passphrase-file", "env:PW"]
    assert run(words) == 3
    assert "--import-passphrase-file" in capfd.readouterr().err
    assert run([*words, "--import-passphrase-file", "env:COSIGN_PW"]) == 0
