"""Private keys that others made: PEM (OpenSSL), and cosign's encrypted keys (scrypt and NaCl secretbox)."""

from __future__ import annotations

import base64
import binascii
import json

from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from secpipe.core.errors import InputError, MissingDependency
from secpipe.keys.schemes.pem import unwrap
from secpipe.keys.schemes.pkcs8 import Imported, import_pem, import_pkcs8
from secpipe.keystore.custody.custody import Passphrase

_COSIGN = ("ENCRYPTED SIGSTORE PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY")
_MAX_N, _MAX_R, _MAX_P = 1 << 20, 16, 4


def import_key(text: bytes, passphrase: Passphrase) -> Imported:
    """Return the private key in `text`; the passphrase is asked for only where the file is encrypted.

    Raises InputError that says what the file is where secpipe does not read it.
    """
    label, data = unwrap(text)
    if label in _COSIGN:
        return import_pkcs8(_cosign(data, passphrase()))
    if label == "ENCRYPTED PRIVATE KEY":
        return import_pkcs8(_pkcs8(text, passphrase()))
    if label == "OPENSSH PRIVATE KEY":
        raise InputError("an OpenSSH key is not imported", hint="ssh-keygen -p -m PKCS8 -f KEY")
    return import_pem(text)


def _pkcs8(text: bytes, passphrase: bytes) -> bytes:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    from secpipe.keys.schemes.classical import pkcs8

    try:
        return pkcs8(serialization.load_pem_private_key(text, passphrase))
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise InputError(
            "the encrypted private key does not open: wrong passphrase, or a form that needs OpenSSL",
            hint="openssl pkey -provparam ml-dsa.output_formats=seed-only",
        ) from None


def _cosign(data: bytes, passphrase: bytes) -> bytes:
    """Open cosign's format: JSON with scrypt parameters and a secretbox (XSalsa20-Poly1305)."""
    problem = InputError("the cosign key does not open: wrong password or damaged file")
    try:
        box = json.loads(data)
        kdf, cipher = box["kdf"], box["cipher"]
        if (kdf["name"], cipher["name"]) != ("scrypt", "nacl/secretbox"):
            raise InputError("the cosign key is encrypted in a way that secpipe does not read")
        n, r, p = (kdf["params"][name] for name in "Nrp")
        texts = (kdf["salt"], cipher["nonce"], box["ciphertext"])
        salt, nonce, sealed = (base64.b64decode(text, validate=True) for text in texts)
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error):
        raise problem from None
    bounds = ((n, 2, _MAX_N), (r, 1, _MAX_R), (p, 1, _MAX_P))
    if not all(type(value) is int and low <= value <= high for value, low, high in bounds):
        raise InputError("the cosign key asks for scrypt parameters beyond any that cosign writes")
    if n & (n - 1) or not salt or len(nonce) != 24 or len(sealed) < 17:
        raise problem
    opened = _open_box(Scrypt(salt, 32, n, r, p).derive(passphrase), nonce, sealed)
    if opened is None:
        raise problem
    return opened


def _open_box(key: bytes, nonce: bytes, sealed: bytes) -> bytes | None:
    """Return the content of a NaCl secretbox (16-byte tag, then ciphertext), or None where key or content is wrong."""
    try:
        from nacl.exceptions import CryptoError
        from nacl.secret import SecretBox
    except ImportError:
        raise MissingDependency(
            "opening a private key that cosign encrypted needs the package pynacl",
            hint="pip install 'secpipe[cosign]'",
        ) from None
    try:
        return bytes(SecretBox(key).decrypt(sealed, nonce))
    except CryptoError:
        return None
