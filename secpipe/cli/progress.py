"""A bar on stderr while files are hashed: only on a terminal, only when it takes long."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator

from secpipe.system.tree import FolderTree, single, walk


def hashed(path: str) -> FolderTree:
    """Return the walk of a folder or the tree of a file, showing the bytes hashed so far; raises InputError."""
    import os

    with bar(os.path.basename(path) or path) as progress:
        return walk(path, progress=progress) if os.path.isdir(path) else single(path, progress)


@contextlib.contextmanager
def bar(label: str, *, after: float = 1.0, every: float = 0.2) -> Iterator[Callable[[int], None] | None]:
    """Yield a callback for `system.tree`, or None where stderr is no terminal. Times are in seconds."""
    from secpipe.core.foreign import Sink, neutral
    from secpipe.core.text import printable

    if not sys.stderr.isatty():
        yield None
        return
    label = neutral(printable(label, 60), Sink.TEXT)  # CI has terminals, too
    lock = threading.Lock()
    done, start = 0, time.monotonic()
    shown = start + after - every

    def progress(count: int) -> None:
        nonlocal done, shown
        with lock:
            done += count
            now = time.monotonic()
            if now - shown < every:
                return
            shown = now
            rate = done / max(now - start, 1e-9)
        sys.stderr.write(f"\r\x1b[Khashing {label}: {_size(done)}, {_size(rate)}/s")
        sys.stderr.flush()

    try:
        yield progress
    finally:
        if shown > start + after - every:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
