"""The model scan: every file of a tree that is a model or serialised artefact, judged by its content."""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Set
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO, Final

from secpipe.core.artifact import FileEntry, Skip
from secpipe.core.bounds import Bound
from secpipe.core.errors import InputError
from secpipe.core.evidence import Evidence, State
from secpipe.core.finding import Finding, sort_key
from secpipe.core.ledger import NOBODY, Account, Ledger, Tally, Thing
from secpipe.core.limits import DEFAULT, Limits
from secpipe.core.protocols import Tree
from secpipe.core.version import __version__
from secpipe.formats import extents, kinds, zips
from secpipe.formats.sniff import is_text
from secpipe.formats.stream import at, view
from secpipe.scan.models.additions import Addition, names_for
from secpipe.scan.models.allow import AllowList, shipped_list, with_extra
from secpipe.scan.models.archives import judge_zip
from secpipe.scan.models.beside import judge_beside
from secpipe.scan.models.context import NO_MEMBERS, Context, Sink
from secpipe.scan.models.routes import LOOK, look_into
from secpipe.scan.models.work import SPENT, allowed

#: Compressions in which nothing known was met.
_WRAPPERS: Final = frozenset({"gzip", "bzip2", "xz", "lzma", "lz4", "zstd", "zlib"})
_HEAD: Final = 256
_TEXT: Final = "text"
#: Formats that are ZIP archives themselves.
_ZIPS: Final = frozenset({"zip", "torch", "keras", "npz", "mar", "skops"})
_TARS: Final = frozenset({"tar", "nemo", "torch-tar"})


@dataclass(frozen=True, slots=True)
class Judged:
    """What one file came to. `format` is "" where it is no model or serialised artefact."""

    format: str
    outcome: str
    holds: tuple[str, ...]
    findings: tuple[Finding, ...] = ()
    skips: tuple[Skip, ...] = ()
    members: Tally = NO_MEMBERS  # how the members of archives in it ended


#: Most files: no model, and nothing to say about them.
NOTHING: Final = Judged("", "ok", ())

#: Returns what a file came to: by the function given, or as it is known from the same content under the same name.
Recall = Callable[[FileEntry, Callable[[], Judged]], Judged]


def scan(
    tree: Tree,
    *,
    limits: Limits = DEFAULT,
    extra_allow: Collection[str | Addition] = (),
    recall: Recall = lambda entry, judge: judge(),
    plain: Set[str] = frozenset(),
) -> Evidence:
    """Return evidence `models` about a tree.

    Facts: `files`: {path: {"format", "outcome": "malicious" | "review" | "ok", "holds"}} for every model or serialised
    artefact; `holds` are the formats met in it at any depth.
    `extra_allow` holds dotted names, or `Addition`s for some files, that the user answers for. Nothing is loaded. An
    error of the analyser on one file is a skip and a finding for review, never an exception. Without `extra_allow` a
    file's name, size and content decide alone what it comes to: then `recall` may know it already, and `plain` are
    paths of files for which `scan.models.plain.is_plain` holds.
    """
    shipped = shipped_list()
    files: dict[str, dict[str, str | list[str]]] = {}
    findings: list[Finding] = []
    ledger, members = Ledger(), Tally(Thing.MEMBER)
    cut: list[str] = []  # why the remaining files are not read
    bound = Bound(limits.findings, "findings", cut.append)
    unread = {skip.path: skip.reason for skip in tree.skipped}
    for skip in tree.skipped:
        ledger.open(Thing.FILE, skip.path)
        ledger.not_read(Thing.FILE, skip.path, skip.reason, soft=skip.soft)
    for entry in tree.files:
        if entry.path in plain:
            continue
        ledger.open(Thing.FILE, entry.path)
        if cut:
            ledger.not_read(Thing.FILE, entry.path, cut[0])
            continue
        if (entry.via or entry.path) in unread:
            ledger.not_read(Thing.FILE, entry.path, unread[entry.via or entry.path])
            continue
        allow = with_extra(shipped, names_for(entry.path, extra_allow)) if extra_allow else shipped
        found = recall(entry, partial(_judge, partial(tree.open, entry), entry, limits, allow))
        if found.format:
            files[entry.path] = {"format": found.format, "outcome": found.outcome, "holds": list(found.holds)}
        _settle(ledger, entry, found)
        if found is not NOTHING:
            findings += found.findings
            members += found.members
            bound.allows(len(found.findings))
    ledger.none_can_hold(Thing.FILE, plain, _TEXT)
    for entry, place in judge_beside(tree, files, partial(_place, limits, shipped, extra_allow), limits):
        findings += place.sink.findings.values()
        for skip in place.sink.skips:
            ledger.not_read(Thing.FILE, entry.path, skip.reason)
    account, skips = ledger.close()
    return Evidence(
        "models",
        State.OK,
        findings=tuple(sorted(findings, key=sort_key)),
        skips=skips,
        facts={"files": files},
        producer=f"secpipe {__version__}",
        account=account + Account((members,) if members.total else ()),
    )


