"""A private half as text: PEM, base64 of PKCS#8, or an age file around either."""

from __future__ import annotations

import base64
import binascii

from secpipe.core.errors import InputError
from secpipe.keys.schemes.pkcs8 import import_pem, import_pkcs8
from secpipe.keystore import age
from secpipe.keystore.custody.custody import Passphrase


def private_key(text: bytes, passphrase: Passphrase, what: str) -> bytes:
    """Return our PKCS#8 of the key in `text`; `what` names its source in errors. Raises InputError."""
    data = text.strip()
    if data.startswith(b"age-encryption.org/"):
        data = age.unseal(text, passphrase(), what).strip()
    if data.startswith(b"-----BEGIN"):
        return import_pem(data).pkcs8
    try:
        decoded = base64.b64decode(b"".join(data.split()), validate=True)
    except binascii.Error:
        raise InputError(f"{what} holds neither PEM nor base64 of a PKCS#8 key") from None
    if decoded.startswith(b"age-encryption.org/"):
        return private_key(decoded, passphrase, what)
    return import_pkcs8(decoded).pkcs8
