"""What places of custody share: a passphrase, and the signer that a private half in memory is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from secpipe.core.errors import InputError
from secpipe.core.trust import PublicHalf
from secpipe.keys.schemes import scheme
from secpipe.keys.schemes.scheme import PrivateHalf

Passphrase = Callable[[], bytes]


#: Places in which secpipe can make a new key, so that rotation needs nobody; the others say so.
ROTATING = ("file", "pkcs11")


class Held:
    """What every signer says of the public half it signs for."""

    __slots__ = ()
    public: PublicHalf

    @property
    def algorithm(self) -> str:
        return self.public.algorithm

    @property
    def keyid(self) -> str:
        return self.public.keyid


@dataclass(frozen=True, slots=True)
class LocalSigner(Held):
    """A private half in this process's memory; implements `core.protocols.Signer`."""

    public: PublicHalf
    key: PrivateHalf

    def __repr__(self) -> str:
        return f"<{self.algorithm} private key>"

    def sign(self, message: bytes) -> bytes:
        return self.key.sign(message)


def local(pkcs8: bytes, half: PublicHalf, what: str) -> LocalSigner:
    """Return the signer of a PKCS#8 key after recomputing its public key; raises InputError if it is another's."""
    key = scheme.get(half.algorithm).load_private(pkcs8)
    if key.public_pem() != half.pem:
        raise InputError(f"{what} holds the private key of another public key")
    return LocalSigner(half, key)
