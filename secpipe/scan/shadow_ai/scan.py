"""The scan: prefilter every file of the tree, read the candidates, attribute what they say, keep what was not read."""

from __future__ import annotations

import codecs
from collections import Counter
from typing import Any

from secpipe.core.artifact import FileEntry, Skip
from secpipe.core.errors import InputError
from secpipe.core.evidence import Evidence, State
from secpipe.core.finding import Confidence, Finding, Severity, sort_key
from secpipe.core.limits import DEFAULT, Limits
from secpipe.core.protocols import Tree
from secpipe.scan.shadow_ai import readers
from secpipe.scan.shadow_ai.attribute import attribute
from secpipe.scan.shadow_ai.catalogue import Catalogue, read_catalogue
from secpipe.scan.shadow_ai.leaks import leaks
from secpipe.scan.shadow_ai.prefilter import Prefilter
from secpipe.scan.shadow_ai.regions import region_of
from secpipe.scan.shadow_ai.signal import Reading, Signal
from secpipe.scan.shadow_ai.terms import derive


def scan(
    tree: Tree, *, limits: Limits = DEFAULT, catalogue: Catalogue | None = None, semgrep: str | None = None
) -> Evidence:
    """Return the evidence `shadow-ai` of a tree.

    `facts` are `uses` (every use of AI, whatever a policy says of it), `engines` (what looked) and `coverage` (what was
    read, and how many files not). Findings are those that need no policy: leaked keys, remote code, unpinned downloads.
    `semgrep` is the path of a semgrep program; with None the built-in readers alone look.
    """
    known = catalogue or read_catalogue()
    run = _Run(tree, known, limits)
    for entry in tree.files:
        run.visit(entry)
    return run.evidence()


class _Run:
    """One scan of one tree."""

    def __init__(self, tree: Tree, catalogue: Catalogue, limits: Limits) -> None:
        self.tree = tree
        self.catalogue = catalogue
        self.limits = limits
        self.prefilter = Prefilter(derive(catalogue))
        self.readings: dict[str, Reading] = {}
        self.findings: list[Finding] = []
        self.skips: list[Skip] = []
        self.counts: Counter[str] = Counter()

    def visit(self, entry: FileEntry) -> None:
        self.counts["files"] += 1
        region = region_of(entry.path)
        if is_binary(entry.head):
            self._binary(entry)
            return
        if entry.size > self.limits.text_bytes:
            self.skips.append(Skip(entry.path, f"larger than {self.limits.text_bytes:,} bytes"))
            return
        try:
            data = self.tree.read(entry, self.limits.text_bytes)
        except InputError as error:
            self.skips.append(Skip(entry.path, error.message))
            return
        self.counts["searched"] += 1
        data = as_utf8(data)
        _, always = readers.reader_of(entry.path, entry.head)
        if not always and not self.prefilter.positions(data):
            return
        self.counts["candidates"] += 1
        self._read(entry.path, data.decode("utf-8", "replace"), region, entry.head)

    def _read(self, path: str, content: str, region: str, head: bytes) -> None:
        reading = readers.read(path, content, head, self.catalogue)
        reading.signals = [sign.at(path, region) for sign in reading.signals]
        reading.values = [type(value)(value.name, value.value, path, value.line) for value in reading.values]
        for note in reading.notes:
            self.skips.append(Skip(path, f"{note}; read as plain text"))
        for download in reading.downloads:
            reading.signals.append(_download_signal(download, path, region))
            self.findings += _download_findings(download, path, region)
        self.findings += leaks(content, path, region, self.catalogue, other_signs=bool(reading.signals))
        if reading.signals or reading.values or reading.packages or reading.reads:
            self.readings[path] = reading

    def _binary(self, entry: FileEntry) -> None:
        self.counts["binary"] += 1
        if readers.reader_of(entry.path, entry.head)[0] is not None:
            self.skips.append(Skip(entry.path, "is binary, though its name says source"))

    def evidence(self) -> Evidence:
        uses = attribute(self.readings, self.catalogue)
        engines = sorted(
            {reading.engine for reading in self.readings.values() if reading.engine} | {self.prefilter.engine}
        )
        facts: dict[str, Any] = {
            "uses": [use.to_dict() for use in uses],
            "engines": engines,
            "coverage": {**dict(sorted(self.counts.items())), "not_read": len(self.skips)},
        }
        findings = sorted(self.findings, key=sort_key)[: self.limits.findings]
        return Evidence(
            "shadow-ai", State.OK, findings=tuple(findings), skips=tuple(sorted(self.skips, key=lambda skip: skip.path)), facts=facts,
            producer=f"secpipe shadow-ai, catalogue {self.catalogue.digest[:12]}, {', '.join(engines)}",
        )  # fmt: skip


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


def _download_signal(download: Any, path: str, region: str) -> Signal:
    evidence = f"{download.call} fetches {download.source or 'a model named at run time'}"
    return Signal(
        "direct", "download", download.provider, path=path, line=download.line, model=download.source, region=region,
        confidence=Confidence.HIGH if download.source else Confidence.LOW, evidence=evidence + ("" if download.pinned else ", revision not pinned"),
    )  # fmt: skip


def _download_findings(download: Any, path: str, region: str) -> list[Finding]:
    source = download.source or "a model named at run time"
    strict = region in {"code", "config", "example"}
    common = {
        "path": path,
        "line": download.line,
        "details": {"provider": download.provider, "source": download.source, "region": region},
    }
    found = []
    if download.remote_code:
        found.append(Finding(
            rule="shadow-ai/remote-code", message=f"{path}:{download.line} runs code that comes with {source}: {download.call} with trust_remote_code",
            severity=Severity.HIGH if strict else Severity.LOW, subject=f"{download.call} {download.source}",
            fix="take a model that needs no code of its own, or vendor and review that code at a fixed revision", **common,
        ))  # fmt: skip
    if download.source and not download.pinned:
        found.append(Finding(
            rule="shadow-ai/unpinned-download", message=f"{path}:{download.line} downloads {source} without a pinned revision: whoever owns it can change it",
            severity=Severity.MEDIUM if strict else Severity.INFO, subject=f"{download.call} {download.source}",
            fix='pin a full commit id, for instance revision="<40 hex digits>"', **common,
        ))  # fmt: skip
    return found
