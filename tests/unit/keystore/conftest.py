"""Keys for tests: real age files with a tiny scrypt work factor, so that unlocking costs milliseconds."""

from __future__ import annotations

import base64
import hmac
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from secpipe.core.trust import Authority
from secpipe.keystore import age
from secpipe.keystore.create import Plan, create
from secpipe.keystore.custody import file as file_custody

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
PASSPHRASE = b"correct horse"


def _b64(data: bytes) -> bytes:
    return base64.b64encode(data).rstrip(b"=")


def _hkdf(key: bytes, salt: bytes, info: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt, info).derive(key)


def quick_seal(plaintext: bytes, passphrase: bytes, log_n: int = 2, *, work: int = 0) -> bytes:
    """Write an age v1 file (C2SP age) by hand, as cheap as can be, whatever `work` is asked for."""
    file_key, salt, nonce = os.urandom(16), os.urandom(16), os.urandom(16)
    wrap = Scrypt(b"age-encryption.org/v1/scrypt" + salt, 32, 2**log_n, 8, 1).derive(passphrase)
    body = ChaCha20Poly1305(wrap).encrypt(bytes(12), file_key, None)
    stanza = b"-> scrypt " + _b64(salt) + f" {log_n}\n".encode() + _b64(body)
    header = b"age-encryption.org/v1\n" + stanza + b"\n---"
    mac = hmac.digest(_hkdf(file_key, b"", b"header"), header, "sha256")
    sealed = ChaCha20Poly1305(_hkdf(file_key, nonce, b"payload")).encrypt(bytes(11) + b"\1", plaintext, None)
    return header + b" " + _b64(mac) + b"\n" + nonce + sealed


@dataclass(frozen=True)
class Project:
    """A folder of public keys and a home of private ones."""

    keys: Path
    home: Path
    pin: str


@pytest.fixture(autouse=True)
def quick_age(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(age, "seal", quick_seal)
    file_custody.forget()


@pytest.fixture
def plan() -> Plan:
    return Plan(
        holder="alice",
        identities={"builder": Authority(("model", "file")), "verdict": Authority(("verdict",))},
        root_pair=("ed25519", "ml-dsa-65"),
        pair=("ecdsa-p256", "ml-dsa-65"),
        period=timedelta(days=90),
        overlap=timedelta(days=14),
        root_days=3652,
        ring_days=400,
    )


@pytest.fixture(scope="session")
def _template(tmp_path_factory: pytest.TempPathFactory) -> Project:
    base = tmp_path_factory.mktemp("trust")
    made = Plan(
        "alice",
        {"builder": Authority(("model", "file")), "verdict": Authority(("verdict",))},
        ("ed25519", "ml-dsa-65"),
        ("ecdsa-p256", "ml-dsa-65"),
        timedelta(days=90),
        timedelta(days=14),
        3652,
        400,
    )
    before = age.seal
    age.seal = quick_seal
    try:
        pin = create(base / "keys", base / "home", made, PASSPHRASE, NOW, lambda text: None)
    finally:
        age.seal = before
    return Project(base / "keys", base / "home", pin)


@pytest.fixture
def project(_template: Project, tmp_path: Path) -> Project:
    """A fresh copy of one trust root: alice alone, identities builder and verdict, made at NOW."""
    for name in ("keys", "home"):
        shutil.copytree(getattr(_template, name), tmp_path / name)
    return replace(_template, keys=tmp_path / "keys", home=tmp_path / "home")


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def passphrase() -> Callable[[], bytes]:
    return lambda: PASSPHRASE
