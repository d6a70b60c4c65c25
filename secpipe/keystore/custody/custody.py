"""What places of custody share: a passphrase, and the signer that a private half in memory is."""

from __future__ import annotations

from collections.abc import Callable

from secpipe.core.errors import InputError
from secpipe.core.trust import PublicHalf
from secpipe.keys.schemes import scheme
from secpipe.keys.schemes.signer import LocalSigner

Passphrase = Callable[[], bytes]


#: Places in which secpipe can make a new key, so that rotation needs nobody; the others say so.
ROTATING = ("file", "pkcs11", "awskms")


def local(pkcs8: bytes, half: PublicHalf, what: str) -> LocalSigner:
    """Return the signer of a PKCS#8 key after recomputing its public key; raises InputError if it is another's."""
    key = scheme.get(half.algorithm).load_private(pkcs8)
    if key.public_pem() != half.pem:
        raise InputError(f"{what} holds the private key of another public key")
    return LocalSigner(half, key)
