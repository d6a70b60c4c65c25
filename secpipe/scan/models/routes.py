"""From content to the reader that judges it: one table, used for files and for whatever is nested in them."""

from __future__ import annotations

import io
from typing import BinaryIO, Final

from secpipe.core.errors import InputError
from secpipe.core.registry import load
from secpipe.formats.sniff import HEAD, is_text, sniff
from secpipe.formats.stream import Readable, at, upto
from secpipe.scan.models.context import Context
from secpipe.scan.models.pickles import scan_pickles

#: format -> `judge(context, file, size) -> format`, which may know it better (`zip` becomes `torch`).
JUDGES: Final[dict[str, str]] = {
    "zip": "secpipe.scan.models.archives:judge_zip",
    "tar": "secpipe.scan.models.archives:judge_tar",
    "gzip": "secpipe.scan.models.archives:judge_gzip",
    "bzip2": "secpipe.scan.models.archives:judge_bzip2",
    "xz": "secpipe.scan.models.archives:judge_xz",
    "lzma": "secpipe.scan.models.archives:judge_lzma",
    "lz4": "secpipe.scan.models.archives:judge_lz4",
    "zlib?": "secpipe.scan.models.archives:judge_zlib",
    "7z": "secpipe.scan.models.archives:judge_closed",
    "rar": "secpipe.scan.models.archives:judge_closed",
    "zstd": "secpipe.scan.models.archives:judge_closed",
    "npy": "secpipe.scan.models.archives:judge_npy",
    "safetensors": "secpipe.scan.models.weights:judge_safetensors",
}
#: Formats whose judges read forward only.
_FORWARD: Final = frozenset({"npy", "gzip", "bzip2", "xz", "lzma", "lz4", "zlib?"})
_IN_MEMORY: Final = 64 << 20  # of a compressed member that must be seekable


def look_into(context: Context, file: BinaryIO, size: int, name: str = "") -> str:
    """Judge a seekable file of `size` bytes by its content; return its format, "" where it is no model or archive."""
    head = at(file, 0, HEAD)
    kind = sniff(head, size)
    if kind in {"pickle", "pickle?"}:
        if found := _pickle(context, file, kind):
            return found
        kind = "text" if is_text(head) else "unknown"
    if kind in JUDGES:
        file.seek(0)
        result: str = load(JUDGES, kind, "model format")(context, file, size)
        return result
    return ""


def look_through(context: Context, stream: Readable, kind: str = "") -> str:
    """Judge what a forward stream holds: streamed where its format allows, in memory up to a bound where not."""
    head = upto(stream, HEAD)
    kind = sniff(head)
    joined = Prefixed(head, stream)
    if kind == "pickle":
        scan_pickles(context, joined)
        return "pickle"
    if kind in _FORWARD:
        result: str = load(JUDGES, kind, "model format")(context, joined, -1)
        return result
    if kind not in JUDGES and kind != "pickle?":
        return ""
    data = upto(joined, _IN_MEMORY + 1)
    if len(data) > _IN_MEMORY:
        context.unread("resource-limit", f"a {kind.rstrip('?')} inside compressed data is too large to be looked into")
        return kind.rstrip("?")
    return look_into(context, io.BytesIO(data), len(data))


class Prefixed:
    """A forward stream with bytes put back in front."""

    def __init__(self, head: bytes, stream: Readable) -> None:
        self._head, self._stream = head, stream

    def read(self, count: int = -1, /) -> bytes:
        """Return up to `count` bytes."""
        if self._head:
            part, self._head = self._head[:count], self._head[count:]
            return part
        return self._stream.read(count)


def _pickle(context: Context, file: BinaryIO, kind: str) -> str:
    """Walk what may be a pickle; without PROTO only a walk that gets somewhere makes it one."""
    file.seek(0)
    if kind == "pickle":
        scan_pickles(context, file)
        return "pickle"
    trial = context.trial()
    walked = scan_pickles(trial, file)
    rules = {finding.rule for finding in trial.sink.findings.values()}
    grave = rules & {"models/dangerous-import", "models/code-object", "models/extension-code", "models/resource-limit"}
    if walked.calls or grave or (walked.pickles and (walked.imports or walked.whole)):
        context.adopt(trial)
        return "pickle"
    return ""


def guard(context: Context, kind: str, error: InputError) -> str:
    """Record that a container could not be read to its end."""
    context.unread("broken-archive", f"the {kind} cannot be read to its end: {error.message}")
    return kind
