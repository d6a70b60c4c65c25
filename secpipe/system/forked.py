"""A second process of this program for work that is Python's own; where none can be had, the caller does it alone."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator


def cores() -> int:
    """Return how many processes are worth having: 1 where one cannot be made safely, beside threads or not on Linux."""
    count = 1
    if sys.platform == "linux" and _threads() == 1:
        count = len(os.sched_getaffinity(0))
    return count


def _threads() -> int:
    """Return how many threads this process has, those of libraries that Python does not know among them."""
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return 2


@contextlib.contextmanager
def started(work: Callable[[], bytes]) -> Iterator[Callable[[], bytes | None]]:
    """Start `work` in a copy of this process; give what waits for its result, None where it did not end well.

    The copy shares nothing with this process but the pipe for the result, and is gone when the context ends.
    """
    child, reading = _copied(work)
    if not child:
        yield lambda: None
        return
    waited = False

    def result() -> bytes | None:
        nonlocal waited
        with os.fdopen(reading, "rb", closefd=False) as pipe:
            data = pipe.read()
        waited = True
        return data if _ended(child) == 0 else None

    try:
        yield result
    finally:
        os.close(reading)
        if not waited:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, getattr(signal, "SIGKILL", signal.SIGTERM))
            _ended(child)


def _copied(work: Callable[[], bytes]) -> tuple[int, int]:
    """Return the process that does the work, and where its result is read; no process (0) where there can be none."""
    child, reading = 0, -1
    if sys.platform != "win32":
        ours, writing = os.pipe()
        try:
            child = os.fork()
        except OSError:  # too many processes, or too little memory
            os.close(ours)
        else:
            if not child:
                _work(work, ours, writing)
            reading = ours
        os.close(writing)
    return child, reading


def _ended(child: int) -> int:
    """Wait for a process and return how it ended; 1 where a handler of the caller's program took its end away."""
    try:
        return os.waitpid(child, 0)[1]
    except ChildProcessError:
        return 1


def _work(work: Callable[[], bytes], reading: int, writing: int) -> None:
    """Do the work of the copy and end it, whatever happens: it must not go on as if it were the first process."""
    code = 1
    try:
        os.close(reading)
        data = work()
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(data)
        code = 0
    finally:
        os._exit(code)
