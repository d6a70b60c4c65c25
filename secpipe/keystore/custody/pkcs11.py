"""`pkcs11:module=PATH;token=LABEL;object=LABEL;pin=REF`: a classical half inside a device (PKCS#11), by python-pkcs11.

The module path comes from the user's own config or argv, never from a tree under test. `pin=` is a secret reference
(`env:NAME`, a file, `exec:...`); without it the key's passphrase is the PIN.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from secpipe.core.errors import ConfigError, InputError, MissingDependency
from secpipe.core.trust import PublicHalf
from secpipe.keys.schemes import scheme
from secpipe.keys.schemes.classical import spki_pem
from secpipe.keys.schemes.signer import Held
from secpipe.keys.tufkey import public_half
from secpipe.keystore.custody.custody import Passphrase
from secpipe.system import secrets

#: algorithm -> (curve name of the device, its cryptography object, digest)
_CURVES: dict[str, tuple[str, ec.EllipticCurve, str]] = {
    "ecdsa-p256": ("secp256r1", ec.SECP256R1(), "sha256"),
    "ecdsa-p384": ("secp384r1", ec.SECP384R1(), "sha384"),
}
_KNOWN = {"module", "token", "object", "pin"}


@dataclass(frozen=True, slots=True)
class DeviceSigner(Held):
    """A private half that never leaves its device; a session is opened for each signature."""

    public: PublicHalf
    fields: tuple[tuple[str, str], ...]
    passphrase: Passphrase

    @property
    def reference(self) -> str:
        return "pkcs11:" + ";".join(f"{key}={value}" for key, value in self.fields)

    def __repr__(self) -> str:
        return f"<{self.algorithm} private key in a device>"

    def sign(self, message: bytes) -> bytes:
        """Return a DER ECDSA signature over the digest of `message`; raises InputError."""
        digest = hashlib.new(_CURVES[self.algorithm][2], message).digest()
        with _session(dict(self.fields), self.passphrase) as (session, pkcs11):
            key = session.get_key(pkcs11.ObjectClass.PRIVATE_KEY, pkcs11.KeyType.EC, label=dict(self.fields)["object"])
            raw: bytes = key.sign(digest, mechanism=pkcs11.Mechanism.ECDSA)
        half = len(raw) // 2
        signature = encode_dss_signature(int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big"))
        scheme.get(self.algorithm).verify(self.public.pem, signature, message)
        return signature


def open_half(rest: str, half: PublicHalf, home: Path, passphrase: Passphrase) -> DeviceSigner:
    """Return the signer of the device object that holds `half`; raises InputError where it is absent or another key."""
    fields = _fields(rest)
    if half.algorithm not in _CURVES:
        raise ConfigError(f"pkcs11: custody holds {' and '.join(_CURVES)}, not {half.algorithm}")
    with _session(fields, passphrase) as (session, pkcs11):
        key = session.get_key(pkcs11.ObjectClass.PUBLIC_KEY, pkcs11.KeyType.EC, label=fields["object"])
        pem = _public_pem(key, half.algorithm, pkcs11)
    if pem != half.pem:
        raise InputError("the device holds the private key of another public key")
    return DeviceSigner(half, tuple(fields.items()), passphrase)


def make_half(rest: str, algorithm: str, label: str, passphrase: Passphrase) -> DeviceSigner:
    """Make a key named `label` that cannot leave the device, and return its signer; raises InputError, ConfigError.

    A key of that name that an interrupted run has left is used.
    """
    if algorithm not in _CURVES:
        raise ConfigError(f"pkcs11: custody makes {' and '.join(_CURVES)} keys, not {algorithm}")
    fields = _fields(rest) | {"object": label}
    with _session(fields, passphrase, write=True) as (session, pkcs11):
        try:
            public = session.get_key(pkcs11.ObjectClass.PUBLIC_KEY, pkcs11.KeyType.EC, label=label)
        except pkcs11.NoSuchKey:
            from pkcs11.util.ec import encode_named_curve_parameters

            parameters = session.create_domain_parameters(
                pkcs11.KeyType.EC,
                {pkcs11.Attribute.EC_PARAMS: encode_named_curve_parameters(_CURVES[algorithm][0])},
                local=True,
            )
            template = {pkcs11.Attribute.SENSITIVE: True, pkcs11.Attribute.EXTRACTABLE: False}
            public, _ = parameters.generate_keypair(store=True, label=label, private_template=template)
        pem = _public_pem(public, algorithm, pkcs11)
    return DeviceSigner(public_half(algorithm, pem), tuple(fields.items()), passphrase)


def _fields(rest: str) -> dict[str, str]:
    fields = dict(part.partition("=")[::2] for part in rest.split(";"))
    if not {"module", "token"} <= set(fields) <= _KNOWN or not Path(fields["module"]).is_absolute():
        raise ConfigError(
            "a pkcs11: reference is not complete",
            hint="pkcs11:module=/usr/lib/softhsm/libsofthsm2.so;token=LABEL;object=LABEL;pin=env:PIN",
        )
    return {"object": ""} | fields


def _public_pem(key: Any, algorithm: str, pkcs11: Any) -> str:
    point = bytes(key[pkcs11.Attribute.EC_POINT])
    size = _CURVES[algorithm][1].key_size // 8
    try:
        public = ec.EllipticCurvePublicKey.from_encoded_point(_CURVES[algorithm][1], point[-(2 * size + 1) :])
    except ValueError:
        raise InputError(f"the device's public key is not {algorithm}") from None
    return spki_pem(public)


@contextmanager
def _session(fields: dict[str, str], passphrase: Passphrase, *, write: bool = False) -> Iterator[tuple[Any, Any]]:
    try:
        import pkcs11
    except ImportError:
        raise MissingDependency("pkcs11: custody needs python-pkcs11", hint="pip install secpipe[pkcs11]") from None
    pin = secrets.resolve(fields["pin"]) if fields.get("pin") else passphrase()
    try:
        token = pkcs11.lib(fields["module"]).get_token(token_label=fields["token"])
        with token.open(rw=write, user_pin=pin.decode("utf-8")) as session:
            yield session, pkcs11
    except pkcs11.NoSuchToken:
        raise InputError("the device is not there (token removed, or another label)") from None
    except pkcs11.NoSuchKey:
        raise InputError("the device holds no such key") from None
    except (pkcs11.PinIncorrect, pkcs11.PinInvalid, pkcs11.PinLenRange, pkcs11.PinLocked, UnicodeDecodeError):
        raise InputError("the device refuses the PIN") from None
    except (pkcs11.PKCS11Error, RuntimeError) as error:
        raise InputError(f"the device refuses: {type(error).__name__}") from None
