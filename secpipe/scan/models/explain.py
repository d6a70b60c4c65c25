"""What a pickle does when it is opened, as lines of text: for people who want to see it themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from secpipe.core.errors import InputError
from secpipe.core.limits import DEFAULT, Limits
from secpipe.core.text import printable
from secpipe.formats.pickle.machine import Machine
from secpipe.formats.pickle.values import Call, Global, Long, Value, render
from secpipe.formats.pickle.window import Broken, OverBound, Window
from secpipe.scan.models.allow import AllowList, Use

_LINES = 10_000


class _Notes:
    """Listens and writes down."""

    def __init__(self, allow: AllowList) -> None:
        self.allow = allow
        self.lines: list[str] = []

    def note(self, offset: int, text: str, rule: str = "") -> None:
        if len(self.lines) < _LINES:
            self.lines.append(f"{offset:>10}  {text}{f'   <- models/{rule}' if rule else ''}")

    def imported(self, value: Global) -> None:
        rule = "computed-name"
        if isinstance(value.module, str) and isinstance(value.name, str):
            rule = self.allow.fault(value.module, value.name, Use.REFERENCE)
        self.note(value.offset, f"import {render(value)}", "extension-code" if value.extension else rule)

    def called(self, call: Call) -> Value:
        use = Use.CONSTRUCT if call.how.startswith("NEWOBJ") else Use.CALL
        rule = "computed-call"
        if isinstance(call.function, Global) and isinstance(call.function.module, str):
            rule = self.allow.fault(call.function.module, str(call.function.name), use)
        self.note(call.offset, f"{'make' if use is Use.CONSTRUCT else 'call'}   {render(call)}", rule)
        return None

    def built(self, target: Value, state: Value, offset: int) -> None:
        rule = "state-on-import" if isinstance(target, Global) else ""
        self.note(offset, f"state  {render(target, 1, 80)} <- {render(state, 2, 80)}", rule)

    def altered(self, target: Value, values: list[Value], offset: int) -> None:
        self.note(offset, f"items  {render(target, 1, 80)}", "state-on-import" if isinstance(target, Global) else "")

    def content(self, value: str | bytes | Long, offset: int) -> None:
        """Strings show up where they are used."""

    def persistent(self, value: Value, offset: int) -> Value:
        self.note(offset, f"outside object {render(value)}")
        return None

    def noted(self, fault: str, offset: int) -> None:
        self.note(offset, fault, "pickle-structure")


def explain(file: BinaryIO, allow: AllowList, limits: Limits = DEFAULT) -> Iterator[str]:
    """Yield what the pickles of a file do, one line each with its offset; raises InputError for no pickle."""
    notes = _Notes(allow)
    window = Window(file, limits)
    machine = Machine(window, notes, limits)
    count = 0
    try:
        while window.peek(1):
            value = machine.run()
            count += 1
            notes.note(window.position - 1, f"stop   {render(value, 2, 120)}")
    except (Broken, OverBound) as error:
        if not count and not notes.lines:
            raise InputError(f"this is no pickle: {error.message}") from None
        notes.note(error.offset, f"end    {printable(error.message)}", "broken-pickle")
    yield from notes.lines
