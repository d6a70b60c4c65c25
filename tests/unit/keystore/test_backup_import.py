"""Backup and restore, and keys that others made: OpenSSL's PEM, cosign's encrypted form."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from secpipe.core.errors import InputError
from secpipe.keys.schemes import scheme
from secpipe.keystore import secretbox
from secpipe.keystore.backup import backup, restore
from secpipe.keystore.importing import import_key
from secpipe.keystore.trusted import open_trust
from secpipe.keystore.unlock import open_signers
from tests import skips

# By PyNaCl 1.6: SecretBox(bytes(range(32))).encrypt(bytes(i * 7 % 256 for i in range(300)), bytes(range(100, 124)))
BOX = bytes.fromhex(
    "bf76040b827da02a60a4b7ae599d9c7302be97dc2695e4d888c265d963dfc1714edd46226835d1ba0ea3f429ce401b5148881aedb33491f5ed09"
    "314f34289f2c91c7f07d7ef543de8b6ec5997f192cdd834c82b814dfa27b417019ff54d8cfba64a0b342ebac2163faf4ff5afc6d775f5a6e47ce"
    "531af016dba4996648a797316838886ffb187a4808c358fe807aa4453e87838dab6db7b8f59cedf5091202bc93dc081a2134683d8326914f2273"
    "9ba9e118455da15259f60a7f458bed03202e2c7528f81512dd1b4d743a9e60722c79f02acc1893cd46a51c0572a8daa7f844c986cab31c8e2ff1"
    "31b763d46580e6893297b28a8b8ea74cc343987e2286ee099ac04aa5aa40ae5b9576064c13bb4d5b7da75c0061de22762fc0a093802c5e2e081d"
    "2c90e8413803e11b4aac3df2ad13b9d6fa5b0079cda8eefcb993"
)
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


def test_secretbox_known_answer():
    message = bytes(i * 7 % 256 for i in range(300))
    assert secretbox.open_box(bytes(range(32)), bytes(range(100, 124)), BOX) == message
    assert secretbox.open_box(bytes(range(1, 33)), bytes(range(100, 124)), BOX) is None
    assert secretbox.open_box(bytes(range(32)), bytes(range(100, 124)), BOX[:-1]) is None


def cosign_key(password=b"pw", n=1024, key=None):
    """A key as cosign writes it; a stream cipher seals as it opens, so the reader (known answer above) seals."""
    der = (key or ec.generate_private_key(ec.SECP256R1())).private_bytes(DER, PKCS8, PLAIN)
    salt, nonce = b"s" * 32, b"n" * 24
    secret = Scrypt(salt, 32, n, 8, 1).derive(password)
    stream = keystream(secret, nonce, len(der))
    from cryptography.hazmat.primitives.poly1305 import Poly1305

    sealed = bytes(a ^ b for a, b in zip(der, stream[32:], strict=False))
    return {
        "kdf": {"name": "scrypt", "params": {"N": n, "r": 8, "p": 1}, "salt": base64.b64encode(salt).decode()},
        "cipher": {"name": "nacl/secretbox", "nonce": base64.b64encode(nonce).decode()},
        "ciphertext": base64.b64encode(Poly1305.generate_tag(stream[:32], sealed) + sealed).decode(),
    }


def keystream(key, nonce, size):
    import struct

    from secpipe.keystore.secretbox import _block, _rounds, _salsa20

    words = _rounds(_block(struct.unpack("<8I", key), struct.unpack("<4I", nonce[:16])))
    subkey = tuple(words[index] for index in (0, 5, 10, 15, 6, 7, 8, 9))
    tail = struct.unpack("<2I", nonce[16:])
    return b"".join(_salsa20(subkey, (*tail, number, 0)) for number in range((size + 95) // 64))


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
