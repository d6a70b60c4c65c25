"""What is known while one file is looked at: its findings, how deep we are, and what may still be spent."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final

from secpipe.core.artifact import Skip
from secpipe.core.errors import InputError
from secpipe.core.finding import Confidence, Finding
from secpipe.core.ledger import Ledger, Tally, Thing
from secpipe.core.limits import DEFAULT, Limits
from secpipe.core.text import printable
from secpipe.formats.stream import Readable
from secpipe.scan.models.additions import spelled
from secpipe.scan.models.allow import AllowList
from secpipe.scan.models.rules import Rating, rules
from secpipe.scan.models.work import LOOK, OPCODE, SPENT, Work, allowed


@dataclass(frozen=True, slots=True)
class Look:
    """How what is nested is judged by its content; both return its format. `routes.LOOK` is the one."""

    into: Callable[[Context, BinaryIO, int], str]  # a seekable file of so many bytes
    through: Callable[[Context, Readable], str]  # a forward stream


NO_MEMBERS: Final = Tally(Thing.MEMBER)


@dataclass(slots=True)
class Sink:
    """What has been found in one file of the tree, whatever it is nested in."""

    path: str
    limits: Limits
    look: Look
    work: Work = field(default_factory=lambda: allowed(0, DEFAULT))
    findings: dict[tuple[str, str], Finding] = field(default_factory=dict)
    skips: list[Skip] = field(default_factory=list)
    outcome: Rating = Rating.OK
    begun: float = field(default_factory=time.monotonic)
    cut: bool = False
    holds: set[str] = field(default_factory=set)  # formats met in the file, at any depth
    unread: int = 0  # parts that were not looked at
    members: dict[str, tuple[str, str]] = field(default_factory=dict)  # of archives in it: how each ended, and as what

    def account(self) -> Tally:
        """Return how the members of archives ended."""
        if not self.members:
            return NO_MEMBERS
        ledger = Ledger()
        ledger.open(Thing.MEMBER, *self.members)
        for thing, (end, word) in self.members.items():
            if end == "not read":
                ledger.not_read(Thing.MEMBER, thing, word)
            elif end == "judged":
                ledger.judged(Thing.MEMBER, thing, word)
            elif end == "cannot hold":
                ledger.cannot_hold(Thing.MEMBER, thing, word)
        return ledger.close()[0].of(Thing.MEMBER)


@dataclass(frozen=True, slots=True)
class Context:
    """A place in a file: `where` names the archive member or string being looked at, "" the file itself."""

    sink: Sink
    allow: AllowList
    where: str = ""
    depth: int = 0
    name: str = ""  # of the file or member itself

    @property
    def limits(self) -> Limits:
        return self.sink.limits

    def look_into(self, file: BinaryIO, size: int) -> str:
        """Judge a nested file that can be seeked; return its format."""
        if not self.spend(LOOK):
            return ""
        return self.sink.look.into(self, file, size)

    def look_through(self, stream: Readable) -> str:
        """Judge a nested stream; return its format."""
        if not self.spend(LOOK):
            return ""
        return self.sink.look.through(self, stream)

    def broken(self, kind: str, error: InputError) -> str:
        """Record that a container could not be read to its end; return what it is."""
        self.unread("broken-archive", f"the {kind} cannot be read to its end: {error.message}")
        return kind

    @property
    def suffix(self) -> str:
        """The ending of the name, lower case with its dot, or ""."""
        stem, dot, ending = self.name.rpartition("/")[2].rpartition(".")
        return f".{ending.lower()}" if dot and stem else ""

    def spend(self, units: int) -> bool:
        """Take work from what the file may cost; return whether there was as much left. Its end is told by the file."""
        return self.sink.work.spend(units)

    def expired(self, count: int) -> bool:
        """Take the work of `count` bytes of opcodes; tell whether the file has had its work or time."""
        late = time.monotonic() - self.sink.begun > self.limits.file_seconds
        return not self.spend(count * OPCODE) or late

    def inside(self, name: str) -> Context:
        """Return the context of something inside this one."""
        where = f"{self.where} > {printable(name, 200)}" if self.where else printable(name, 200)
        return Context(self.sink, self.allow, where, self.depth + 1, name)

    @contextmanager
    def member(self, name: str) -> Iterator[tuple[Context, list[str]]]:
        """Open the account of an archive member; give its context, and a list for the formats that its readers saw.

        It ends as read, as bytes in which no reader sees a format, or as not read where anything in it was not.
        """
        inner = self.inside(name)
        before, seen, thing = self.sink.unread, list[str](), f"{self.sink.path}!{inner.where}"
        known = self.sink.members.setdefault(thing, ("open", ""))  # two members may have one name
        yield inner, seen
        if self.sink.work.over:
            inner.skip(SPENT)
        kinds = [kind for kind in seen if kind]
        end = ("not read", "a part was not read") if self.sink.unread > before else ("judged", *kinds[:1])
        if known[0] == "not read":
            return
        self.sink.members[thing] = (end[0], end[1]) if len(end) > 1 else ("cannot hold", "bytes of no known format")

    def trial(self) -> Context:
        """Return a context that collects apart: for bytes that may turn out to be nothing."""
        sink = Sink(self.sink.path, self.limits, self.sink.look, self.sink.work, begun=self.sink.begun)
        return Context(sink, self.allow, self.where, self.depth, self.name)

    def adopt(self, other: Context) -> None:
        """Take over what a trial found."""
        for key, finding in other.sink.findings.items():
            self.sink.findings.setdefault(key, finding)
        self.sink.skips.extend(other.sink.skips)
        self.sink.outcome = max(self.sink.outcome, other.sink.outcome)
        self.sink.unread += other.sink.unread
        self.sink.cut |= other.sink.cut
        self.sink.members |= other.sink.members

    def add(
        self,
        rule: str,
        message: str,
        *,
        subject: str = "",
        offset: int | None = None,
        call: str = "",
        line: int = 0,
        confidence: Confidence = Confidence.HIGH,
        allow: str = "",
    ) -> None:
        """Record a finding, once for each rule and subject in a place; `allow` is the name whose addition ends it.

        A name that runs code is not offered, and no addition of it counts.
        """
        if {allow, spelled(allow)} & self.allow.extra:
            return
        if allow in self.allow.code or self.allow.is_dangerous(allow):
            allow = ""
        allow = spelled(allow)
        known = rules()[f"models/{rule}"]
        subject = self._subject(rule, subject)
        self.sink.outcome = max(self.sink.outcome, known.outcome)
        key = (known.id, subject)
        if key in self.sink.findings:
            return
        if len(self.sink.findings) >= 1000:
            self.sink.cut = True
            return
        details: dict[str, Any] = {"outcome": str(known.outcome)}
        if offset is not None:
            details["offset"] = offset
        if call:
            details["call"] = call
        if allow:
            details["allow"] = allow
        if self.where:
            details["member"] = self.where
        place = f" (in {self.where})" if self.where else ""
        self.sink.findings[key] = Finding(
            rule=known.id,
            message=message + place,
            severity=known.severity,
            confidence=confidence,
            path=self.sink.path,
            line=line,
            offset=offset if not self.where else None,
            subject=subject,
            fix=f"{known.fix}: --allow {shlex.quote(allow)}" if allow else known.fix,
            details=details,
        )

    def forget(self, rule: str) -> None:
        """Take back all findings of a rule from a trial, and what they made of its outcome."""
        kept = {key: found for key, found in self.sink.findings.items() if found.rule != f"models/{rule}"}
        self.sink.findings = kept
        self.sink.outcome = max((rules()[found.rule].outcome for found in kept.values()), default=Rating.OK)

    def drop(self, rule: str, subject: str) -> None:
        """Take back a finding that a worse one of the same subject now says better; the outcome stays."""
        self.sink.findings.pop((f"models/{rule}", self._subject(rule, subject)), None)

    def _subject(self, rule: str, subject: str) -> str:
        return "|".join(part for part in (self.where, printable(subject or rule, 200)) if part)

    def unread(self, rule: str, reason: str, offset: int | None = None) -> None:
        """Record that a part was not looked at: a finding for review, and a skip."""
        self.add(rule, reason, offset=offset)
        self.skip(reason)

    def skip(self, reason: str) -> None:
        """Record that a part was not looked at."""
        place = f"{self.where}: " if self.where else ""
        self.sink.unread += 1
        if len(self.sink.skips) < 100:
            self.sink.skips.append(Skip(self.sink.path, place + reason))
