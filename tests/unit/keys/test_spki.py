"""A public key has one spelling: what an encoder writes is read, whatever else a parser would take is refused."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from secpipe.core.errors import InputError, TrustError
from secpipe.keys.schemes import scheme
from secpipe.keys.schemes.classical import load_spki, spki_pem
from secpipe.keys.tufkey import public_half

NATIVE = ("ed25519", "ecdsa-p256", "ecdsa-p384", "ml-dsa-44", "ml-dsa-65", "ml-dsa-87")


def _wrapped(der: bytes) -> str:
    body = base64.b64encode(der).decode()
    lines = "\n".join(body[start : start + 64] for start in range(0, len(body), 64))
    return f"-----BEGIN PUBLIC KEY-----\n{lines}\n-----END PUBLIC KEY-----\n"


def _der(pem: str) -> bytes:
    return base64.b64decode("".join(pem.splitlines()[1:-1]))


@pytest.mark.parametrize("algorithm", NATIVE)
def test_our_spelling_is_that_of_the_library(algorithm):
    found = scheme.get(algorithm)
    for _ in range(5):
        pem = found.generate().public_pem()
        assert found.spki.write(found.spki.read(pem)) == pem == spki_pem(load_spki(pem))
        assert public_half(algorithm, pem).pem == pem


OTHERWISE = {
    "no final newline": lambda pem: pem[:-1],
    "two final newlines": lambda pem: pem + "\n",
    "CRLF": lambda pem: pem.replace("\n", "\r\n"),
    "a space": lambda pem: pem.replace("\n", " \n", 1),
    "text in front": lambda pem: "x\n" + pem,
    "shorter lines": lambda pem: "\n".join((pem[:66], pem[66:])),
    "another label": lambda pem: pem.replace("PUBLIC KEY", "EC PUBLIC KEY"),
    "a byte more": lambda pem: _wrapped(_der(pem) + b"\0"),
    "a byte less": lambda pem: _wrapped(_der(pem)[:-1]),
    "a long length": lambda pem: _wrapped(b"\x30\x83\0" + len(_der(pem)[1:]).to_bytes(2, "big") + _der(pem)[1:]),
    "no key": lambda pem: "",
    "a letter that is none": lambda pem: pem.replace("A", "Ä", 1),
    "a vertical tab for a newline": lambda pem: pem.replace("\n", "\v", 1),
}  # fmt: skip


@pytest.mark.parametrize("algorithm", NATIVE)
@pytest.mark.parametrize("name", OTHERWISE)
def test_another_spelling_is_refused(algorithm, name):
    found = scheme.get(algorithm)
    key = found.generate()
    pem = OTHERWISE[name](key.public_pem())
    with pytest.raises(InputError):
        public_half(algorithm, pem)
    with pytest.raises(TrustError):
        found.verify(pem, key.sign(b"m"), b"m")


@pytest.mark.parametrize("algorithm", NATIVE)
def test_a_key_of_another_algorithm_is_refused(algorithm):
    for other in NATIVE:
        if other != algorithm:
            with pytest.raises(InputError):
                public_half(algorithm, scheme.get(other).generate().public_pem())


@pytest.mark.parametrize("algorithm", ["ecdsa-p256", "ecdsa-p384"])
def test_a_point_is_uncompressed_and_on_its_curve(algorithm):
    found = scheme.get(algorithm)
    key = load_spki(found.generate().public_pem())
    form = serialization.PublicFormat.CompressedPoint
    raw = found.spki.read(spki_pem(key))
    short = key.public_bytes(serialization.Encoding.X962, form)
    bad = {
        "compressed": _wrapped(_der(spki_pem(key)).replace(raw, short)),
        "compressed, padded": found.spki.write(short + bytes(len(raw) - len(short))),
        "hybrid": found.spki.write(bytes((6 + (raw[-1] & 1),)) + raw[1:]),
        "off the curve": found.spki.write(raw[:-1] + bytes((raw[-1] ^ 1,))),
        "zeros": found.spki.write(b"\4" + bytes(len(raw) - 1)),
    }
    for pem in bad.values():
        with pytest.raises(InputError):
            public_half(algorithm, pem)


def test_a_key_of_another_curve_of_the_same_length_is_refused():
    pem = spki_pem(ec.generate_private_key(ec.SECP256K1()).public_key())
    with pytest.raises(InputError):
        public_half("ecdsa-p256", pem)
