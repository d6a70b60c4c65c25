"""From content to the reader that judges it: one table, used for files and for whatever is nested in them."""

from __future__ import annotations

import io
from typing import BinaryIO, Final

from secpipe.core.ledger import NOBODY
from secpipe.core.registry import load
from secpipe.formats import hdf5, kinds, zips
from secpipe.formats.kinds import PLAIN
from secpipe.formats.sniff import HEAD, sniff
from secpipe.formats.stream import Prefixed, Readable, at, upto
from secpipe.scan.models.context import Context, Look
from secpipe.scan.models.pickles import scan_pickles
from secpipe.scan.models.work import TEXT

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
    "zstd": "secpipe.scan.models.archives:judge_zstd",
    "npy": "secpipe.scan.models.archives:judge_npy",
    "safetensors": "secpipe.scan.models.weights:judge_safetensors",
    "gguf": "secpipe.scan.models.weights:judge_gguf",
    "elf": "secpipe.scan.models.weights:judge_program",
    "macho": "secpipe.scan.models.weights:judge_program",
    "cosmopolitan": "secpipe.scan.models.weights:judge_program",
    "onnx?": "secpipe.scan.models.graphs:judge_maybe_onnx",
    "savedmodel": "secpipe.scan.models.graphs:judge_saved_model",
    "tflite": "secpipe.scan.models.graphs:judge_tflite",
    "hdf5": "secpipe.scan.models.keras_files:judge_hdf5",
    "json?": "secpipe.scan.models.configs:judge_json",
    "ubjson": "secpipe.scan.models.weights:judge_ubjson",
    "xml": "secpipe.scan.models.documents:judge_xml",
    "text": "secpipe.scan.models.documents:judge_text",
}
#: Formats without a mark of their own, which loaders take by the ending.
BY_ENDING: Final[dict[str, str]] = {
    ".onnx": "secpipe.scan.models.graphs:judge_onnx",
    ".pb": "secpipe.scan.models.graphs:judge_graph_def",
    ".tflite": "secpipe.scan.models.graphs:judge_tflite",
    ".mlmodel": "secpipe.scan.models.graphs:judge_coreml",
    ".safetensors": "secpipe.scan.models.weights:judge_safetensors",
    ".msgpack": "secpipe.scan.models.weights:judge_msgpack",
    ".ubj": "secpipe.scan.models.weights:judge_ubjson",
    ".pmml": "secpipe.scan.models.documents:judge_xml",
}
_NUMBERED: Final = {"variables": "secpipe.scan.models.weights:judge_variables"}  # named by a number, not by an ending
_MAPS: Final = frozenset((*range(0x80, 0x90), 0xDE, 0xDF))  # how a map of MessagePack begins
_NAMED_JSON: Final = ("json?", ".ubj")  # begins alike
#: Boosted trees, pieces and vectors of words in their own formats: no field that a loader would call.
_PLAIN: Final = dict.fromkeys(PLAIN.values(), "trees") | {
    "sentencepiece": "sentencepiece", "word2vec": "word2vec", "fasttext": "word2vec",
}  # fmt: skip
#: Formats that are searched or parsed as text.
_SEARCHED: Final = frozenset({"text", "json?", "xml", "hdf5"})
#: Formats whose judges read forward only.
_FORWARD: Final = frozenset({"tar", "npy", "gzip", "bzip2", "xz", "lzma", "lz4", "zstd", "zlib?"})
#: Text members of archives that are worth reading whole.
TEXT_ENDINGS: Final = frozenset({".py", ".yaml", ".yml", ".jinja", ".jinja2", ".j2", ".txt", ""})
_TAIL: Final = (1 << 16) + 22  # bytes that the end record of a ZIP and its comment take
_IN_MEMORY: Final = 64 << 20  # of a compressed member that must be seekable


def look_into(context: Context, file: BinaryIO, size: int) -> str:
    """Judge a seekable file of `size` bytes by its content; return its format, "" where it is no model or archive."""
    return _met(context, _look_into(context, file, size))


def _met(context: Context, kind: str) -> str:
    """Keep which formats a file holds: an archive with a model in it is a model to whoever asks for signatures."""
    context.sink.holds.update(filter(None, kind.split("+")))
    return kind


