"""`awskms:key=ARN`: a half inside AWS KMS, by its own client (`secpipe[kms]`); `awskms:alias=NAME` makes keys there.

Credentials, region and endpoint are those of the AWS configuration of whoever runs secpipe. KMS takes at most 4 KiB, so
ECDSA signs the digest of what is longer, and ML-DSA an external mu (FIPS 204 section 6.2). What comes back counts only
if it verifies.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_public_key

from secpipe.core.errors import ConfigError, InputError, MissingDependency, TrustError
from secpipe.core.text import printable
from secpipe.core.trust import PublicHalf
from secpipe.keys.schemes import scheme
from secpipe.keys.schemes.classical import spki_pem
from secpipe.keys.schemes.signer import Held
from secpipe.keys.tufkey import public_half
from secpipe.keystore.custody.custody import Passphrase

#: algorithm -> (KeySpec, SigningAlgorithm, digest; "" is ML-DSA's mu), as the API reference of `Sign` names them.
SPECS: dict[str, tuple[str, str, str]] = {
    "ecdsa-p256": ("ECC_NIST_P256", "ECDSA_SHA_256", "sha256"),
    "ecdsa-p384": ("ECC_NIST_P384", "ECDSA_SHA_384", "sha384"),
    "ml-dsa-44": ("ML_DSA_44", "ML_DSA_SHAKE_256", ""),
    "ml-dsa-65": ("ML_DSA_65", "ML_DSA_SHAKE_256", ""),
    "ml-dsa-87": ("ML_DSA_87", "ML_DSA_SHAKE_256", ""),
}
_MOST = 4096  # bytes of a message that `Sign` takes
_ALIAS = re.compile(r"[A-Za-z0-9/_-]{1,100}\Z")
_EXAMPLE = "awskms:key=ARN, or awskms:alias=NAME to make keys called NAME-IDENTITY-VERSION"


@dataclass(frozen=True, slots=True)
class KmsSigner(Held):
    """A private half that never leaves KMS."""

    public: PublicHalf
    fields: tuple[tuple[str, str], ...]

    @property
    def reference(self) -> str:
        return "awskms:" + ";".join(f"{key}={value}" for key, value in self.fields)

    def __repr__(self) -> str:
        return f"<{self.algorithm} private key in AWS KMS>"

    def sign(self, message: bytes) -> bytes:
        """Return KMS's signature over `message`, verified; raises InputError."""
        with _client() as client:
            signature = client.sign(**sign_request(dict(self.fields)["key"], self.public, message))["Signature"]
        try:
            scheme.get(self.algorithm).verify(self.public.pem, signature, message)
        except TrustError:
            raise InputError("what AWS KMS returned is not a signature by this key") from None
        return bytes(signature)


def sign_request(key: str, half: PublicHalf, message: bytes) -> dict[str, Any]:
    """Return the arguments of KMS's `Sign` for a signature of `half` over `message`."""
    _, name, digest = SPECS[half.algorithm]
    if digest and len(message) <= _MOST:
        kind, data = "RAW", message
    elif digest:
        kind, data = "DIGEST", hashlib.new(digest, message).digest()
    else:
        public: Any = load_pem_public_key(half.pem.encode("ascii"))
        kind, data = "EXTERNAL_MU", external_mu(public.public_bytes_raw(), message)
    return {"KeyId": key, "Message": data, "MessageType": kind, "SigningAlgorithm": name}


def external_mu(public: bytes, message: bytes) -> bytes:
    """Return what ML-DSA signs in the end, for an empty context: FIPS 204 algorithm 7 line 6, algorithm 2 line 10."""
    return hashlib.shake_256(hashlib.shake_256(public).digest(64) + b"\0\0" + message).digest(64)


def open_half(rest: str, half: PublicHalf, home: Path, passphrase: Passphrase) -> KmsSigner:
    """Return the signer of the key in KMS that holds `half`; raises ConfigError. KMS is asked when it signs."""
    fields = _fields(rest)
    _demand(half.algorithm)
    if not fields.get("key"):
        raise ConfigError("an awskms: reference names no key", hint=_EXAMPLE)
    return KmsSigner(half, tuple(fields.items()))


def make_half(rest: str, algorithm: str, label: str, passphrase: Passphrase) -> KmsSigner:
    """Make a signing key in KMS, and an alias for it from `label`; return its signer. Raises InputError, ConfigError.

    A key under that alias that an interrupted run has left is used.
    """
    fields = _fields(rest)
    _demand(algorithm)
    if not fields.get("alias"):
        raise ConfigError("an awskms: reference says no alias, so no key can be made", hint=_EXAMPLE)
    alias = f"alias/{fields['alias']}-{label}"
    with _client() as client:
        try:
            key = client.describe_key(KeyId=alias)["KeyMetadata"]
        except client.exceptions.NotFoundException:
            words = f"secpipe {label}"
            key = client.create_key(KeySpec=SPECS[algorithm][0], KeyUsage="SIGN_VERIFY", Description=words)[
                "KeyMetadata"
            ]
            client.create_alias(AliasName=alias, TargetKeyId=key["KeyId"])
        if (key.get("KeySpec"), key.get("KeyUsage")) != (SPECS[algorithm][0], "SIGN_VERIFY"):
            raise InputError(f"{alias} in AWS KMS is another key than a signing key of {algorithm}")
        public = client.get_public_key(KeyId=key["Arn"])["PublicKey"]
    try:
        half = public_half(algorithm, spki_pem(load_der_public_key(public)))
    except (ValueError, UnsupportedAlgorithm):
        raise InputError(f"the public key that AWS KMS returned is not {algorithm}") from None
    return KmsSigner(half, (("alias", fields["alias"]), ("key", key["Arn"])))


def _demand(algorithm: str) -> None:
    if algorithm not in SPECS:
        raise ConfigError(f"awskms: custody holds {', '.join(SPECS)}, not {algorithm}")


def _fields(rest: str) -> dict[str, str]:
    pairs = [part.partition("=")[::2] for part in rest.split(";")]
    fields = dict(pairs)
    if len(fields) != len(pairs) or not set(fields) <= {"key", "alias"} or not all(fields.values()):
        raise ConfigError("an awskms: reference is not complete", hint=_EXAMPLE)
    if "alias" in fields and not _ALIAS.match(fields["alias"]):
        raise ConfigError("an alias of AWS KMS is letters, digits, /, _ and -", hint=_EXAMPLE)
    return fields


@contextmanager
def _client() -> Iterator[Any]:
    """Yield a client of KMS; whatever goes wrong in the block is an InputError without the answer's text."""
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError:
        raise MissingDependency("awskms: custody needs boto3", hint="pip install secpipe[kms]") from None
    patience = Config(connect_timeout=10, read_timeout=30, retries={"total_max_attempts": 3, "mode": "standard"})
    try:
        yield boto3.client("kms", config=patience)
    except ClientError as error:
        code = printable(str(error.response.get("Error", {}).get("Code", "")), 60)
        raise InputError(f"AWS KMS refuses: {code or 'no reason given'}") from None
    except BotoCoreError as error:
        hint = "the region, credentials and endpoint are those of the AWS configuration"
        raise InputError(f"AWS KMS cannot be asked: {type(error).__name__}", hint=hint) from None
