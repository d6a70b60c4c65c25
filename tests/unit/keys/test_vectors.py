"""Test vectors that others wrote: every case, through every backend that is present."""

from __future__ import annotations

import base64
import json

import pytest

from secpipe.core.errors import InputError, MissingDependency, SecpipeError, TrustError
from secpipe.keys.schemes import raw, scheme
from secpipe.keys.schemes.pem import unwrap
from secpipe.keys.schemes.pkcs8 import import_pem, import_pkcs8
from tests import skips

VECTORS = skips.vectors()
pytestmark = skips.unless_possible((VECTORS / "wycheproof").is_dir(), "the shared vectors are not here")
KEYS = VECTORS / "mldsa-keys"

WYCHEPROOF = {
    "ed25519_test": ("ed25519", 151),
    "ecdsa_secp256r1_sha256_test": ("ecdsa-p256", 484),
    "ecdsa_secp384r1_sha384_test": ("ecdsa-p384", 504),
    "mldsa_44_verify_test": ("ml-dsa-44", 180),
    "mldsa_65_verify_test": ("ml-dsa-65", 210),
}


def cases(name):
    for group in json.loads((VECTORS / "wycheproof" / f"{name}.json").read_text())["testGroups"]:
        for case in group["tests"]:
            yield group, case


def pem_of(group):
    if "publicKeyPem" in group:
        return group["publicKeyPem"].rstrip("\n") + "\n"
    der = base64.b64encode(bytes.fromhex(group["publicKeyDer"])).decode()
    lines = "\n".join(der[start : start + 64] for start in range(0, len(der), 64))
    return f"-----BEGIN PUBLIC KEY-----\n{lines}\n-----END PUBLIC KEY-----\n"


def holds(verify) -> bool:
    try:
        verify()
    except TrustError:
        return False
    return True


@pytest.mark.parametrize("name", WYCHEPROOF)
def test_wycheproof_by_cryptography(name):
    algorithm, expected = WYCHEPROOF[name]
    found, wrong, count = scheme.get(algorithm), [], 0
    for group, case in cases(name):
        count += 1
        pem, sig, msg = pem_of(group), bytes.fromhex(case["sig"]), bytes.fromhex(case["msg"])
        # Our ML-DSA is pure with an empty context: what is valid under another context must not be valid here.
        valid = case["result"] == "valid" and not case.get("ctx")
        if holds(lambda f=found, p=pem, s=sig, m=msg: f.verify(p, s, m)) != valid:
            wrong.append((case["tcId"], case["comment"], case["result"]))
    assert (wrong, count) == ([], expected)


@pytest.mark.parametrize("backend", raw.LIBRARIES)
@pytest.mark.parametrize("name", ["mldsa_44_verify_test", "mldsa_65_verify_test"])
def test_wycheproof_by_the_other_backends(name, backend):
    algorithm, expected = WYCHEPROOF[name]
    library = usable(algorithm, backend)
    wrong, count = [], 0
    for group, case in cases(name):
        count += 1
        valid = case["result"] == "valid" and not case.get("ctx")
        public, sig, msg = (bytes.fromhex(text) for text in (group["publicKey"], case["sig"], case["msg"]))
        if library.verify(algorithm, public, sig, msg) != valid:
            wrong.append((case["tcId"], case["comment"], case["result"]))
    assert (wrong, count) == ([], expected)


def usable(algorithm, backend):
    try:
        return raw.library(algorithm, (backend,))
    except MissingDependency as error:
        skips.cannot(error.message)


@pytest.mark.parametrize(("name", "expected"), [("mldsa_44_sign_seed_test", 86), ("mldsa_65_sign_seed_test", 105)])
def test_wycheproof_seeds(name, expected):
    """Seeds give the public keys they should; what we sign verifies; damaged keys are refused."""
    algorithm = f"ml-dsa-{name[6:8]}"
    count = 0
    for group, case in cases(name):
        count += 1
        if "privateKeyPkcs8" not in group or not group["publicKey"]:
            with pytest.raises(InputError):
                import_pkcs8(bytes.fromhex(group.get("privateKeyPkcs8", group["privateSeed"])))
            continue
        imported = import_pkcs8(bytes.fromhex(group["privateKeyPkcs8"]))
        key = scheme.get(algorithm).load_private(imported.pkcs8)
        raw_public = base64.b64decode("".join(key.public_pem().splitlines()[1:-1]))[22:]
        assert raw_public.hex() == group["publicKey"]
        if case["result"] == "valid" and not case.get("ctx") and "msg" in case:
            message = bytes.fromhex(case["msg"])
            scheme.get(algorithm).verify(key.public_pem(), key.sign(message), message)
            if "sig" in case:
                scheme.get(algorithm).verify(key.public_pem(), bytes.fromhex(case["sig"]), message)
    assert count == expected


