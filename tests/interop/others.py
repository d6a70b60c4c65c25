"""The other side's real programs, and one function for each thing they sign or verify. Judged by exit code only.

Found on PATH or through SECPIPE_COSIGN, SECPIPE_MODEL_SIGNING and SECPIPE_OPENSSL (a version that knows ML-DSA).
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

from secpipe.sign import bundle as bundles
from secpipe.sign.envelope import pae

PROGRAMS = {"cosign": "SECPIPE_COSIGN", "model_signing": "SECPIPE_MODEL_SIGNING", "openssl": "SECPIPE_OPENSSL"}


@cache
def find(name: str) -> str | None:
    """Return the program, or None where it cannot be had (or, for openssl, where it has no ML-DSA)."""
    newer = "openssl-3.5" if name == "openssl" else name  # as `make tools` calls it, beside the system's own
    program = os.environ.get(PROGRAMS[name]) or shutil.which(newer) or shutil.which(name)
    if program and name == "openssl":
        text = subprocess.run([program, "version"], capture_output=True, text=True).stdout
        version = re.match(r"OpenSSL (\d+)\.(\d+)", text)
        if version is None or (int(version[1]), int(version[2])) < (3, 5):
            return None
    return program


def why_not(name: str) -> str:
    """Return what to say where a program is missing."""
    needs = " (3.5 or newer)" if name == "openssl" else ""
    return f"{name}{needs} is not here: put it on PATH or set {PROGRAMS[name]}"


def run(name: str, *arguments: str | Path, cwd: Path) -> bool:
    """Return whether the program ended with 0, offline and with an empty home."""
    program = find(name)
    if program is None:
        raise FileNotFoundError(why_not(name))
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(cwd), "COSIGN_PASSWORD": "x", "LC_ALL": "C.UTF-8"}
    done = subprocess.run([program, *map(str, arguments)], cwd=cwd, env=environment, capture_output=True, timeout=120)
    return done.returncode == 0


def cosign_verifies(bundle: Path, public_pem: str, cwd: Path, digest: str = "") -> bool:
    """`cosign verify-blob-attestation` of a DSSE bundle over a subject digest (by default the signed one)."""
    (cwd / "key.pub").write_text(public_pem)
    statement = json.loads(base64.b64decode(json.loads(bundle.read_bytes())["dsseEnvelope"]["payload"]))
    digest = digest or statement["subject"][0]["digest"]["sha256"]
    return run(
        "cosign", "verify-blob-attestation", "--key", cwd / "key.pub", "--bundle", bundle, "--insecure-ignore-tlog",
        "--digest", digest, "--digestAlg", "sha256", "--type", statement["predicateType"], cwd=cwd,
    )  # fmt: skip


def model_signing_verifies(model: Path, public_pem: str, cwd: Path) -> bool:
    """`model_signing verify key` of a model directory with its `model.sig`."""
    (cwd / "key.pub").write_text(public_pem)
    return run(
        "model_signing", "verify", "key", model, "--signature", model / "model.sig", "--public_key", cwd / "key.pub",
        cwd=cwd,
    )  # fmt: skip


def openssl_verifies(bundle: Path, public_pem: str, cwd: Path) -> bool:
    """`openssl pkeyutl -verify` of one half: its raw signature over the DSSE encoding of the payload."""
    half = bundles.decode(bundle.read_bytes(), bundle.name)
    for name, data in (("message", pae(half.payload)), ("signature", half.signature), ("key.pub", public_pem.encode())):
        (cwd / name).write_bytes(data)
    return run(
        "openssl", "pkeyutl", "-verify", "-pubin", "-inkey", cwd / "key.pub", "-rawin", "-in", cwd / "message",
        "-sigfile", cwd / "signature", cwd=cwd,
    )  # fmt: skip


def model_signing_signs(model: Path, cwd: Path) -> bytes:
    """Sign a model directory with a new P-256 key by `model_signing`; return the public PEM."""
    private, public = new_key()
    (cwd / "ms.key").write_bytes(private)
    key = ("--signature", model / "model.sig", "--private_key", cwd / "ms.key")
    if not run("model_signing", "sign", "key", model, *key, cwd=cwd):
        raise RuntimeError("model_signing did not sign")
    return public


def cosign_signs(file: Path, bundle: Path, cwd: Path, *, attest: bool) -> bytes:
    """Sign a file (or attest a test result about it) with a new cosign key; return the public PEM."""
    if not (cwd / "ck.key").exists():
        run("cosign", "generate-key-pair", "--output-key-prefix", "ck", cwd=cwd)
    run("cosign", "signing-config", "create", "--out", cwd / "sc.json", cwd=cwd)
    (cwd / "predicate.json").write_text('{"result": "PASSED", "configuration": []}')
    common = ["--yes", "--key", cwd / "ck.key", "--signing-config", cwd / "sc.json", "--bundle", bundle]
    if attest:
        kind = "https://in-toto.io/attestation/test-result/v0.1"
        done = run(
            "cosign", "attest-blob", *common, "--type", kind, "--predicate", cwd / "predicate.json", file, cwd=cwd
        )
    else:
        done = run("cosign", "sign-blob", *common, file, cwd=cwd)
    if not done:
        raise RuntimeError("cosign did not sign")
    return (cwd / "ck.pub").read_bytes()


def cosign_verifies_image(image: str, public_pem: bytes, cwd: Path) -> bool:
    """`cosign verify` of an image in a registry."""
    (cwd / "image.pub").write_bytes(public_pem)
    plain = image.removeprefix("oci://")
    return run("cosign", "verify", "--insecure-ignore-tlog", "--key", cwd / "image.pub", plain, cwd=cwd)


def cosign_signs_image(image: str, cwd: Path) -> bytes:
    """Sign an image by a new cosign key; return the public PEM."""
    run("cosign", "generate-key-pair", "--output-key-prefix", "ck", cwd=cwd)
    run("cosign", "signing-config", "create", "--out", "sc.json", cwd=cwd)
    plain = image.removeprefix("oci://")
    if not run("cosign", "sign", "--yes", "--key", "ck.key", "--signing-config", "sc.json", plain, cwd=cwd):
        raise RuntimeError("cosign did not sign")
    return (cwd / "ck.pub").read_bytes()


def new_key() -> tuple[bytes, bytes]:
    """Return a P-256 key as PEM: private (unencrypted PKCS#8), public."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    return private, key.public_key().public_bytes(serialization.Encoding.PEM, spki)