def _look_into(context: Context, file: BinaryIO, size: int) -> str:
    head = at(file, 0, HEAD)
    kind = sniff(head, size)
    if kind in {"pickle", "pickle?"}:
        if found := _pickle(context, file, kind):
            return found
        kind = sniff(head, size, pickles=False)
    if kind in _SEARCHED and not context.spend(TEXT * size):
        return ""
    table, key = JUDGES, kind
    if (kind in {"unknown", "onnx?", "text"} and context.suffix in BY_ENDING) or (kind, context.suffix) == _NAMED_JSON:
        table, key = BY_ENDING, context.suffix
    found = _PLAIN.get(kind, "")
    if found:
        return _elsewhere(context, file, size, kind) or found
    if key in table:
        file.seek(0)
        found = _looked(context, load(table, key, "model format")(context, file, size), file.tell() > 0)
    if not found and kind in {"unknown", "text"} and kinds.is_variables(context.name):
        found = str(load(_NUMBERED, "variables", "model format")(context, file, size))
    if not found and kind in {"unknown", "text"} and head[0] in _MAPS and kinds.promises(context.name, text=False):
        trial = context.trial()
        found = str(load(BY_ENDING, ".msgpack", "model format")(trial, file, size))
        if trial.sink.unread:
            found = ""
        else:  # as spaCy names its tables
            context.adopt(trial)
    return found or _elsewhere(context, file, size, kind)


def _elsewhere(context: Context, file: BinaryIO, size: int, kind: str) -> str:
    """What readers find without its beginning: HDF5 behind a user block, and a ZIP from its end.

    Of a file of the tree the ZIP is found by who scans it.
    """
    if kind != "hdf5" and hdf5.begin(file, size) > 0:
        return str(load(JUDGES, "hdf5", "model format")(context, file, size))
    if context.depth and kind not in {"zip", "tar"} and zips.find_end(file, size) >= 0:
        return str(load(JUDGES, "zip", "model format")(context, file, size, behind=True))
    return ""


def look_through(context: Context, stream: Readable) -> str:
    """Judge what a forward stream holds: streamed where its format allows, in memory up to a bound where not."""
    return _met(context, _look_through(context, stream))


def _look_through(context: Context, stream: Readable) -> str:
    head = upto(stream, HEAD)
    kind = sniff(head)
    joined = Prefixed(head, stream)
    if kind == "pickle":
        scan_pickles(context, joined)
        return _looked(context, "pickle", joined.begun)
    if kind in _FORWARD:
        return _looked(context, load(JUDGES, kind, "model format")(context, joined, -1), joined.begun)
    if kind in _PLAIN:
        return _PLAIN[kind]
    if (kind not in JUDGES and kind != "pickle?") or (kind == "text" and context.suffix not in TEXT_ENDINGS):
        return _to_its_end(context, joined)
    data = upto(joined, _IN_MEMORY + 1)
    if len(data) > _IN_MEMORY:
        context.unread("resource-limit", f"a {kind.rstrip('?')} inside compressed data is too large to be looked into")
        return kind.rstrip("?")
    return look_into(context, io.BytesIO(data), len(data))


def _to_its_end(context: Context, stream: Readable) -> str:
    """Of bytes that begin like nothing: only what `_elsewhere` finds in them is judged."""
    data = upto(stream, _IN_MEMORY)
    tail, size = data[-_TAIL:], len(data)
    while piece := stream.read(1 << 20):
        tail, size = (tail + piece)[-_TAIL:], size + len(piece)
    if size == len(data):
        return _elsewhere(context, io.BytesIO(data), size, "")
    if zips.find_end(io.BytesIO(tail), len(tail)) >= 0 or hdf5.begin(io.BytesIO(data), len(data)) > 0:
        context.unread(
            "resource-limit", "an archive behind other bytes in compressed data is too large to be looked into"
        )
    return ""


def _looked(context: Context, kind: str, begun: bool) -> str:
    """Return what a reader says of the bytes it was given; one that took none of them and told nothing did not look."""
    if not begun and not context.sink.unread:
        context.skip(NOBODY)
    return kind or ""


def _pickle(context: Context, file: BinaryIO, kind: str) -> str:
    """Walk what may be a pickle; without PROTO only a walk that gets somewhere makes it one."""
    file.seek(0)
    if kind == "pickle":
        scan_pickles(context, file)
        return _looked(context, "pickle", file.tell() > 0)
    trial = context.trial()
    walked = scan_pickles(trial, file)
    rules = {finding.rule for finding in trial.sink.findings.values()}
    # not the number of an extension: any byte of the kind would be one
    grave = rules & {"models/dangerous-import", "models/code-object", "models/resource-limit"}
    if walked.stops and "models/resource-limit" not in rules:
        return ""
    if walked.calls or grave or (walked.pickles and (walked.imports or walked.whole)):
        context.adopt(trial)
        return "pickle"
    return ""


#: How whatever is nested in a file is judged.
LOOK: Final = Look(look_into, look_through)
