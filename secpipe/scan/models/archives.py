"""Containers: every member is looked into, and the container itself must be one that all readers see alike."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from typing import BinaryIO, Final

from secpipe.core.errors import InputError
from secpipe.formats import kinds, npy, tars, zips
from secpipe.formats.compressed import Expander
from secpipe.formats.sniff import HEAD, is_text, sniff
from secpipe.formats.stream import Prefixed, Readable, at, skip, upto, view
from secpipe.scan.models import torch_storage
from secpipe.scan.models.context import Context
from secpipe.scan.models.documents import judge_torchscript
from secpipe.scan.models.pickles import scan_pickles
from secpipe.scan.models.rules import Rating
from secpipe.scan.models.work import LOOK

_FAULT_RULES: Final = {
    "mismatch": "archive-mismatch",
    "duplicate": "archive-duplicate",
    "encrypted": "archive-encrypted",
    "escape": "path-escape",
    "link": "archive-link",
    "broken": "broken-archive",
    "foreign": "polyglot",
}


def judge_zip(context: Context, file: BinaryIO, size: int, *, behind: bool = False) -> str:
    """A ZIP archive: a PyTorch or Keras model, an NPZ, or any other.

    `behind`: a file of another kind stands before it, as in programs that unpack themselves; no model is made so.
    """
    archive = zips.read(file, context.limits)
    if archive.start and (pieces := zips.pieces(file, size)):
        return _judge_pieces(context, file, pieces)
    names = [member.name for member in archive.members] or [member.name for member in archive.hidden]
    kind = _kind_of_zip(names)
    honest = behind and kind == "zip"
    for fault in archive.faults:
        if honest and fault.kind == "foreign":
            continue
        what = f"{fault.member}: " if fault.member else ""
        context.add(
            _FAULT_RULES[fault.kind],
            what + fault.message,
            subject=f"{fault.member} {fault.message}",
            offset=fault.offset,
        )
    if context.depth >= context.limits.nesting:
        context.unread("resource-limit", f"archives nested deeper than {context.limits.nesting}")
        return kind
    storages: dict[str, int] = {}
    # The pickles that declare storages come first, whatever the order; a member that is not listed declares nothing.
    for member in sorted(archive.members, key=lambda member: torch_storage.order(member.name)):
        _member(context, file, member, kind, storages)
    for member in archive.hidden:
        _member(context, file, member, kind, {})
    return kind


def _judge_pieces(context: Context, file: BinaryIO, pieces: list[tuple[int, int]]) -> str:
    """Archives back to back: of PyTorch they are a checkpoint of several processes, of others what hides one."""
    kinds_met = set()
    for start, size in pieces:
        with context.member(f"archive at {start}") as (inner, seen):
            seen.append(judge_zip(inner, view(file, start, size), size))
            kinds_met.add(seen[0])
    if kinds_met != {"torch"}:
        context.add("polyglot", "several ZIP archives stand one behind the other: readers see the first or the last")
    return "torch" if "torch" in kinds_met else "zip"


def _kind_of_zip(names: list[str]) -> str:
    tails = {name.rpartition("/")[2] for name in names}
    if "data.pkl" in tails and any(
        "/data/" in name or name.startswith("data/") or name.endswith("/version") for name in names
    ):
        return "torch"
    if "constants.pkl" in tails or tails & {"extern_modules", "archive_format"}:  # TorchScript, torch.package, export
        return "torch"
    if "config.json" in tails and any(name.endswith(".weights.h5") for name in tails):
        return "keras"
    if names and all(name.endswith(".npy") for name in names):
        return "npz"
    if "MAR-INF/MANIFEST.json" in names:
        return "mar"
    if "schema.json" in tails:
        return "skops"
    return "zip"


def _member(context: Context, file: BinaryIO, member: zips.Member, kind: str, storages: dict[str, int]) -> None:
    if member.name.endswith("/"):
        if not member.size:
            return
        context.add("broken-archive", f"{member.name}: a folder has bytes of its own", subject=member.name)
    with context.member(member.name) as (inner, seen):
        if inner.sink.work.over:
            return
        if member.start < 0:
            inner.skip("its bytes cannot be found")
        elif member.encrypted:
            inner.skip("encrypted")
            trial = inner.trial()  # PyTorch ignores the flag: where the bytes are plain, they are judged
            _content(trial, file, member, kind, storages)
            if trial.sink.outcome is Rating.MALICIOUS:
                inner.adopt(trial)
        elif storages.get(member.name) == member.size and (member.method or member.compressed == member.size):
            if not member.method and sniff(at(file, member.start, HEAD), member.size) == "unknown":
                return  # numbers, and nothing that they begin like
            torch_storage.judge_numbers(inner, lambda trial: _content(trial, file, member, kind, {}))
        else:
            seen.append(_content(inner, file, member, kind, storages))


def _content(inner: Context, file: BinaryIO, member: zips.Member, kind: str, storages: dict[str, int]) -> str:
    """Judge what a member holds, and return its format; storages that it declares are added to those known."""
    try:
        if member.method == 0:
            part = view(file, member.start, member.compressed)
            if kind == "torch" and sniff(part.read(HEAD)) == "pickle":
                part.seek(0)
                return _torch_pickle(inner, part, member.name, storages)
            return _look(inner, part, member.compressed, kind)
        method = zips.METHODS.get(member.method, str(member.method))
        stream = Expander(view(file, member.start, member.compressed), method, inner.limits, inner.sink.work.inflate)
        head = upto(stream, HEAD)
        if kind == "torch" and sniff(head) == "pickle":
            return _torch_pickle(inner, Prefixed(head, stream), member.name, storages)
        return _look_through(inner, Prefixed(head, stream), head, kind)
    except InputError as error:
        return inner.broken("member", error)


def _torch_pickle(inner: Context, stream: Readable, name: str, storages: dict[str, int]) -> str:
    found = scan_pickles(inner, stream, torch=True).storages
    storages.update({torch_storage.place(name, key): size for key, size in found.items()})
    return "pickle"


def judge_tar(context: Context, stream: Readable, size: int) -> str:
    """A TAR archive: NeMo, the oldest PyTorch files, or any other."""
    if context.depth >= context.limits.nesting:
        context.unread("resource-limit", f"archives nested deeper than {context.limits.nesting}")
        return "tar"
    seen: set[str] = set()
    try:
        for member, content in tars.members(stream, context.limits):
            if zips.escapes(member.name) or (member.kind == "link" and zips.escapes(member.target)):
                context.add(
                    "path-escape", f"{member.name}: leads out of the folder it is unpacked in", subject=member.name
                )
            if member.kind in {"link", "device", "other"}:
                context.add("archive-link", f"{member.name}: a member is a {member.kind}", subject=member.name)
            if member.name in seen:
                context.add("archive-duplicate", f"{member.name}: two members have the same name", subject=member.name)
            seen.add(member.name)
            if member.kind == "file":
                with context.member(member.name) as (inner, known):
                    head = upto(content, HEAD)
                    known.append(_look_through(inner, Prefixed(head, content), head, "tar"))
    except InputError as error:
        return context.broken("tar", error)
    _behind_tar(context, stream)
    tails = {name.rpartition("/")[2] for name in seen}
    return (
        "torch-tar" if {"pickle", "tensors", "storages"} <= tails else "nemo" if "model_config.yaml" in tails else "tar"
    )


def _behind_tar(context: Context, stream: Readable) -> None:
    """What stands behind the end of a TAR, where some readers go on: judged, and told where it is something."""
    end = stream.tell() if isinstance(stream, io.IOBase) else -1
    while (piece := stream.read(1 << 20)) and not piece.strip(b"\0"):
        pass
    if piece:
        trial = context.inside("behind the archive").trial()
        if trial.look_through(Prefixed(piece.lstrip(b"\0"), stream)):
            context.adopt(trial)
            context.add("trailing-data", "more follows the end of the archive")
    if isinstance(stream, io.IOBase):
        stream.seek(end)


#: Archives whose members are data by design.
_DATA_ONLY: Final = frozenset({"torch", "keras", "npz", "skops"})
_CODE_ENDINGS: Final = frozenset({".py", ".pyc", ".so", ".dll", ".dylib", ".sh", ".bat", ".exe", ".pth", ".js", ".ps1"})


def _look(context: Context, part: BinaryIO, size: int, kind: str) -> str:
    if _carries_code(context, kind, lambda count: at(part, 0, count)):
        return "code"
    return _promised(context, context.look_into(part, size), at(part, 0, HEAD), kind)


def _look_through(context: Context, stream: Readable, head: bytes, kind: str) -> str:
    if _carries_code(context, kind, lambda count: upto(stream, count)):
        return "code"
    return _promised(context, context.look_through(stream), head, kind)


def _promised(context: Context, found: str, head: bytes, kind: str) -> str:
    """Tell of a member that is named like a model and is of no known format; those of models are data by design."""
    if found or kind in _DATA_ONLY or not head or not kinds.promises(context.name, text=is_text(head)):
        return found
    context.add("unknown-format", "a file named like a model is of no known format")
    return "unknown"


def _carries_code(context: Context, kind: str, content: Callable[[int], bytes]) -> bool:
    """A program or script among the members of a model archive; the code of TorchScript is one of its formats."""
    if kind not in _DATA_ONLY or context.suffix not in _CODE_ENDINGS:
        return False
    if kind == "torch" and context.suffix == ".py" and "/code/" in f"/{context.name}":
        most = context.limits.text_bytes
        source = content(most + 1)
        if len(source) > most:
            context.unread("resource-limit", f"only the first {most:,} bytes of the code were looked at")
        judge_torchscript(context, source.decode("utf-8", "replace"))
    else:
        context.add("carried-code", f"the {kind} archive carries a program", subject=context.name)
    return True


def judge_npy(context: Context, stream: Readable, size: int) -> str:
    """An array of numpy: one of objects is a pickle."""
    try:
        header = npy.read_header(stream)
        while not header.has_objects:
            width = npy.width_of(header.descr)
            if width < 0 or not skip(stream, width * math.prod(header.shape)) or not context.spend(LOOK):
                return "npy"
            head = upto(stream, HEAD)
            behind = Prefixed(head, stream)
            if not head.startswith(npy.MAGIC):  # the next call of numpy.load unpickles what is no array
                if sniff(head) in {"pickle", "pickle?", "zip"}:
                    _behind_array(context, behind)
                return "npy"
            header, stream = npy.read_header(behind), behind
        context.add("object-array", "the array holds Python objects, which are unpickled when it is loaded")
        scan_pickles(context, stream)
    except InputError as error:
        context.broken("npy", error)
    return "npy"


def _behind_array(context: Context, stream: Readable) -> None:
    """What a second call of numpy.load reads; bytes that only begin like a pickle are none."""
    trial = context.inside("behind the array").trial()
    if trial.look_through(stream):
        context.adopt(trial)
        context.add("trailing-data", "a pickle or archive follows the array")


def _judge_compressed(context: Context, stream: Readable, kind: str) -> str:
    if context.depth >= context.limits.nesting:
        context.unread("resource-limit", f"archives nested deeper than {context.limits.nesting}")
        return kind
    expander = Expander(stream, kind, context.limits, context.sink.work.inflate)
    try:
        found = context.inside(kind).look_through(expander)
        while expander.read(1 << 20):
            pass  # a bomb or a broken end shows only there
    except InputError as error:
        return context.broken(kind, error)
    if expander.rest.strip(b"\0"):
        context.add("trailing-data", f"bytes follow the {kind} stream")
    return f"{found}+{kind}" if found else kind


def judge_gzip(context: Context, stream: Readable, size: int) -> str:
    """gzip, for instance of a pickle or tar."""
    return _judge_compressed(context, stream, "gzip")


def judge_bzip2(context: Context, stream: Readable, size: int) -> str:
    """bzip2."""
    return _judge_compressed(context, stream, "bzip2")


def judge_xz(context: Context, stream: Readable, size: int) -> str:
    """xz."""
    return _judge_compressed(context, stream, "xz")


def judge_lzma(context: Context, stream: Readable, size: int) -> str:
    """LZMA without the xz container; its mark is weak, so bytes that do not decode are no LZMA."""
    return _weak(context, stream, "lzma")


def judge_lz4(context: Context, stream: Readable, size: int) -> str:
    """LZ4 frames."""
    return _judge_compressed(context, stream, "lz4")


def judge_zstd(context: Context, stream: Readable, size: int) -> str:
    """Zstandard frames; unread, and said, without the extra."""
    return _judge_compressed(context, stream, "zstd")


def judge_zlib(context: Context, stream: Readable, size: int) -> str:
    """zlib, as joblib writes it; two bytes are a weak mark, so bytes that do not decode are no zlib."""
    return _weak(context, stream, "zlib")


def _weak(context: Context, stream: Readable, kind: str) -> str:
    trial = context.trial()
    found = _judge_compressed(trial, stream, kind)
    if found == kind:  # nothing known inside
        return ""
    context.adopt(trial)
    return found


def judge_closed(context: Context, file: BinaryIO, size: int) -> str:
    """Archives that no kept library reads."""
    context.unread("unreadable", "the archive is of a kind that cannot be looked into")
    return "archive"
