"""`file:NAME.age`: private halves, PKCS#8 in PEM inside one age file: of one key version, or all of `keys init`."""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Iterable
from pathlib import Path

from secpipe.core.errors import InputError
from secpipe.core.protocols import Signer
from secpipe.core.trust import PublicHalf
from secpipe.keystore import age
from secpipe.keystore.custody.custody import Passphrase, local
from secpipe.keystore.home import keys_folder
from secpipe.system import files, secrets

_NAME = re.compile(r"[0-9a-f]{64}\.age\Z")
_BLOCK = re.compile(rb"-----BEGIN PRIVATE KEY-----\n([A-Za-z0-9+/=\n]+)-----END PRIVATE KEY-----\n")
_MOST = 1000
_LOST = (
    "damaged: secpipe keys restore FILE; the passphrase is lost: secpipe keys replace IDENTITY,"
    " for a holder's key keys remove-holder NAME, for the rotation key keys renew --rotation-key"
)
#: What this process has unlocked: (path, inode, mtime) -> PKCS#8 keys. A key file is opened once a process.
_unlocked: dict[tuple[str, int, int], tuple[bytes, ...]] = {}


def open_half(rest: str, half: PublicHalf, home: Path, passphrase: Passphrase) -> Signer:
    """Return the signer of `half` from the age file `rest`; raises InputError."""
    if not _NAME.match(rest):
        raise InputError("a file: custody reference is not the name of a key file")
    keys = _open(keys_folder(home) / rest, passphrase)
    what = f"key file {rest[:12]}"
    problem = InputError(f"{what} does not hold the {half.algorithm} key that the ring names")
    for pkcs8 in keys:
        try:
            return local(pkcs8, half, what)
        except InputError as error:
            problem = error
    raise problem


def _open(path: Path, passphrase: Passphrase) -> tuple[bytes, ...]:
    secrets.check_private(path)
    info = os.stat(path)
    stamp = (str(path), info.st_ino, info.st_mtime_ns)
    if stamp not in _unlocked:
        sealed = files.read_bytes(path, age.LIMIT, follow=False)
        try:
            opened = age.unseal(sealed, passphrase(), f"key file {path.name[:12]}")
        except InputError as error:
            raise InputError(error.message, hint=error.hint or _LOST) from None
        _unlocked[stamp] = parse_pem(opened)
    return _unlocked[stamp]


def forget() -> None:
    """Drop every unlocked key of this process."""
    _unlocked.clear()


def parse_pem(text: bytes) -> tuple[bytes, ...]:
    """Return the PKCS#8 DER of `PRIVATE KEY` blocks, a thousand at most; raises InputError."""
    blocks = _BLOCK.findall(text)
    try:
        keys = tuple(base64.b64decode(block.replace(b"\n", b""), validate=True) for block in blocks)
    except binascii.Error:
        keys = ()
    if not 1 <= len(keys) <= _MOST:
        raise InputError("the age file does not hold PKCS#8 keys in PEM")
    return keys


def write_pem(keys: Iterable[bytes]) -> bytes:
    """Return PEM blocks of PKCS#8 DER keys: what goes into the age file and nowhere else."""
    blocks = []
    for key in keys:
        body = base64.encodebytes(key).replace(b"\n", b"")
        lines = b"\n".join(body[start : start + 64] for start in range(0, len(body), 64))
        blocks.append(b"-----BEGIN PRIVATE" + b" KEY-----\n" + lines + b"\n-----END PRIVATE" + b" KEY-----\n")
    return b"".join(blocks)


def store(home: Path, key_id: str, keys: Iterable[bytes], passphrase: bytes, *, work: int = age.WORK) -> None:
    """Seal and write private halves under the id of the first of their key versions. Raises SecpipeError.

    Written before anything public names the key: a crash leaves at most a key nobody knows, never a known key lost.
    """
    sealed = age.seal(write_pem(keys), passphrase, work=work)
    files.write_atomic(keys_folder(home) / f"{key_id}.age", sealed, mode=0o600)
