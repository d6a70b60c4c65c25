"""A private half in this process's memory as a signer, and what every signer says of its public half."""

from __future__ import annotations

from dataclasses import dataclass

from secpipe.core.trust import PublicHalf
from secpipe.keys.schemes.scheme import PrivateHalf


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
