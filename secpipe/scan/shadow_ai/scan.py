"""The scan: prefilter every file of the tree, read the candidates, attribute what they say, keep what was not read."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence, Set
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from secpipe.core.artifact import FileEntry, Skip
from secpipe.core.errors import InputError, SecpipeError
from secpipe.core.evidence import Evidence, State
from secpipe.core.finding import Finding, sort_key
from secpipe.core.ledger import NOBODY, Ledger, Thing
from secpipe.core.limits import DEFAULT, Limits
from secpipe.core.protocols import Tree
from secpipe.core.text import printable
from secpipe.formats import extents, unpack
from secpipe.formats.coding import as_utf8
from secpipe.formats.stream import Prefixed, at, upto
from secpipe.scan.shadow_ai import large, notebooks, readers
from secpipe.scan.shadow_ai.attribute import attribute, needed
from secpipe.scan.shadow_ai.catalogue import Catalogue, read_catalogue
from secpipe.scan.shadow_ai.contents import OPAQUE, PROVEN, is_binary, row_of
from secpipe.scan.shadow_ai.joined import Joiner, join, told
from secpipe.scan.shadow_ai.looking import WHOLE, Eyes, Said
from secpipe.scan.shadow_ai.plain import prefilter_of
from secpipe.scan.shadow_ai.reach import shipped
from secpipe.scan.shadow_ai.regions import LABELS, left_to_labels, region_of
from secpipe.scan.shadow_ai.remembered import Remembered
from secpipe.scan.shadow_ai.semgrep import SUFFIXES, look
from secpipe.scan.shadow_ai.sharing import Shared
from secpipe.scan.shadow_ai.signal import Reading


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
    plain: Set[str] = frozenset(),
    memory: Remembered | None = None,
) -> Evidence:
    """Return the evidence `shadow-ai` of a tree.

    `facts` are `uses` (every use of AI, whatever a policy says of it: `Use.to_dict`), `references` (what code fetches:
    `Download.to_dict`), `engines` (what looked), `coverage` (what was read, and how many files were not) and
    `left_to_labels` (`{region: {uses, files}}`: what stands in tests, prose and copies of others' code). The account
    (`core.ledger`) says how every file ended. Findings need no policy. `semgrep` is the path of a semgrep program,
    `rules` the user's own rule files for it; with None the built-in readers alone look. With `only`, files outside it
    are read as context (environment files) or not at all, and nothing is said about them. `quiet` are digests of
    content known to hold no term of the catalogue: such files are not searched again, and the scan adds those that it
    finds so. `plain` are paths of files that were searched already: for which `is_plain` holds. `memory` is what
    an earlier run found in single files; it takes the place of both, and learns from this one.
    """
    plain, quiet = (memory.paths, memory.quiet) if memory else (plain, quiet)
    run = _Run(tree, catalogue or read_catalogue(), limits, only, quiet, memory)
    entries = [entry for entry in tree.files if entry.path not in plain]
    run.read_ahead(entries)
    for entry in entries:
        run.visit(entry)
    run.searched(plain)
    run.promote()
    run.join()
    run.look_for_settings()
    if semgrep is not None:
        run.second_look(semgrep, rules)
    return run.evidence()


class _Run:
    """One scan of one tree."""

    def __init__(
        self,
        tree: Tree,
        catalogue: Catalogue,
        limits: Limits,
        only: Collection[str] | None,
        quiet: Quiet | None = None,
        memory: Remembered | None = None,
    ) -> None:
        self.memory = memory
        self.quiet = quiet
        self.tree = tree
        self.catalogue = catalogue
        self.limits = limits
        self.prefilter = prefilter_of(catalogue)
        self.readings: dict[str, Reading] = {}
        self.findings: list[Finding] = []
        self.skips: list[Skip] = []  # of the scan, not of a file
        host = next(iter(catalogue.hosts), "")
        if host and not self.prefilter.positions(f"https://{host}/".encode()):
            self.skips.append(Skip("", "the search for terms finds nothing, not even what it must"))
        self.ledger = Ledger()
        self.promoted: frozenset[str] = frozenset()
        self.counts: Counter[str] = Counter()
        lent = () if only is None else (entry.path for entry in tree.files if entry.via in only)
        self.only = None if only is None else frozenset((*only, *lent))
        self.candidates: list[FileEntry] = []
        self.members: dict[str, str] = {}  # file of an archive -> the archive
        self.waivers: dict[str, dict[int, str]] = {}
        self.engines = {self.prefilter.engine}
        self.eyes = Eyes(tree, catalogue, limits, self.region)
        self.shared = Shared()

    def visit(self, entry: FileEntry) -> None:
        """Search one file, and read it if it is a candidate; it is settled in the account."""
        self.counts["files"] += 1
        if self.only is not None and entry.path not in self.only and not readers.is_context(entry.path):
            self.counts["unchanged"] += 1
            return
        self.ledger.open(Thing.FILE, entry.path)
        try:
            self._look(entry)
        except InputError as error:
            self.ledger.not_read(Thing.FILE, entry.path, error.message)

    def searched(self, plain: Set[str]) -> None:
        """Settle files that were searched before, and held nothing."""
        if plain:
            self.counts.update(files=len(plain), searched=len(plain))
        self.ledger.all_judged(Thing.FILE, plain, "search")

    def _look(self, entry: FileEntry) -> None:
        if unpack.may_be(entry.head) and self._packed(entry):
            return
        if is_binary(entry.head):
            self._binary(entry)
            return
        if entry.size > self.limits.text_bytes:
            self._large(entry)
            return
        if self._is_quiet(entry):
            self.counts["searched"] += 1
            self.ledger.judged(Thing.FILE, entry.path, "search")
            return
        known, said = self.shared.take(entry.path)
        said = said if known else self.eyes.look(entry)
        self.counts["searched"] += 1
        if said is None:
            if self.quiet is not None:
                self.quiet.add(entry.sha256)
            self.ledger.judged(Thing.FILE, entry.path, "search")
            return
        self.counts["candidates"] += 1
        self.candidates.append(entry)
        if self.memory and entry.path not in self.promoted:
            self.memory.note(entry, said)
        self._settle(entry.path, said)

    def _is_quiet(self, entry: FileEntry) -> bool:
        """Whether the content of a text is known to hold no term."""
        return self.quiet is not None and not readers.always(entry.path, self.catalogue) and entry.sha256 in self.quiet

    def read_ahead(self, entries: Iterable[FileEntry]) -> None:
        """Let several processes read the texts of a large tree; without that each is read when it is visited."""
        if self.only is not None:
            return
        texts = []
        for entry in entries:
            line = self.memory.recall(entry) if self.memory else None
            if line is not None:
                self.shared.recall(entry.path, line)
            elif entry.size <= self.limits.text_bytes and not (unpack.may_be(entry.head) or is_binary(entry.head)):
                texts += [entry] * (not self._is_quiet(entry))
        self.shared.read(texts, self.eyes.look)

    def _packed(self, entry: FileEntry) -> bool:
        """Read the files in an archive as if they lay in its place; False for a file that is none."""
        with self.tree.open(entry) as file:
            kind = unpack.kind_of(file, entry.size)
            for one in unpack.files(file, kind, entry.path, self.limits) if kind else ():
                path = f"{entry.path}/{one.name}".rstrip("/")
                if one.problem:
                    self.ledger.not_read(Thing.FILE, entry.path, f"{printable(one.name)} {one.problem}".strip())
                    continue
                self.members[path] = entry.path
                self.ledger.open(Thing.MEMBER, path)
                try:
                    self._member(path, one)
                except InputError as error:
                    self.ledger.not_read(Thing.MEMBER, path, error.message)
        if kind:
            self.ledger.judged(Thing.FILE, entry.path, kind)
        return bool(kind)

    def _member(self, path: str, one: unpack.Packed) -> None:
        """Search one file of an archive, and read it if it is a candidate."""
        if is_binary(one.head):
            self.ledger.cannot_hold(Thing.MEMBER, path, row_of(one.head))
            return
        data = upto(one.stream, self.limits.text_bytes + 1)
        if len(data) > self.limits.text_bytes:
            whole = Prefixed(data, one.stream)
            reading, content = large.stream(whole, path, one.head, self.prefilter, self.catalogue, self.limits)
            self._take(path, content, reading, f"larger than {self.limits.text_bytes:,} bytes")
            return
        data = as_utf8(data)
        if not self.prefilter.positions(data) and not readers.always(path, self.catalogue):
            self.ledger.judged(Thing.MEMBER, path, "search")
            return
        content = data.decode("utf-8", "replace")
        reading = readers.read(path, content, one.head, self.catalogue)
        reading.values = []  # what an archive sets is no setting of what runs beside it
        self._take(path, content, reading)

    def _binary(self, entry: FileEntry) -> None:
        """No text by its first bytes; what follows them may be one all the same."""
        self.counts["binary"] += 1
        row = row_of(entry.head)
        if readers.is_source(entry.path):
            self.ledger.not_read(Thing.FILE, entry.path, "is binary, though its name says source")
        elif (row != OPAQUE and row not in PROVEN) or (end := self._end(entry, row)) == entry.size:
            self.ledger.cannot_hold(Thing.FILE, entry.path, row)
        else:
            self._search(entry, row if end else OPAQUE, end)

    def _end(self, entry: FileEntry, row: str) -> int:
        """Return where the content ends that the first bytes announce; 0 where that is not proven."""
        if row not in PROVEN:
            return 0
        with self.tree.open(entry) as file:
            end = max(extents.end_of(file, entry.size), 0)
            if 0 < end < entry.size and row_of(at(file, end, 64)) not in {OPAQUE, *PROVEN}:
                self.ledger.not_read(Thing.FILE, entry.path, f"an archive stands behind the end of the {row}")
        return end

    def _search(self, entry: FileEntry, row: str, start: int) -> None:
        """Search bytes that are no text for the words of one, from where a proven end leaves off."""
        look = partial(large.read, self.tree, entry, self.prefilter, self.catalogue, self.limits)
        reading, content = look(ends=not start, start=start)
        if reading.signals or reading.notes or not reading.engine:
            self._take(entry.path, content, reading, "text among bytes that are none")
        else:
            self.ledger.cannot_hold(Thing.FILE, entry.path, row)

    def promote(self) -> None:
        """Read again, as code, what bears a label and is reached by shipped code all the same."""
        labelled = {path for path, reading in self.readings.items() if self.region(path) in LABELS and reading.signals}
        labelled |= {finding.path for finding in self.findings if self.region(finding.path) in LABELS}
        if not labelled:
            return
        found = shipped(self.tree, region_of, self.limits) & labelled
        self.promoted = frozenset(found)
        for path in sorted(found):
            self.readings.pop(path, None)
            self.findings = [finding for finding in self.findings if finding.path != path]
            entry = self.tree.find(path)
            if entry is not None:
                self._look(entry)

    def join(self) -> None:
        """Read candidates again with what they import, where an address is put together from several files."""
        paths = dict.fromkeys(entry.path for entry in self.candidates)
        joiner = Joiner(self.tree, self.catalogue, self.limits, lambda path: told(self.readings.get(path)))
        join(self.readings, paths, joiner, lambda sign, at: sign.at(at, self.region(at)))
        for path, why in joiner.unread.items():
            self.ledger.not_read(Thing.FILE, path, why)
        for path, why in joiner.partly.items():
            self.ledger.not_read(Thing.FILE, path, why, soft=self.region(path) in LABELS)

    def look_for_settings(self) -> None:
        """Find what gives the names a value that clients take their address from, in files that say nothing of AI."""
        signs = [sign for reading in self.readings.values() for sign in reading.signals if sign.role == "client"]
        known = {value.name for reading in self.readings.values() for value in reading.values}
        names = {name for sign in signs for name in sign.envs if name.isidentifier()} - known
        # A file that holds a name like OPENAI_BASE_URL was read already: the name itself says something of AI.
        wanted = {name for name in names if not self.prefilter.positions(name.encode())}
        if not wanted:
            return
        pattern = re.compile("|".join(sorted(wanted)).encode(), re.I)
        for entry in self.tree.files:
            if entry.path in self.readings or is_binary(entry.head) or entry.size > WHOLE:
                continue
            try:
                data = as_utf8(self.tree.read(entry, WHOLE))
            except InputError as error:
                self.ledger.not_read(Thing.FILE, entry.path, error.message)
                continue
            if pattern.search(data):
                found = readers.read(entry.path, data.decode("utf-8", "replace"), entry.head, self.catalogue)
                values = [replace(value, path=entry.path) for value in needed(found.values, wanted)]
                self.readings[entry.path] = Reading(values=values, engine=found.engine)

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
            reading.signals += [sign.at(path, self.region(path)) for sign in signs]

    def _large(self, entry: FileEntry) -> None:
        """A file too large to read whole: notebooks cell by cell, other text as it streams by."""
        self.counts["searched"] += 1
        if entry.path.endswith(".ipynb"):
            with self.tree.open(entry) as file:
                cells = notebooks.stream(file)
            self._take(entry.path, "\n".join(cells), notebooks.read_cells(cells, "", self.catalogue))
            return
        reading, content = large.read(self.tree, entry, self.prefilter, self.catalogue, self.limits)
        self._take(entry.path, content, reading, f"larger than {self.limits.text_bytes:,} bytes")

    def _take(self, path: str, content: str, reading: Reading, shallow: str = "") -> None:
        """Settle what was read of a text that is not read as one piece, or lies in an archive."""
        self._settle(path, self.eyes.judge(path, content, reading, shallow))

    def _settle(self, path: str, said: Said) -> None:
        """Keep what a text said, and settle it in the account."""
        region, thing = self.region(path), Thing.MEMBER if path in self.members else Thing.FILE
        reading = said.reading
        for note in reading.notes:
            if region in LABELS:  # broken on purpose, or for another interpreter: read, if not in full
                self.counts["read_as_text"] += 1
                self.ledger.judged_as_text(thing, path, note, ships=False)
            else:
                self.ledger.not_read(thing, path, f"{note}; read as plain text")
        for part in reading.unread or [NOBODY] * (not reading.engine):
            self.ledger.not_read(thing, path, part)
        if said.shallow:
            self.ledger.judged_as_text(thing, path, said.shallow, ships=region not in LABELS)
        elif not reading.notes:
            self.ledger.judged(thing, path, said.reader)
        self.findings += said.findings
        for part in said.told:
            self.ledger.not_read(Thing.FILE, path, part)
        self.waivers[path] = said.waivers
        if reading.signals or reading.values or reading.packages or reading.reads or reading.downloads:
            self.readings[path] = reading

    def region(self, path: str) -> str:
        """The region of a file; what shipped code reaches has no label, nor has an archived file by its own name."""
        if archive := self.members.get(path):
            inner, outer = region_of(path.removeprefix(archive)), region_of(archive)
            return outer if outer in LABELS else "code" if inner == "test" else inner
        region = region_of(path)
        return "code" if path in self.promoted and region in LABELS else region

    def _waiver(self, path: str, line: int) -> str:
        """The reason given on the line of a use or on the line before."""
        given = self.waivers.get(path, {})
        return given.get(line) or given.get(line - 1) or ""

    def evidence(self) -> Evidence:
        uses = attribute(self.readings, self.catalogue)
        findings = sorted(self.findings, key=sort_key)
        if self.only is not None:
            uses = [use for use in uses if self.members.get(use.path, use.path) in self.only]
            findings = [one for one in findings if self.members.get(one.path, one.path) in self.only]
        if len(findings) + len(uses) > self.limits.findings:
            self.skips.append(Skip("", f"more than {self.limits.findings:,} uses and findings: the rest is left out"))
            findings, uses = findings[: self.limits.findings // 2], uses[: self.limits.findings // 2]
        engines = sorted(self.engines | {reading.engine for reading in self.readings.values() if reading.engine})
        shown = [{**use.to_dict(), "waiver": self._waiver(use.path, use.line)} for use in uses]
        account, unread = self.ledger.close()
        skips = tuple(sorted((*self.skips, *unread), key=lambda skip: (skip.path, skip.reason)))
        fetched = ((path, one) for path, reading in sorted(self.readings.items()) for one in reading.downloads)
        facts: dict[str, Any] = {
            "uses": shown,
            "references": [one.to_dict(path, self.region(path)) for path, one in fetched if one.source],
            "engines": engines,
            "coverage": {**dict(sorted(self.counts.items())), "not_read": len(skips)},
            "left_to_labels": left_to_labels(uses),
        }
        return Evidence(
            "shadow-ai", State.OK, findings=tuple(findings), skips=skips, facts=facts, account=account,
            producer=f"secpipe shadow-ai, catalogue {self.catalogue.digest[:12]}, {', '.join(engines)}",
        )  # fmt: skip
