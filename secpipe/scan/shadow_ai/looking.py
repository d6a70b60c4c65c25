"""What one text says by itself: its signs, its keys, its waivers; what other files say changes nothing in it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from secpipe.core.artifact import FileEntry
from secpipe.core.finding import Finding
from secpipe.core.limits import Limits
from secpipe.core.protocols import Tree
from secpipe.core.text import printable
from secpipe.formats.coding import as_utf8
from secpipe.scan.shadow_ai import readers, text
from secpipe.scan.shadow_ai.catalogue import Catalogue
from secpipe.scan.shadow_ai.downloads import download_findings, download_signal
from secpipe.scan.shadow_ai.leaks import leaks
from secpipe.scan.shadow_ai.plain import prefilter_of
from secpipe.scan.shadow_ai.signal import EnvValue, Reading

WHOLE = 1 << 18  # larger files are read only around the terms, where a sign needs no more than its surroundings
_EXCERPT = 4000
_READERS = {"text": "plain text"}  # "text" is the account's word for a search instead of a parser
_WAIVER = re.compile(r"secpipe:\s*allow\s+shadow-ai\b[\s:,-]*([^\n]{3,200})")


@dataclass(frozen=True, slots=True)
class Said:
    """What a text said: `findings` need no policy, `told` are sentences on what was not read in it, `waivers` by line.

    `shallow` says why it was searched as text only, "" where it was not.
    """

    reading: Reading
    shallow: str
    findings: list[Finding]
    told: list[str]
    waivers: dict[int, str]

    @property
    def reader(self) -> str:
        """The account's word for what read it."""
        return _READERS.get(self.reading.engine, self.reading.engine)


@dataclass(frozen=True, slots=True)
class Eyes:
    """Searches and reads the texts of one tree; `region_of` is the region of a path."""

    tree: Tree
    catalogue: Catalogue
    limits: Limits
    region_of: Callable[[str], str]

    def look(self, entry: FileEntry) -> Said | None:
        """Return what a text of the tree says; None where it holds no term and is none that is always read.

        Raises InputError where it cannot be read.
        """
        data = as_utf8(self.tree.read(entry, self.limits.text_bytes))
        if not prefilter_of(self.catalogue).positions(data) and not readers.always(entry.path, self.catalogue):
            return None
        shorter = self._shorter(entry, data)
        content = (shorter or data).decode("utf-8", "replace")
        reading = readers.read(entry.path, content, entry.head, self.catalogue)
        if shorter:
            # Where a cut falls into a string, quotes may pair up wrongly: addresses are found without them.
            reading.signals += [sign for sign in text.read(content, self.catalogue).signals if sign.role == "endpoint"]
        shallow = f"larger than {WHOLE:,} bytes: read around its terms" if shorter else ""
        if not shallow and reading.engine in _READERS and readers.is_unparsed(entry.path, entry.head):
            shallow = "no parser for this language"
        return self.judge(entry.path, content, reading, shallow)

    def _shorter(self, entry: FileEntry, data: bytes) -> bytes:
        """Return what is near the terms of a source file too large to be lexed whole, or b""."""
        if len(data) <= WHOLE or not readers.is_local(entry.path, entry.head, self.catalogue):
            return b""
        return prefilter_of(self.catalogue).excerpt(data, _EXCERPT)

    def judge(self, path: str, content: str, reading: Reading, shallow: str = "") -> Said:
        """Place what was read of a text, and judge what needs no policy."""
        region = self.region_of(path)
        reading.signals = [sign.at(path, region) for sign in reading.signals]
        reading.values = [EnvValue(value.name, value.value, path, value.line) for value in reading.values]
        findings: list[Finding] = []
        for download in (one for one in reading.downloads if one.provider):
            reading.signals.append(download_signal(download, path, region))
            findings += download_findings(download, path, region)
        told: list[str] = []
        other = bool(reading.signals)
        findings += leaks(content, path, region, self.catalogue, other_signs=other, tell=told.append)
        return Said(reading, shallow, findings, told, waivers(content) if "secpipe" in content else {})


def waivers(content: str) -> dict[int, str]:
    """Return the reasons of inline waivers (`secpipe: allow shadow-ai because ...`) by line; a policy decides if they
    count.
    """
    found = {}
    for match in _WAIVER.finditer(content):
        found[content.count("\n", 0, match.start()) + 1] = printable(match[1].strip(), 200)
    return found
