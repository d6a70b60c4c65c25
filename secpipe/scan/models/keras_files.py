"""Binary files that hold a Keras configuration as plain text: HDF5 and SavedModel.

HDF5 files hold it as the attribute `model_config`, found here by its own beginning, since attributes are stored as they
are; SavedModels keep it in `keras_metadata.pb`.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from typing import BinaryIO, Final

from secpipe.core.text import printable
from secpipe.formats import hdf5
from secpipe.scan.models.configs import judge_value
from secpipe.scan.models.context import Context
from secpipe.scan.models.keras import judge_module
from secpipe.scan.models.pickles import scan_pickles
from secpipe.scan.models.work import LOOK

_KEY: Final = rb'"(?:[^"\\\x00-\x1f\x7f]|\\[^\x00-\x1f\x7f]){1,4096}"\s{0,4096}:'  # of any JSON object, escaped or not
_START: Final = re.compile(rb"\{\s{0,4096}" + _KEY)
_NAMED: Final = re.compile(rb'"(?:class_name|registered_name)"\s{0,4096}:|\\u00')
_FAR_START: Final = re.compile(rb'\{\s{4097}|\{\s{0,4096}"[^"\x00-\x1f\x7f]{4097}')  # longer than is looked for
_OVERLAP: Final = 1 << 14  # bytes of the longest beginning
_CHUNK: Final = 1 << 20
_LONGEST: Final = 1 << 26
#: An import of a pickle, in either spelling, and how far behind it a call is looked for.
_NAME: Final = rb"[A-Za-z_][\w.]{0,40}+"
_SPELT: Final = rb"(?:\x8c.|X[\x01-\x7f]\0\0\0|U[\x01-\x1f])[A-Za-z_][\w.]{0,40}?(?:\x94|q.|r.{4}|p\d{1,9}\n)?"
_IMPORT: Final = re.compile(
    rb"\(?c" + _NAME + rb"\n" + _NAME + rb"\n|\((?=[^\0()]{0,200}i" + _NAME + rb"\n" + _NAME + rb"\n)"
    rb"|" + _SPELT + _SPELT + rb"\x93",
    re.DOTALL,
)
_CALL: Final = 1 << 12
_CALLED: Final = frozenset({"models/dangerous-call", "models/code-object"})
_DECODER: Final = json.JSONDecoder()


def judge_hdf5(context: Context, file: BinaryIO, size: int) -> str:
    """An HDF5 file: the configurations in it, wherever they stand, and the files that it refers to."""
    if not hdf5.is_whole(file, size):
        context.add("malformed", "no superblock that a library opens follows the signature of HDF5")
    for what, name in hdf5.outside(file, size):
        message = f"{what} makes the loader read {printable(name, 160)}"
        context.add("outside-file", message, subject=f"{what} {name}")
    _pickled(context, file)
    return "keras-h5" if judge_embedded(context, file) else "hdf5"


def _pickled(context: Context, file: BinaryIO) -> None:
    """PyTables unpickles its attributes: where a name is imported, a pickle may stand; one that calls it is proof."""
    file.seek(0)
    buffer, base = b"", 0
    while chunk := file.read(_CHUNK):
        buffer += chunk
        for found in _IMPORT.finditer(buffer):
            if not context.spend(LOOK):
                return
            trial = context.inside(f"byte {base + found.start()}").trial()
            scan_pickles(trial, io.BytesIO(buffer[found.start() : found.start() + _CALL]))
            if any(finding.rule in _CALLED for finding in trial.sink.findings.values()):
                context.adopt(trial)
                context.add("nested-pickle", "a pickle stands in the file, which PyTables unpickles", subject="pickle")
        base += max(len(buffer) - _CALL, 0)
        buffer = buffer[-_CALL:]


def judge_embedded(context: Context, file: BinaryIO) -> int:
    """Judge the Keras configurations that stand as plain text in a binary file; return how many there were."""
    count = 0
    for text in _texts(context, file):
        try:
            value, _ = _DECODER.raw_decode(text)
        except (ValueError, RecursionError):
            count += _by_words(context, text)
            continue
        if isinstance(value, dict):
            judge_value(context, value)
            count += 1
    return count


def _texts(context: Context, file: BinaryIO) -> Iterator[str]:
    """Yield the text from each place where a configuration may begin; what the last one covered is not begun again."""
    file.seek(0)
    buffer, base, covered = b"", 0, 0
    while chunk := file.read(_CHUNK):
        buffer += chunk
        if _FAR_START.search(buffer):
            context.unread("resource-limit", "a text in it begins with more space or a longer key than is read")
        for found in _START.finditer(buffer):
            start = base + found.start()
            if start < covered:
                continue
            end = _end(file, start)
            if end - start >= _LONGEST:
                context.unread("resource-limit", f"only the first {_LONGEST:,} bytes of a text in it were looked at")
            if end > start:
                file.seek(start)
                data = file.read(end - start)
                covered = end
                if _NAMED.search(data):
                    yield data.decode("utf-8", "replace")
        base += max(len(buffer) - _OVERLAP, 0)
        buffer = buffer[-_OVERLAP:]
        file.seek(base + len(buffer))


def _end(file: BinaryIO, start: int) -> int:
    """Return where the text that begins at `start` ends: at its closing bracket, or at the first NUL."""
    file.seek(start)
    depth, inside, escaped, position = 0, False, -1, start
    while position - start < _LONGEST and (chunk := file.read(_CHUNK)):
        for found in re.finditer(rb'[{}"\\\x00]', chunk):
            byte, here = found.group(0), position + found.start()
            if byte == b"\x00":
                return here
            if here == escaped:
                continue
            if byte == b"\\":
                escaped = here + 1 if inside else -1
            elif byte == b'"':
                inside = not inside
            elif not inside:
                depth += 1 if byte == b"{" else -1
                if depth == 0:
                    return here + 1
        position += len(chunk)
    return position


def _by_words(context: Context, text: str) -> int:
    """A configuration that does not parse: judge the names that can be read in it."""
    for found in re.finditer(r'"class_name"\s*:\s*"(\w+)"', text):
        if found.group(1) in {"Lambda", "__lambda__"}:
            context.add("keras-lambda", "a layer carries Python bytecode", subject="lambda")
    for found in re.finditer(r'"module"\s*:\s*"([\w.]+)"', text):
        judge_module(context, found.group(1), "", None, found.group(1))
    return 1
