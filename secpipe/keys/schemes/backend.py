"""What a native library of signature algorithms is to us, and what is known of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Backend:
    """What is known of one library: `usable` or why not; where it is loaded from, for its hash in a report."""

    name: str
    version: str
    path: str
    reason: str = ""

    @property
    def usable(self) -> bool:
        return not self.reason


class Library(Protocol):
    """A native library behind a probe that never raises, installs, prints or starts a process."""

    def probe(self) -> Backend: ...

    def supports(self, algorithm: str) -> str:
        """Return "" or the reason why this library cannot do `algorithm`."""

    def generate(self, algorithm: str) -> tuple[bytes, bytes]:
        """Return a raw public and private key."""

    def sign(self, algorithm: str, private: bytes, message: bytes) -> bytes: ...

    def verify(self, algorithm: str, public: bytes, signature: bytes, message: bytes) -> bool: ...
