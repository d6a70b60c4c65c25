"""The scan: prefilter every file of the tree, read the candidates, attribute what they say, keep what was not read."""

from __future__ import annotations

import codecs
import contextlib
import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from secpipe.core.artifact import FileEntry, Skip
from secpipe.core.errors import InputError, SecpipeError
from secpipe.core.evidence import Evidence, State
from secpipe.core.finding import Finding, sort_key
from secpipe.core.limits import DEFAULT, Limits
from secpipe.core.protocols import Tree
from secpipe.core.text import printable
from secpipe.scan.shadow_ai import notebooks, readers, text
from secpipe.scan.shadow_ai.attribute import attribute
from secpipe.scan.shadow_ai.catalogue import Catalogue, read_catalogue
from secpipe.scan.shadow_ai.downloads import download_findings, download_signal
from secpipe.scan.shadow_ai.leaks import leaks
from secpipe.scan.shadow_ai.prefilter import Prefilter
from secpipe.scan.shadow_ai.regions import region_of
from secpipe.scan.shadow_ai.semgrep import SUFFIXES, look
from secpipe.scan.shadow_ai.signal import Reading
from secpipe.scan.shadow_ai.terms import derive

_CHUNK = 1 << 20
_AROUND = 400  # bytes read on each side of a term in a file too large to read whole
_MAX_WINDOWS = 2000
_WHOLE = 1 << 16  # larger files are read only around the terms, where a sign needs no more than its surroundings
_EXCERPT = 4000
_WAIVER = re.compile(r"secpipe:\s*allow\s+shadow-ai\b[\s:,-]*([^\n]{3,200})")


class Quiet(Protocol):
    """Digests (hex SHA-256) of content that holds no term of the catalogue."""

    def __contains__(self, digest: object, /) -> bool: ...

    def add(self, digest: str, /) -> None: ...


def scan(
    tree: Tree,
    *,
    limits: Limits = DEFAULT,
    catalogue: Catalogue | None = None,
    semgrep: str | None = None,
    rules: Sequence[Path] = (),
    only: Collection[str] | None = None,
    quiet: Quiet | None = None,
) -> Evidence:
    """Return the evidence `shadow-ai` of a tree.

    `facts` are `uses` (every use of AI, whatever a policy says of it: `Use.to_dict`), `engines` (what looked) and
    `coverage` (what was read, and how many files were not). Findings are those that need no policy: leaked keys, remote
    code, unpinned downloads. `semgrep` is the path of a semgrep program, `rules` the user's own rule files for it; with
    None the built-in readers alone look. With `only`, files outside it are read as context (environment files) or not
    at all, and nothing is said about them. `quiet` are digests of content known to hold no term of the catalogue: such
    files are not searched again, and the scan adds those that it finds so.
    """
    run = _Run(tree, catalogue or read_catalogue(), limits, only, quiet)
    for entry in tree.files:
        run.visit(entry)
    if semgrep is not None:
        run.second_look(semgrep, rules)
    return run.evidence()


@cache
def prefilter_of(catalogue: Catalogue) -> Prefilter:
    """Return the prefilter of a catalogue, made once."""
    return Prefilter(derive(catalogue))


