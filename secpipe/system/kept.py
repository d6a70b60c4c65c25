"""Results kept between runs: JSON documents under a MAC whose key lies in `$SECPIPE_HOME`, outside any tree.

Whoever can write the cache but not read that key can make an entry absent, never make one say something else.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from pathlib import Path
from typing import Any

from secpipe import __version__
from secpipe.core.errors import SecpipeError
from secpipe.system import files, places

_LIMIT = 64 << 20
_MAC = 32


def find(place: Path) -> Any | None:
    """Return the document kept at `place`; None where none is, or it was edited, cut or moved there from elsewhere."""
    try:
        key = _mac_key(create=False)
        if key is None:
            return None
        data = files.read_bytes(place, _LIMIT, follow=False)
        mac, body = data[:_MAC], data[_MAC:]
        return json.loads(body) if hmac.compare_digest(mac, _mac(key, place, body)) else None
    except (SecpipeError, OSError, ValueError):
        return None


def keep(place: Path, document: Any) -> None:
    """Keep a JSON-ready document at `place`; that it cannot be kept is no error.

    The MAC covers the last two parts of `place`: they must say everything the document rests on but does not hold.
    """
    try:
        key = _mac_key(create=True)
        if key is None:
            return
        body = json.dumps(document).encode()
        files.make_folder(place.parent, mode=0o700)
        files.write_atomic(place, _mac(key, place, body) + body, mode=0o600)
    except (SecpipeError, OSError):
        return


def engine() -> str:
    """Return a digest over secpipe's version and its own files' names, sizes and times: an edit empties the cache."""
    hasher = hashlib.sha256(__version__.encode())
    for folder in (Path(__file__).resolve().parent.parent, places.shipped()):
        for root, folders, names in os.walk(folder):
            folders[:] = sorted(name for name in folders if name != "__pycache__")
            for name in sorted(names):
                info = os.stat(os.path.join(root, name))
                hasher.update(f"{root}/{name}\0{info.st_size}\0{info.st_mtime_ns}\n".encode())
    return hasher.hexdigest()


def digest(parts: list[bytes]) -> str:
    """Return one name, 64 hex digits, for a list of byte strings of any length."""
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def _mac(key: bytes, place: Path, body: bytes) -> bytes:
    return hmac.digest(key, f"{place.parent.name}/{place.name}".encode() + b"\0" + body, "sha256")


def _mac_key(*, create: bool) -> bytes | None:
    place = places.home() / "cache.key"
    try:
        files.check_private(place)
        key = files.read_bytes(place, 64)
        return key if len(key) == _MAC else None
    except SecpipeError:
        if not create or place.exists():
            return None
    files.make_folder(place.parent, mode=0o700)
    key = secrets.token_bytes(_MAC)
    files.create_exclusive(place, key)
    return key
