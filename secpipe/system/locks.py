"""A lock between processes: an open file given to one at a time, and taken back from the dead."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

from secpipe.core.errors import SecpipeError
from secpipe.core.text import printable
from secpipe.system import files

if sys.platform == "win32":
    import errno
    import msvcrt

    def _acquire(descriptor: int, wait: bool) -> None:
        # LK_LOCK gives up after ten seconds with EDEADLOCK; who waits asks again.
        while True:
            try:
                return msvcrt.locking(descriptor, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
            except OSError as error:
                if not wait or error.errno != errno.EDEADLOCK:
                    raise

    def _release(descriptor: int) -> None:
        os.lseek(descriptor, 0, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
else:

    def _acquire(descriptor: int, wait: bool) -> None:
        import fcntl  # only who locks pays for it

        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))

    def _release(descriptor: int) -> None:
        """Nothing to do: the lock goes with the descriptor."""


@contextlib.contextmanager
def lock(path: str | os.PathLike[str], *, wait: bool = True) -> Iterator[None]:
    """Hold an exclusive lock on `path` (created if absent); with `wait=False` raise SecpipeError when it is taken.

    The lock belongs to the open file and is gone with the process, however that ends.
    """
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
    try:
        descriptor = os.open(files.real_place(path), flags, 0o600)
    except OSError as error:
        raise SecpipeError(f"cannot lock {printable(os.fspath(path))}: {files.reason(error)}") from error
    try:
        try:
            _acquire(descriptor, wait)
        except OSError as error:
            raise SecpipeError(f"{printable(os.fspath(path))} is locked by another process") from error
        try:
            yield
        finally:
            _release(descriptor)
    finally:
        os.close(descriptor)