@pytest.mark.parametrize("size", [44, 65, 87])
def test_mldsa_private_key_forms(size):
    public = (KEYS / f"ML-DSA-{size}.pub").read_text()
    for form in ("seed", "both"):
        imported = import_pem((KEYS / f"ML-DSA-{size}-{form}.priv").read_bytes())
        assert imported.algorithm == f"ml-dsa-{size}"
        key = scheme.get(imported.algorithm).load_private(imported.pkcs8)
        assert unwrap(key.public_pem().encode())[1] == unwrap(public.encode())[1]
        assert len(imported.pkcs8) == 54
    with pytest.raises(InputError, match="only the expanded private key"):
        import_pem((KEYS / f"ML-DSA-{size}-expanded.priv").read_bytes())


@pytest.mark.parametrize("size", [44, 65, 87])
def test_an_expanded_half_that_disagrees_is_refused(size):
    _, der = unwrap((KEYS / f"ML-DSA-{size}-both.priv").read_bytes())
    start = len(der) - {44: 2560, 65: 4032, 87: 4896}[size]
    for at in (*range(start, len(der), 97), len(der) - 1, start - 10):  # every part of it, and the seed
        damaged = bytearray(der)
        damaged[at] ^= 1
        with pytest.raises(InputError):
            import_pkcs8(bytes(damaged))


@pytest.mark.parametrize("form", ["seed", "both", "expanded"])
def test_truncated_keys_are_refused(form):
    _, der = unwrap((KEYS / f"ML-DSA-44-{form}.priv").read_bytes())
    for size in {*range(60), *range(60, len(der), 50), len(der) - 1}:
        if size < len(der):
            with pytest.raises(InputError):
                import_pkcs8(der[:size])
    with pytest.raises(InputError):
        import_pkcs8(der + b"\0")


@pytest.mark.parametrize("backend", raw.LIBRARIES)
@pytest.mark.parametrize("algorithm", ["slh-dsa-sha2-128f", "slh-dsa-shake-128f", "falcon-512", "falcon-1024"])
def test_raw_schemes_sign_and_verify(algorithm, backend, monkeypatch):
    usable(algorithm, backend)
    monkeypatch.setattr(raw, "library", lambda name, names=(backend,), real=raw.library: real(name, (backend,)))
    found = scheme.get(algorithm)
    key = found.generate()
    signature, pem = key.sign(b"payload"), key.public_pem()
    found.check_public(pem)
    found.verify(pem, signature, b"payload")
    again = found.load_private(key.private_bytes())
    assert again.public_pem() == pem
    other = found.generate().public_pem()
    flipped = bytes([signature[0], signature[1], signature[2] ^ 1]) + signature[3:]
    for bad in (
        lambda: found.verify(pem, signature, b"payloaD"),
        lambda: found.verify(other, signature, b"payload"),
        lambda: found.verify(pem, flipped, b"payload"),
        lambda: found.verify(pem, signature[:-1], b"payload"),
        lambda: found.verify(pem, b"", b"payload"),
        lambda: found.verify(pem, signature + b"\0" * 2000, b"payload"),
        lambda: found.verify(pem.replace("A", "B", 1), signature, b"payload"),
    ):
        with pytest.raises(TrustError):
            bad()
    with pytest.raises(InputError):
        found.load_private(key.private_bytes()[:-1])
    mixed = bytearray(key.private_bytes())
    mixed[-1] ^= 1  # the public half no longer belongs to the private one
    with pytest.raises((InputError, SecpipeError)):
        found.load_private(bytes(mixed))


#: Small sets sign slowly, Falcon is in one backend only.
IN_BOTH = [name for name in sorted(raw.RAW) if not name.endswith("s") and not name.startswith("falcon")]


@pytest.mark.parametrize("algorithm", IN_BOTH)
def test_the_two_backends_agree(algorithm):
    """One signs, the other verifies: independent implementations of FIPS 205."""
    first, second = usable(algorithm, "openssl"), usable(algorithm, "liboqs")
    for signer, verifier in ((first, second), (second, first)):
        public, private = signer.generate(algorithm)
        signature = signer.sign(algorithm, private, b"m")
        assert verifier.verify(algorithm, public, signature, b"m")
        assert not verifier.verify(algorithm, public, signature, b"n")


@pytest.mark.parametrize("backend", raw.LIBRARIES)
def test_wrong_lengths_never_reach_a_library(backend):
    library = usable("ml-dsa-44", backend)
    public, private = library.generate("ml-dsa-44")
    signature = library.sign("ml-dsa-44", private, b"m")
    assert library.verify("ml-dsa-44", public, signature, b"m")
    for short in (public[:-1], b"", public + b"\0"):
        assert not library.verify("ml-dsa-44", short, signature, b"m")
    for short in (private[:50], b"", private + b"\0"):
        with pytest.raises(SecpipeError):
            library.sign("ml-dsa-44", short, b"m")
