"""Private keys at rest: age files under a passphrase (scrypt); `age -d` opens them too.

Read by `pyrage`. Written here (C2SP age v1), because `pyrage` lets nobody choose the work factor: docs/adr/0031.
"""

from __future__ import annotations

import base64
import hmac
import os
import re
import time

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from secpipe.core.errors import InputError

#: 2**17 blocks of 1 KiB: 128 MiB and a third of a second for each guess; a CI container of 256 MB signs.
WORK = 17
#: For keys of holders and backups, which are opened rarely and by people: 512 MiB.
HARD_WORK = 19
_CHUNK = 64 << 10
#: 2**22 blocks of 1 KiB: 4 GiB and about 20 s. A file that asks for more was made to exhaust us.
MAX_WORK_FACTOR = 22
_HEADER = re.compile(rb"age-encryption\.org/v1\n-> scrypt [A-Za-z0-9+/]{22} ([1-9][0-9]?)\n[A-Za-z0-9+/]{43}\n--- ")
LIMIT = 1 << 20
_PATIENCE = 5  # times
_PAUSE = 1.0  # seconds


def seal(plaintext: bytes, passphrase: bytes, *, work: int = WORK) -> bytes:
    """Return an age file of scrypt work factor 2**`work`; raises InputError for a passphrase that is not UTF-8."""
    file_key, salt, nonce = os.urandom(16), os.urandom(16), os.urandom(16)
    secret = _text(passphrase).encode("utf-8")
    wrap = Scrypt(b"age-encryption.org/v1/scrypt" + salt, 32, 1 << work, 8, 1).derive(secret)
    body = ChaCha20Poly1305(wrap).encrypt(bytes(12), file_key, None)
    header = b"age-encryption.org/v1\n-> scrypt %s %d\n%s\n---" % (_b64(salt), work, _b64(body))
    mac = hmac.digest(_derive(file_key, b"", b"header"), header, "sha256")
    stream = ChaCha20Poly1305(_derive(file_key, nonce, b"payload"))
    sealed = [b"%s %s\n%s" % (header, _b64(mac), nonce)]
    for start in range(0, len(plaintext) or 1, _CHUNK):
        last = start + _CHUNK >= len(plaintext)
        counter = (start // _CHUNK).to_bytes(11, "big") + bytes((last,))
        sealed.append(stream.encrypt(counter, plaintext[start : start + _CHUNK], None))
    return b"".join(sealed)


def _b64(data: bytes) -> bytes:
    return base64.b64encode(data).rstrip(b"=")


def _derive(key: bytes, salt: bytes, info: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt, info).derive(key)


def unseal(data: bytes, passphrase: bytes, what: str) -> bytes:
    """Return the content of an age file; `what` names it in errors. Raises InputError; never says more than wrong."""
    import pyrage

    match = _HEADER.match(data[:400])
    if not match:
        raise InputError(f"{what} is not an age file under a passphrase", hint="keys import takes other key files")
    if int(match[1]) > MAX_WORK_FACTOR:
        raise InputError(f"{what} asks for a scrypt work factor of {int(match[1])}, above {MAX_WORK_FACTOR}")
    secret = _text(passphrase)
    for _ in range(_PATIENCE):
        try:
            opened: bytes = pyrage.passphrase.decrypt(data, secret)
        except pyrage.DecryptError as error:
            # The library first times itself, and refuses a file that would take it long: on a busy machine it times
            # itself badly, and the same file opens a moment later.
            if "work" not in str(error):
                raise InputError(f"{what} does not open: wrong passphrase or damaged file") from None
            time.sleep(_PAUSE)
        else:
            return opened
    raise InputError(
        f"{what} asks for more work (2**{int(match[1])}) than this machine can do in reasonable time",
        hint="try again when it is less busy; `age -d` has no such limit",
    )


def _text(passphrase: bytes) -> str:
    try:
        return passphrase.decode("utf-8")
    except UnicodeDecodeError:
        raise InputError("the passphrase is not UTF-8") from None
