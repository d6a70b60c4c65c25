"""What is being done, told on stderr: a line that writes itself over on a terminal, with `-v` a line for each step."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Self, TextIO

from secpipe.core.foreign import Sink, neutral
from secpipe.core.text import printable

#: Seconds of silence before a line is drawn, and between two drawings.
AFTER, EVERY = 1.0, 0.2
#: What a step is for and what its time grows with; what is not named here is a note, and stays.
STEPS = {
    "reading files": "every byte is hashed, for names, sizes and dates prove nothing: it takes as long as one read",
    "making the AI-BOM": "lock files, models, data and prompts: it grows with their number, not with their size",
    "verifying signatures": "each signed file is compared with what was hashed",
    "scanning models": "each model is read as its loader reads it, and nothing is loaded: pickles and archives whole",
    "looking for AI services": "every text is searched: it grows with the text, and with how much of it is about AI",
    "reading what agents may do": "settings, skills and servers of assistants, and the code that they start",
    "looking up advisories": "each package is compared with the advisories of this machine: no network",
    "looking up verdicts": "the newest signed verdict of each environment",
}


class Watch:
    """Is told what is done and how much of it, from several threads; implements `core.protocols.Watch`.

    `clock` counts seconds. A copy of this process (`system.forked`) draws nothing.
    """

    def __init__(
        self, *, draw: bool, lines: bool, clock: Callable[[], float] = time.monotonic, out: TextIO | None = None
    ) -> None:
        self._draw, self._lines, self._clock, self._out = draw, lines, clock, out or sys.stderr
        self._lock = threading.Lock()
        self._owner = os.getpid()
        self._began = self._step_began = clock()
        self._step = self._named = ""
        self._done = self._total = 0
        self._shown: float | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.done()

    def done(self) -> None:
        """End the last step and take the line away: what follows is the result."""
        self._end_of_step()
        self._clear()
        self._step = ""

    def __call__(self, text: str) -> None:
        """Begin a step, or say a note that stays."""
        if text in STEPS:
            self.begin(text)
        else:
            self._tell(text)

    def begin(self, text: str) -> None:
        """Begin a step; what it read and how long it took is counted from here."""
        self._end_of_step()
        self._step, self._step_began, self._named, self._done, self._total = text, self._clock(), "", 0, 0
        if self._lines:
            why = STEPS.get(text)
            self._tell(f"{text} ({why})" if why else text)
        self._show()

    def expect(self, total: int) -> None:
        """Say how many bytes this step reads."""
        self._total = total

    def read(self, count: int) -> None:
        """Count bytes that were just read."""
        with self._lock:
            self._done += count
            self._show()

    def opened(self, path: str, size: int) -> None:
        """Name the file that is being looked into."""
        with self._lock:
            self._named = f"{path} ({_size(size)})"
            self._show()

    def _show(self) -> None:
        now = self._clock()
        if not self._draw or now - self._began < AFTER or os.getpid() != self._owner:
            return
        if self._shown is not None and now - self._shown < EVERY:
            return
        self._shown = now
        line = neutral(printable(self._line(now - self._step_began), 100), Sink.TEXT)
        self._out.write(f"\r\x1b[K{line}")
        self._out.flush()

    def _line(self, seconds: float) -> str:
        if not self._done:
            named = f"{printable(self._named, 60)}, " if self._named else ""
            return f"{self._step}: {named}{int(seconds)} s"
        rate = self._done / max(seconds, 1e-9)
        of = f" of {_size(self._total)}" if self._total else ""
        left = f", {-(-max(self._total - self._done, 0) // rate):.0f} s left" if self._total else ""
        return f"{self._step}: {_size(self._done)}{of}, {_size(rate)}/s{left}"

    def _end_of_step(self) -> None:
        if self._step and self._lines:
            seconds = self._clock() - self._step_began
            read = f", {_size(self._done)} at {_size(self._done / max(seconds, 1e-9))}/s" if self._done else ""
            self._tell(f"  {seconds:.1f} s{read}")

    def _clear(self) -> None:
        if self._shown is not None:
            self._out.write("\r\x1b[K")
            self._out.flush()
            self._shown = None

    def _tell(self, text: str) -> None:
        from secpipe.system.outputs import tell

        self._clear()
        tell(f"secpipe: {text}")


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
