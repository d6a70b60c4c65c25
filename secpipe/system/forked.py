"""A second process of this program for work that is Python's own; where none can be had, the caller does it alone."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator


def cores() -> int:
    """Return how many processes are worth having: 1 where one cannot be made safely, beside threads or not on Linux."""
    if sys.platform != "linux" or threading.active_count() > 1:
        return 1
    return len(os.sched_getaffinity(0))


@contextlib.contextmanager
def started(work: Callable[[], bytes]) -> Iterator[Callable[[], bytes | None]]:
    """Start `work` in a copy of this process; give what waits for its result, None where it did not end well.

    The copy shares nothing with this process but the pipe for the result, and is gone when the context ends.
    """
    if sys.platform == "win32":
        yield lambda: None
        return
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        _work(work, reading, writing)
    os.close(writing)
    waited = False

    def result() -> bytes | None:
        nonlocal waited
        with os.fdopen(reading, "rb", closefd=False) as pipe:
            data = pipe.read()
        waited = True
        return data if os.waitpid(child, 0)[1] == 0 else None

    try:
        yield result
    finally:
        os.close(reading)
        if not waited:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


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
