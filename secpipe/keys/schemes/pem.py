"""One PEM block (RFC 7468), strictly: a label and its bytes."""

from __future__ import annotations

import base64
import binascii
import re

from secpipe.core.errors import InputError

_BLOCK = re.compile(rb"\s*-----BEGIN ([A-Z0-9 ]{1,64})-----\s+([A-Za-z0-9+/=\s]+?)\s*-----END \1-----\s*\Z")


def unwrap(text: bytes) -> tuple[str, bytes]:
    """Return label and content of the only PEM block in `text`; raises InputError."""
    match = _BLOCK.match(text)
    try:
        data = base64.b64decode(b"".join(match[2].split()), validate=True) if match else b""
    except binascii.Error:
        data = b""
    if match is None or not data:
        raise InputError("the file is not one PEM block")
    return match[1].decode("ascii"), data