def _place(limits: Limits, shipped: AllowList, extra: Collection[str | Addition], entry: FileEntry) -> Context:
    allow = with_extra(shipped, names_for(entry.path, extra)) if extra else shipped
    return Context(Sink(entry.path, limits, LOOK, allowed(entry.size, limits)), allow, name=entry.path)


def _settle(ledger: Ledger, entry: FileEntry, found: Judged) -> None:
    """End the account of a file: not read where any part was not, judged by its reader, or bytes of no model."""
    for skip in found.skips:
        ledger.not_read(Thing.FILE, entry.path, skip.reason, soft=skip.soft)
    if found.format:
        ledger.judged(Thing.FILE, entry.path, found.format)
    elif not entry.size:
        ledger.cannot_hold(Thing.FILE, entry.path, "empty")
    else:
        ledger.cannot_hold(Thing.FILE, entry.path, _TEXT if is_text(entry.head) else "bytes of no model")


def judge_content(entry: FileEntry, data: bytes) -> Judged:
    """Return what a file came to whose whole content is `data`: as `scan` judges it, and nothing is opened."""
    return _judge(lambda: io.BytesIO(data), entry, DEFAULT, shipped_list())


def _judge(
    opened: Callable[[], AbstractContextManager[BinaryIO]], entry: FileEntry, limits: Limits, allow: AllowList
) -> Judged:
    sink = Sink(entry.path, limits, LOOK, allowed(entry.size, limits))
    kind = scan_file(opened, entry, sink, allow)
    outcome, holds, findings = str(sink.outcome), tuple(sorted(sink.holds)), tuple(sink.findings.values())
    found = Judged(kind, outcome, holds, findings, tuple(sink.skips), sink.account())
    return NOTHING if found == NOTHING else found


def scan_file(
    opened: Callable[[], AbstractContextManager[BinaryIO]], entry: FileEntry, sink: Sink, allow: AllowList
) -> str:
    """Judge one file into `sink`; return its format, "" where it is no model or serialised artefact."""
    context = Context(sink, allow, name=entry.path)
    try:
        with opened() as file:
            kind = look_into(context, file, entry.size)
            if entry.size and not file.tell() and not sink.unread:
                context.skip(NOBODY)
            begin = file.tell() if kind in _TARS else 0  # what a tar holds was read where it stands
            if kind not in _ZIPS:
                end = 0 if kind or is_text(entry.head) else extents.end_of(file, entry.size)
                kind = _archive_behind(context, file, entry.size, kind, begin)
                kind = kind or _behind(context, file, end, entry.size)
            if not kind or kind in _WRAPPERS or (kind == "zip" and kinds.is_unread(context.name)):
                kind = _unread(context, at(file, 0, _HEAD), kind)
    except InputError as error:
        context.unread("unreadable", f"the file cannot be read: {error.message}")
        return "unknown"
    except Exception as error:  # a defect of ours must not let a file through
        context.unread("unreadable", f"the analyser failed on the file ({type(error).__name__})")
        return "unknown"
    if sink.work.over:
        context.unread("resource-limit", SPENT)
    if sink.cut:
        context.skip("more findings than are listed")
    return kind or ("unknown" if sink.findings else "")


def _unread(context: Context, head: bytes, kind: str) -> str:
    """A model that no reader knows is told as such, and so is what only its name promises; returns the format."""
    text = bool(head) and is_text(head)
    if found := kinds.unread(context.name, head, text=text):
        context.unread("unknown-format", f"no reader knows the format {found}: what the model holds was not looked at")
        return found
    if kinds.promises(context.name, text=text):
        if kind:
            context.unread("unknown-format", f"the file is named like a model, but what its {kind} holds is not known")
        else:
            context.add("unknown-format", "the file is named like a model, but its content is of no known format")
        return f"unknown+{kind}" if kind else "unknown"
    return kind


def _behind(context: Context, file: BinaryIO, end: int, size: int) -> str:
    """Judge what stands behind the proven end of an image, font or recording; return its format, "" for no model."""
    if not 0 < end < size:
        return ""
    trial = context.inside(f"behind byte {end}").trial()
    kind = look_into(trial, view(file, end, size - end), size - end)
    if kind:
        context.adopt(trial)
        context.add("polyglot", f"a {kind} stands behind the end of an image, font or recording")
    return kind


def _archive_behind(context: Context, file: BinaryIO, size: int, kind: str, begin: int) -> str:
    """A ZIP is found from its end, whatever stands before it: behind a model it makes a second file of it.

    Behind anything else (a script, an image, a program that unpacks itself) its members are judged like those of any
    archive. Returns the format.
    """
    if zips.find_end(file, size) < 0:
        return kind
    archive = zips.read(file, context.limits)
    inside_a_string = kind.startswith("pickle") and archive.end != size  # judged where the string was read
    if inside_a_string or archive.start < begin or not any(member.start >= 0 for member in archive.members):
        return kind
    model = bool(kind) or kinds.promises(context.name, text=False)
    if model:
        context.add("polyglot", "a ZIP archive stands at the end of the file")
    found = judge_zip(context, file, size, behind=not model)
    return kind or found
