"""Private keys at rest: age files under a passphrase (scrypt), by `pyrage`; `age -d` opens them too."""

from __future__ import annotations

import re
import time

from secpipe.core.errors import InputError, SecpipeError

#: 2**22 blocks of 1 KiB: 4 GiB and about 20 s. A file that asks for more was made to exhaust us.
MAX_WORK_FACTOR = 22
_HEADER = re.compile(rb"age-encryption\.org/v1\n-> scrypt [A-Za-z0-9+/]{22} ([1-9][0-9]?)\n[A-Za-z0-9+/]{43}\n--- ")
LIMIT = 1 << 20
_PATIENCE = 5  # times
_PAUSE = 1.0  # seconds


def seal(plaintext: bytes, passphrase: bytes) -> bytes:
    """Return an age file; its work factor is chosen by the library to cost about a second on this machine."""
    import pyrage

    try:
        sealed: bytes = pyrage.passphrase.encrypt(plaintext, _text(passphrase))
    except pyrage.EncryptError:
        raise SecpipeError("the private key cannot be encrypted") from None
    return sealed


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
