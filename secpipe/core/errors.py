"""The one hierarchy of errors, sectioned by whose fault it is; each carries its exit code and a hint.

    SecpipeError              3   could not do it (fail closed)
      InputError              3   the file, key or document given is malformed
        UnsafeInput           3   over a bound, a path escape, a bomb
      Undecided               3   a judgement came to no answer: never a pass
      Denied                  1   a judgement says no
      TrustError              1   a signature or trust decision says no
      MissingDependency       3   an extra or a program is absent
      NetworkError            3   the network was needed and did not serve
      ConfigError             2   wrong usage, configuration or policy document

Messages are lower case without a full stop; a hint is what to type or do next.
"""

from __future__ import annotations

from typing import ClassVar

EXIT_PASS = 0
EXIT_DENY = 1
EXIT_USAGE = 2
EXIT_UNDECIDED = 3
EXIT_INTERRUPTED = 130


class SecpipeError(Exception):
    """secpipe could not do what was asked; nothing may be concluded from that."""

    exit_code: ClassVar[int] = EXIT_UNDECIDED

    def __init__(self, message: str, *, hint: str = "", code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code  # one of `core.refusals`, where a verifier refuses


class InputError(SecpipeError):
    """A file, key or document is malformed."""


class UnsafeInput(InputError):
    """An input goes over a bound or reaches outside its place."""


class Undecided(SecpipeError):
    """A judgement came to no answer; it is never a pass."""


class Denied(SecpipeError):
    """A judgement says no: the policy denies, or something was found."""

    exit_code = EXIT_DENY


class TrustError(SecpipeError):
    """A signature or a trust decision says no."""

    exit_code = EXIT_DENY


class MissingDependency(SecpipeError):
    """An optional package or program is absent; the hint says how to install it."""


class NetworkError(SecpipeError):
    """The network was needed and did not serve."""


class ConfigError(SecpipeError):
    """Wrong usage, configuration or policy document."""

    exit_code = EXIT_USAGE
