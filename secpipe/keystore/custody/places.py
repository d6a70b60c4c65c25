"""The table of all places of custody, and opening a private half wherever it lives."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from secpipe.core.errors import ConfigError
from secpipe.core.protocols import Signer
from secpipe.core.registry import load
from secpipe.core.text import did_you_mean
from secpipe.core.trust import PublicHalf
from secpipe.keystore.custody.custody import Passphrase


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
    "awskms": "secpipe.keystore.custody.awskms:open_half",
}
#: the same for making a key there: (rest, algorithm, label, passphrase) -> a signer that has a `reference`
MAKERS: dict[str, str] = {
    "pkcs11": "secpipe.keystore.custody.pkcs11:make_half",
    "awskms": "secpipe.keystore.custody.awskms:make_half",
}


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
