"""`exec:COMMAND ARG...`: signing out of process. The command gets the message on stdin and writes the raw signature.

It is started with the algorithm and the keyid as its last two arguments, without a shell and with a scrubbed
environment. What it returns counts only if it verifies under the public half that the ring names.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from secpipe.core.errors import ConfigError, InputError, TrustError
from secpipe.core.trust import PublicHalf
from secpipe.keys.schemes import scheme
from secpipe.keys.schemes.signer import Held
from secpipe.keystore.custody.custody import Passphrase
from secpipe.system import process

_SECONDS = 60
_LIMIT = 1 << 20


@dataclass(frozen=True, slots=True)
class ProcessSigner(Held):
    """A private half behind a command; secpipe never sees it."""

    public: PublicHalf
    command: tuple[str, ...]

    def sign(self, message: bytes) -> bytes:
        """Return the command's signature over `message`, verified; raises InputError, MissingDependency."""
        argv = [*self.command, self.algorithm, self.keyid]
        result = process.run(argv, stdin=message, timeout=_SECONDS, limit=_LIMIT)
        if result.code != 0:
            raise InputError(f"the signing command ended with exit code {result.code}")
        try:
            scheme.get(self.algorithm).verify(self.public.pem, result.stdout, message)
        except TrustError:
            raise InputError("what the signing command returned is not a signature by this key") from None
        return result.stdout


def open_half(rest: str, half: PublicHalf, home: Path, passphrase: Passphrase) -> ProcessSigner:
    """Return the signer behind the command `rest`, split as a shell splits words; raises ConfigError."""
    try:
        words = tuple(shlex.split(rest))
    except ValueError:
        words = ()
    if not words:
        raise ConfigError("exec: names no command", hint="exec:/usr/local/bin/kms-sign --profile prod")
    return ProcessSigner(half, words)
