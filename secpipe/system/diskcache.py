"""Results kept between runs: JSON documents under a MAC whose key lies in `$SECPIPE_HOME`, outside any tree.

Whoever can write the cache but not read that key can make an entry absent, never make one say something else. A key
that somebody else may know, and a folder that somebody else may write, are not used at all.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import stat
import sys
from functools import cache
from pathlib import Path
from typing import Any

from secpipe.core.errors import InputError, SecpipeError
from secpipe.core.version import __version__
from secpipe.system import files, places

_LIMIT = 64 << 20
_MAC = 32


def find(place: Path) -> Any | None:
    """Return the document kept at `place`; None where none is, or it was edited, cut or moved there from elsewhere."""
    try:
        key = _mac_key(create=False)
        if key is None or not _is_mine(place.parent):
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
        if len(body) + _MAC > _LIMIT:
            return
        files.make_folder(place.parent, mode=0o700)
        if _is_mine(place.parent):
            files.write_atomic(place, _mac(key, place, body) + body, mode=0o600)
    except (SecpipeError, OSError):
        return


@cache
def engine() -> str:
    """Return a digest over secpipe's version and its own files' names, sizes and times: an edit empties the cache.

    As they were when this process first asked: it runs what it has loaded.
    """
    hasher = hashlib.sha256(__version__.encode())
    for folder in (Path(__file__).resolve().parent.parent, places.shipped()):
        for root, folders, names in os.walk(folder):
            folders[:] = sorted(name for name in folders if name != "__pycache__")
            for name in sorted(names):
                info = os.stat(os.path.join(root, name))
                hasher.update(f"{root}/{name}\0{info.st_size}\0{info.st_mtime_ns}\n".encode())
    return hasher.hexdigest()


def machine() -> str:
    """Return who looks, and with which Python and packages: what the engine's own files do not say."""
    packages = [
        (folder, os.stat(folder).st_mtime_ns)
        for folder in sys.path
        if folder.endswith(("site-packages", "dist-packages")) and os.path.isdir(folder)
    ]
    return repr((sys.version, packages, os.geteuid() if hasattr(os, "geteuid") else 0))


def digest(parts: list[bytes]) -> str:
    """Return one name, 64 hex digits, for a list of byte strings of any length."""
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def _mac(key: bytes, place: Path, body: bytes) -> bytes:
    return hmac.digest(key, f"{place.parent.name}/{place.name}".encode() + b"\0" + body, "sha256")


def _mac_key(*, create: bool) -> bytes | None:
    place = places.home() / "cache.key"
    try:
        return _own_key(place)
    except SecpipeError:
        if not create or place.exists() or place.is_symlink():
            return None
    files.make_folder(place.parent, mode=0o700)
    with contextlib.suppress(InputError):  # another process was faster: its key is everybody's
        files.create_exclusive(place, os.urandom(_MAC))
    return _own_key(place)


def _own_key(place: Path) -> bytes | None:
    """Return the key if only its owner, who is us, can know it; None for one that is not; raises InputError."""
    descriptor, info = files.open_descriptor(place, follow=False)
    try:
        key = os.read(descriptor, 64)
    finally:
        os.close(descriptor)
    if sys.platform != "win32" and (
        stat.S_IMODE(info.st_mode) & 0o077 or info.st_uid != os.geteuid() or info.st_nlink != 1
    ):
        return None
    return key if len(key) == _MAC else None


def _is_mine(folder: Path) -> bool:
    """Whether nobody else can put anything into a folder, or take it away (POSIX; Windows relies on its ACLs)."""
    if sys.platform != "win32":
        info = os.stat(folder)
        return info.st_uid == os.geteuid() and not stat.S_IMODE(info.st_mode) & 0o022
    else:
        return folder.is_dir()
