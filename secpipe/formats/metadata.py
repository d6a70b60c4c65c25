"""Core metadata of a Python distribution (PKG-INFO, METADATA): the headers, as they are written."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

_HEADER = re.compile(r"([A-Za-z][A-Za-z0-9-]*):[ \t]*(.*)$")
_LICENSE = "License :: "


@dataclass(frozen=True, slots=True)
class Metadata:
    """Headers by lower-case name, each with all its values."""

    headers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def first(self, name: str) -> str:
        """Return the first value of a header, or "" (also for the old placeholder UNKNOWN)."""
        value = next(iter(self.headers.get(name.lower(), ())), "").strip()
        return "" if value == "UNKNOWN" else value

    def all(self, name: str) -> tuple[str, ...]:
        """Return every value of a header."""
        return self.headers.get(name.lower(), ())

    @property
    def licenses(self) -> tuple[str, ...]:
        """The licence: its SPDX expression, else the short licence text, else what classifiers say."""
        if expression := self.first("License-Expression"):
            return (expression,)
        text = self.first("License")
        if text and len(text) <= 100 and "\n" not in text:
            return (text,)
        named = [value.rpartition(" :: ")[2] for value in self.all("Classifier") if value.startswith(_LICENSE)]
        return tuple(sorted({name for name in named if name != "OSI Approved"}))

    @property
    def supplier(self) -> str:
        """Who made it: author or maintainer, by name, else by address."""
        for name in ("Author", "Maintainer", "Author-email", "Maintainer-email"):
            if value := self.first(name):
                return value.partition("<")[0].strip(' "') or value
        return ""


def parse(data: bytes) -> Metadata:
    """Return the headers of core metadata; the description after the first empty line is not read."""
    headers: dict[str, list[str]] = defaultdict(list)
    name = ""
    for line in data.decode("utf-8", "replace").splitlines():
        if not line.strip():
            break
        if line[:1] in " \t" and name:
            headers[name][-1] += "\n" + line.strip()
        elif found := _HEADER.match(line):
            name = found[1].lower()
            headers[name].append(found[2])
    return Metadata({key: tuple(values) for key, values in headers.items()})
