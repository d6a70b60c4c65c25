"""`env:NAME`: one private half in an environment variable (base64 of PKCS#8), for runners that get secrets that way."""

from __future__ import annotations

from pathlib import Path

from secpipe.core.trust import PublicHalf
from secpipe.keys.schemes.signer import LocalSigner
from secpipe.keystore.custody.custody import Passphrase, local
from secpipe.keystore.custody.secret import private_key
from secpipe.system import secrets


def open_half(rest: str, half: PublicHalf, home: Path, passphrase: Passphrase) -> LocalSigner:
    """Return the signer of the key in environment variable `rest`; raises InputError."""
    return local(private_key(secrets.resolve(f"env:{rest}"), passphrase, f"env:{rest}"), half, f"env:{rest}")