class _Run:
    """One scan of one tree."""

    def __init__(
        self,
        tree: Tree,
        catalogue: Catalogue,
        limits: Limits,
        only: Collection[str] | None,
        quiet: Quiet | None = None,
    ) -> None:
        self.quiet = quiet
        self.tree = tree
        self.catalogue = catalogue
        self.limits = limits
        self.prefilter = prefilter_of(catalogue)
        self.readings: dict[str, Reading] = {}
        self.findings: list[Finding] = []
        self.skips: list[Skip] = []
        self.counts: Counter[str] = Counter()
        lent = () if only is None else (entry.path for entry in tree.files if entry.via in only)
        self.only = None if only is None else frozenset((*only, *lent))
        self.candidates: list[FileEntry] = []
        self.waivers: dict[str, dict[int, str]] = {}
        self.engines = {self.prefilter.engine}

    def visit(self, entry: FileEntry) -> None:
        """Search one file, and read it if it is a candidate."""
        self.counts["files"] += 1
        if self.only is not None and entry.path not in self.only and not readers.is_context(entry.path):
            self.counts["unchanged"] += 1
            return
        if is_binary(entry.head):
            self.counts["binary"] += 1
            if readers.is_source(entry.path):
                self.skips.append(Skip(entry.path, "is binary, though its name says source"))
            return
        if entry.size > self.limits.text_bytes:
            self._large(entry)
            return
        always = readers.always(entry.path, self.catalogue)
        if self.quiet is not None and not always and entry.sha256 in self.quiet:
            self.counts["searched"] += 1
            return
        try:
            data = as_utf8(self.tree.read(entry, self.limits.text_bytes))
        except InputError as error:
            self.skips.append(Skip(entry.path, error.message))
            return
        self.counts["searched"] += 1
        if not self.prefilter.positions(data) and not always:
            if self.quiet is not None:
                self.quiet.add(entry.sha256)
            return
        self.counts["candidates"] += 1
        self.candidates.append(entry)
        if len(data) > _WHOLE and readers.is_local(entry.path, entry.head, self.catalogue):
            data = self.prefilter.excerpt(data, _EXCERPT) or data
        content = data.decode("utf-8", "replace")
        self._take(entry.path, content, readers.read(entry.path, content, entry.head, self.catalogue))

    def second_look(self, program: str, rules: Sequence[Path]) -> None:
        """Let Semgrep look at the candidates; without candidates it is never started. That it failed is a skip."""
        files = {}
        for entry in self.candidates:
            if entry.path.lower().endswith(SUFFIXES):
                with contextlib.suppress(InputError):
                    files[entry.path] = as_utf8(self.tree.read(entry, self.limits.text_bytes))
        if not files:
            return
        try:
            found = look(program, files, self.catalogue, rules)
        except SecpipeError as error:
            self.skips.append(Skip("", f"semgrep did not look: {error.message}"))
            return
        self.engines.add("semgrep")
        for path, signs in found.items():
            reading = self.readings.setdefault(path, Reading(engine="semgrep"))
            reading.signals += [sign.at(path, region_of(path)) for sign in signs]

    def _large(self, entry: FileEntry) -> None:
        """A file too large to read whole: notebooks cell by cell, other text only searched for hosts and keys."""
        try:
            with self.tree.open(entry) as file:
                if entry.path.endswith(".ipynb"):
                    cells = notebooks.stream(file)
                    content = "\n".join(cells)
                    self._take(entry.path, content, notebooks.read_cells(cells, "", self.catalogue))
                    self.counts["searched"] += 1
                    return
                found = self._windows(file)
        except InputError as error:
            self.skips.append(Skip(entry.path, error.message))
            return
        self.counts["searched"] += 1
        if found:
            self._take(entry.path, found, text.read(found, self.catalogue, comments=False))
        if readers.is_source(entry.path):
            self.skips.append(
                Skip(
                    entry.path, f"larger than {self.limits.text_bytes:,} bytes: searched for hosts, names and keys only"
                )
            )

    def _windows(self, file: BinaryIO) -> str:
        """Return the surroundings of every term in a large file, at most `_MAX_WINDOWS` of them."""
        parts: list[bytes] = []
        tail = b""
        while (chunk := file.read(_CHUNK)) and len(parts) < _MAX_WINDOWS:
            data = tail + chunk
            last = -1
            for position in self.prefilter.positions(data):
                if position > last:
                    parts.append(data[max(0, position - _AROUND) : position + _AROUND])
                    last = position + _AROUND
            tail = data[-_AROUND:]
        return b"\n".join(parts[:_MAX_WINDOWS]).decode("utf-8", "replace")

    def _take(self, path: str, content: str, reading: Reading) -> None:
        """Place what a file said, and judge what needs no policy."""
        region = region_of(path)
        reading.signals = [sign.at(path, region) for sign in reading.signals]
        reading.values = [replace(value, path=path) for value in reading.values]
        if reading.notes and region in {"test", "vendored", "docs"}:
            self.counts["read_as_text"] += 1  # broken on purpose, or for another interpreter: read, if not in full
        else:
            self.skips += [Skip(path, f"{note}; read as plain text") for note in reading.notes]
        self.skips += [Skip(path, part) for part in dict.fromkeys(reading.unread)]
        for download in reading.downloads:
            reading.signals.append(download_signal(download, path, region))
            self.findings += download_findings(download, path, region)
        self.findings += leaks(content, path, region, self.catalogue, other_signs=bool(reading.signals))
        self.waivers[path] = waivers(content) if "secpipe" in content else {}
        if reading.signals or reading.values or reading.packages or reading.reads:
            self.readings[path] = reading

    def _waiver(self, path: str, line: int) -> str:
        """The reason given on the line of a use or on the line before."""
        given = self.waivers.get(path, {})
        return given.get(line) or given.get(line - 1) or ""

    def evidence(self) -> Evidence:
        uses = attribute(self.readings, self.catalogue)
        findings = sorted(self.findings, key=sort_key)
        if self.only is not None:
            uses = [use for use in uses if use.path in self.only]
            findings = [finding for finding in findings if finding.path in self.only]
        if len(findings) + len(uses) > self.limits.findings:
            self.skips.append(Skip("", f"more than {self.limits.findings:,} uses and findings: the rest is left out"))
            findings, uses = findings[: self.limits.findings // 2], uses[: self.limits.findings // 2]
        engines = sorted(self.engines | {reading.engine for reading in self.readings.values() if reading.engine})
        shown = [{**use.to_dict(), "waiver": self._waiver(use.path, use.line)} for use in uses]
        facts: dict[str, Any] = {
            "uses": shown,
            "engines": engines,
            "coverage": {**dict(sorted(self.counts.items())), "not_read": len(self.skips)},
        }
        return Evidence(
            "shadow-ai", State.OK, findings=tuple(findings), skips=tuple(sorted(self.skips,
            key=lambda skip: skip.path)), facts=facts,
            producer=f"secpipe shadow-ai, catalogue {self.catalogue.digest[:12]}, {', '.join(engines)}",
        )  # fmt: skip


def waivers(content: str) -> dict[int, str]:
    """Return the reasons of inline waivers (`secpipe: allow shadow-ai because ...`) by line; a policy decides if they
    count.
    """
    found = {}
    for match in _WAIVER.finditer(content):
        found[content.count("\n", 0, match.start()) + 1] = printable(match[1].strip(), 200)
    return found


def is_binary(head: bytes) -> bool:
    """Whether the first bytes are no text; UTF-16 with or without its mark is text."""
    if b"\0" not in head or head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return False
    return not _utf16(head)


def _utf16(head: bytes) -> str:
    """Return the codec of UTF-16 without a mark: nearly every second byte is NUL."""
    pairs = len(head) // 2
    if pairs < 4:
        return ""
    if head[1::2].count(0) >= pairs * 0.8 and head[0::2].count(0) == 0:
        return "utf-16-le"
    return "utf-16-be" if head[0::2].count(0) >= pairs * 0.8 and head[1::2].count(0) == 0 else ""


def as_utf8(data: bytes) -> bytes:
    """Return text as UTF-8 bytes without a byte order mark; undecodable parts are replaced."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace").encode("utf-8", "replace")
    coding = _utf16(data[:64]) if b"\0" in data[:64] else ""
    if coding:
        return data.decode(coding, "replace").encode("utf-8", "replace")
    return data.removeprefix(codecs.BOM_UTF8)
