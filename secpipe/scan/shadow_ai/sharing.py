"""Several processes that read the texts of a large tree; what each of them read is handed over as JSON."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from functools import partial
from typing import Any

from secpipe.core.artifact import FileEntry
from secpipe.core.errors import InputError
from secpipe.core.finding import Confidence, Finding, Severity
from secpipe.core.limits import MIB
from secpipe.scan.shadow_ai.looking import Said
from secpipe.scan.shadow_ai.signal import Download, EnvValue, Reading, Signal
from secpipe.system import forked

#: From so many bytes of text on, another process costs less than it saves.
_MANY = 4 * MIB
_PROCESSES = 4

Look = Callable[[FileEntry], Said | None]


class Shared:
    """What was read of texts before anybody asked: by this process, and by others for it."""

    def __init__(self) -> None:
        self._own: dict[str, Said | None] = {}
        self._told: dict[str, bytes] = {}

    def take(self, path: str) -> tuple[bool, Said | None]:
        """Return whether a text was read, and what it said, once."""
        if path in self._told:
            return True, unpacked(json.loads(self._told.pop(path).decode("utf-8", "surrogatepass")))
        return path in self._own, self._own.pop(path, None)

    def recall(self, path: str, line: bytes) -> None:
        """Take over what a text said in an earlier run."""
        self._told[path] = line

    def read(self, texts: Sequence[FileEntry], look: Look) -> None:
        """Read the texts in as many processes as are worth having, none where one is enough.

        What could not be read, and the share of a process that did not come to its end, is left to whoever asks.
        """
        count = min(_PROCESSES, forked.cores()) if sum(entry.size for entry in texts) >= _MANY else 1
        if count == 1:
            return
        by_size = sorted(texts, key=lambda entry: (-entry.size, entry.path))
        own, *shares = (by_size[start::count] for start in range(count))
        with contextlib.ExitStack() as stack:
            others = [stack.enter_context(forked.started(partial(_all, share, look))) for share in shares]
            self._own.update(_each(own, look))
            for share, result in zip(shares, others, strict=True):
                lines = (result() or b"").split(b"\n")
                if len(lines) == len(share):
                    self._told.update((entry.path, line) for entry, line in zip(share, lines, strict=True) if line)


def _each(texts: Iterable[FileEntry], look: Look) -> dict[str, Said | None]:
    found: dict[str, Said | None] = {}
    for entry in texts:
        with contextlib.suppress(InputError):
            found[entry.path] = look(entry)
    return found


def _all(texts: Sequence[FileEntry], look: Look) -> bytes:
    """Return a line of JSON for each text, an empty one where it could not be read."""
    lines = []
    for entry in texts:
        with contextlib.suppress(InputError):
            lines.append(line_of(look(entry)))
            continue
        lines.append(b"")
    return b"\n".join(lines)


def line_of(said: Said | None) -> bytes:
    """Return what a text said as a line of JSON; two halves of a character stay two."""
    return json.dumps(packed(said), ensure_ascii=False).encode("utf-8", "surrogatepass")


def packed(said: Said | None) -> Any:
    """Return what a text said as JSON can hold it."""
    if said is None:
        return None
    reading = said.reading
    lists = [[_row(one) for one in items] for items in (reading.signals, reading.values, reading.downloads)]
    words = [sorted(reading.reads), sorted(reading.packages), reading.notes, reading.unread, reading.engine]
    waived = sorted(said.waivers.items())
    return [*lists, *words, said.shallow, [_row(one) for one in said.findings], said.told, waived]


def unpacked(row: Any) -> Said | None:
    """Return what `packed` was given."""
    if row is None:
        return None
    signals, values, downloads, reads, packages, notes, unread, engine, shallow, findings, told, waived = row
    reading = Reading(
        [_signal(one) for one in signals], [EnvValue(*one) for one in values], set(reads),
        [Download(*one) for one in downloads], set(packages), notes, unread, engine,
    )  # fmt: skip
    return Said(reading, shallow, [_finding(one) for one in findings], told, dict(waived))


def _row(one: Signal | EnvValue | Download | Finding) -> list[Any]:
    return [getattr(one, field.name) for field in fields(one) if field.init]


def _signal(row: list[Any]) -> Signal:
    values = dict(zip(_SIGNAL, row, strict=True))
    return Signal(**{**values, "envs": tuple(values["envs"]), "confidence": Confidence(values["confidence"])})


def _finding(row: list[Any]) -> Finding:
    values = dict(zip(_FINDING, row, strict=True))
    sure = {"severity": Severity(values["severity"]), "confidence": Confidence(values["confidence"])}
    return Finding(**{**values, **sure})


_SIGNAL = [field.name for field in fields(Signal) if field.init]
_FINDING = [field.name for field in fields(Finding) if field.init]
