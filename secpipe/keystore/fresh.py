"""New key pairs, and signing TUF metadata with what is at hand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from secpipe.core.protocols import Signer
from secpipe.core.trust import PublicHalf
from secpipe.keys.metadata import write_envelope
from secpipe.keys.schemes import scheme
from secpipe.keys.schemes.signer import LocalSigner
from secpipe.keys.tufkey import TufKey, message, public_half
from secpipe.keys.wire import canonical


@dataclass(frozen=True, slots=True)
class Fresh:
    """A new key version in this process's memory, classical half first."""

    signers: tuple[LocalSigner, ...]

    @property
    def halves(self) -> tuple[PublicHalf, ...]:
        return tuple(signer.public for signer in self.signers)

    @property
    def pkcs8(self) -> tuple[bytes, ...]:
        return tuple(signer.key.private_bytes() for signer in self.signers)


def fresh(algorithms: Sequence[str]) -> Fresh:
    """Make a key of each algorithm."""
    keys = [(name, scheme.get(name).generate()) for name in algorithms]
    return Fresh(tuple(LocalSigner(public_half(name, key.public_pem()), key) for name, key in keys))


def tuf_keys(halves: Iterable[PublicHalf], holder: str) -> tuple[TufKey, ...]:
    """Return the halves as keys of TUF metadata, under the name of their holder."""
    return tuple(TufKey(half, holder) for half in halves)


def metadata_signatures(
    signed: dict[str, Any], halves: Sequence[PublicHalf], signers: Sequence[Signer], holder: str
) -> dict[str, bytes]:
    """Return TUF keyid -> signature over the canonical form of `signed` by every half."""
    payload = canonical(signed)
    keys = tuf_keys(halves, holder)
    return {
        key.keyid: signer.sign(message(key.public.algorithm, payload))
        for key, signer in zip(keys, signers, strict=True)
    }


def signed_file(signed: dict[str, Any], halves: Sequence[PublicHalf], signers: Sequence[Signer], holder: str) -> bytes:
    """Return a metadata file signed by one holder or by the rotation role."""
    return write_envelope(signed, metadata_signatures(signed, halves, signers, holder))
