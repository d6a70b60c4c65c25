"""What a place of custody is, and the table of all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from secpipe.core.errors import ConfigError, InputError
from secpipe.core.protocols import Signer
from secpipe.core.registry import load
from secpipe.core.text import did_you_mean
from secpipe.core.trust import PublicHalf
from secpipe.keys.schemes import scheme
from secpipe.keys.schemes.scheme import PrivateHalf

Passphrase = Callable[[], bytes]


class Place(Protocol):
    """Opens one private half. `rest` is what follows the colon of the reference.

    Raises InputError where the key is absent, does not open, or is not the private key of `half`.
    """

    def __call__(self, rest: str, half: PublicHalf, home: Path, passphrase: Passphrase) -> Signer: ...


#: scheme of a reference -> how to open it. Cloud key services join here: one file, one line.
PLACES: dict[str, str] = {
    "file": "secpipe.keystore.custody.file:open_half",
    "env": "secpipe.keystore.custody.env:open_half",
    "exec": "secpipe.keystore.custody.exec:open_half",
    "pkcs11": "secpipe.keystore.custody.pkcs11:open_half",
}
#: Places in which secpipe can make a new key, so that rotation needs nobody; the others say so.
ROTATING = ("file", "pkcs11")


@dataclass(frozen=True, slots=True)
class LocalSigner:
    """A private half in this process's memory; implements `core.protocols.Signer`."""

    public: PublicHalf
    key: PrivateHalf

    @property
    def algorithm(self) -> str:
        return self.public.algorithm

    @property
    def keyid(self) -> str:
        return self.public.keyid

    def __repr__(self) -> str:
        return f"<{self.algorithm} private key>"

    def sign(self, message: bytes) -> bytes:
        return self.key.sign(message)


def open_half(reference: str, half: PublicHalf, home: Path, passphrase: Passphrase) -> Signer:
    """Return the signer for one half; raises ConfigError for an unknown place, InputError as `Place` does."""
    kind, separator, rest = reference.partition(":")
    if not separator or kind not in PLACES:
        raise ConfigError(
            "a custody reference names no place that secpipe knows",
            hint=did_you_mean(kind, PLACES) or f"known: {', '.join(f'{name}:' for name in PLACES)}",
        )
    place: Place = load(PLACES, kind, "custody")
    return place(rest, half, home, passphrase)


def local(pkcs8: bytes, half: PublicHalf, what: str) -> LocalSigner:
    """Return the signer of a PKCS#8 key after recomputing its public key; raises InputError if it is another's."""
    key = scheme.get(half.algorithm).load_private(pkcs8)
    if key.public_pem() != half.pem:
        raise InputError(f"{what} holds the private key of another public key")
    return LocalSigner(half, key)
