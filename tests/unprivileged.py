"""Root without its right to read and write everything: tests of modes run as root too, as CI does."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator

#: CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH (linux/capability.h); the first word of each set holds both.
_OVERRIDES = 0b110
_VERSION = 0x20080522  # _LINUX_CAPABILITY_VERSION_3: two words a set
#: In front of a command: root gets all capabilities back when it starts a program, but not those out of bounds.
COMMAND = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if os.geteuid() == 0 else []


@contextlib.contextmanager
def modes_hold() -> Iterator[None]:
    """Let file modes bind this thread, also where it is root's."""
    if sys.platform != "linux" or os.geteuid() != 0:
        yield
        return
    before = _capabilities()
    _set((before[0] & ~_OVERRIDES, *before[1:]))
    try:
        yield
    finally:
        _set(before)


def _capabilities() -> tuple[int, ...]:
    """Return effective, permitted and inheritable of the first word, then of the second."""
    words = (ctypes.c_uint32 * 6)()
    _call("capget", words)
    return tuple(words)


def _set(words: tuple[int, ...]) -> None:
    _call("capset", (ctypes.c_uint32 * 6)(*words))


def _call(name: str, words: ctypes.Array[ctypes.c_uint32]) -> None:
    header = (ctypes.c_uint32 * 2)(_VERSION, 0)
    if getattr(ctypes.CDLL(None, use_errno=True), name)(header, words):
        raise OSError(ctypes.get_errno(), name)
