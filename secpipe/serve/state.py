"""The shelf that is served now, and how the next one takes its place: trust at once, verdicts once verified."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from secpipe.core.protocols import Clock
from secpipe.core.text import plural
from secpipe.serve import loading
from secpipe.serve.loading import Sources
from secpipe.serve.metrics import Metrics
from secpipe.serve.shelf import Shelf
from secpipe.system import outputs

_LINES = 20  # of the log in one second; more are counted


@dataclass(slots=True)
class Serving:
    """What a server holds. `shelf` is replaced as a whole and never changed, so no request sees half of one."""

    sources: Sources
    clock: Clock
    shelf: Shelf
    metrics: Metrics = field(default_factory=Metrics)
    log: Callable[[str], None] = outputs.tell
    stopping: threading.Event = field(default_factory=threading.Event)
    asked: threading.Event = field(default_factory=threading.Event)  # to begin again, with trust
    told_to: bool = False  # somebody asked for this load, and waits for a word
    _told: list[str] = field(default_factory=list)
    _second: int = 0
    _lines: int = 0

    @classmethod
    def begun(cls, sources: Sources, clock: Clock) -> Serving:
        """Return the state after the first load; raises SecpipeError where that fails: then nothing is served."""
        before = time.monotonic()
        made = cls(sources, clock, loading.load(sources, clock.now()))
        made._loaded(before)
        return made

    def reload(self) -> bool:
        """Load again, in the calling thread. Where that fails nothing is allowed until a load succeeds."""
        before = time.monotonic()
        self.asked.clear()
        try:
            self.shelf = loading.start(self.sources, self.clock.now(), self.shelf)
            self.shelf = loading.fill(self.sources, self.shelf, self.clock.now(), self._cut)
        except Exception as error:  # whatever goes wrong, nothing may rest on what is held
            self.shelf = loading.doubted(self.shelf, error)
            self.metrics.reloads["failed"] += 1
            self.tell(f"load failed, nothing is allowed: {self.shelf.doubt}")
            return False
        self._loaded(before)
        return True

    def _cut(self) -> bool:
        return self.stopping.is_set() or self.asked.is_set()

    def pause(self, every: float) -> float:
        """Return the seconds until the next look: longer where one takes long, never so long that answers end."""
        if self.shelf.stale(self.clock.now()):
            return min(every, 1.0)
        return min(max(every, 10 * self.metrics.load_seconds), max(self.sources.fresh_for.total_seconds() / 3, 0.1))

    def _loaded(self, before: float) -> None:
        self.metrics.load_seconds = time.monotonic() - before
        self.metrics.reloads["done"] += 1
        shelf, held = self.shelf, loading.holds(self.shelf)
        trust = shelf.rules.trust
        told = (
            f"{plural(held, 'verdict')} for {shelf.environment}, root {trust.root_version}, ring {trust.ring_version}"
        )
        self.tell(f"loaded {told}")
        for line in loading.problems(shelf):
            self.tell(line)
        if why := shelf.stale(self.clock.now()):
            self.tell(f"nothing is allowed: {why}")

    def tell(self, line: str) -> None:
        """Write a line of the log, which holds our own words and quoted names; a flood of them is cut."""
        second = int(time.monotonic())
        if second != self._second:
            if self._lines > _LINES:
                self.log(f"secpipe: serve: {self._lines - _LINES:,} more lines in one second")
            self._second, self._lines = second, 0
        self._lines += 1
        if self._lines <= _LINES:
            self.log(f"secpipe: serve: {line}")

    def now(self) -> datetime:
        """Return the time by the server's clock."""
        return self.clock.now()

    def end(self) -> None:
        """Let a load that runs come to its end early, and allow nothing more."""
        self.stopping.set()
        self.shelf = replace(self.shelf, doubt="the server is ending")
