"""Keras models: a configuration names the class of every layer, and Keras imports and calls what it names.

`.keras` archives hold `config.json`; HDF5 files hold the same text as the attribute `model_config`, found here by its
own beginning, since attributes are stored as they are; SavedModels keep it in `keras_metadata.pb`.
"""

from __future__ import annotations

import json
import re
from typing import Any, BinaryIO, Final

from secpipe.core.text import printable
from secpipe.scan.models.context import Context
from secpipe.scan.models.data import formats_data

_START: Final = re.compile(rb'\{\s{0,8}"(?:class_name|module|name|layers|config|registered_name|function)"')
_NAMED: Final = re.compile(rb'"(?:class_name|registered_name)"\s{0,8}:\s{0,8}"[^"]{1,200}"')
_CHUNK: Final = 1 << 20
_LONGEST: Final = 1 << 26
_DECODER: Final = json.JSONDecoder()


def judge_object(context: Context, table: dict[str, Any]) -> None:
    """Judge one serialised object: `class_name`, `module`, `registered_name`, `config`."""
    lists = formats_data()
    name, module = table["class_name"], table.get("module")
    registered = table.get("registered_name")
    config = table.get("config")
    where = printable(f"{module}.{name}" if module else name, 160)
    if name == "__lambda__" or name == "Lambda" or (isinstance(config, dict) and _has_code(config)):
        context.add("keras-lambda", f"a layer carries Python bytecode: {where}", subject=f"lambda {_label(config)}")
        return
    if name in lists.of("keras", "refused_classes"):
        context.add("keras-module", f"the model makes Keras use {where}", subject=where)
        return
    if isinstance(module, str) and module:
        _module(context, module, str(name), config, where)
    custom = registered if isinstance(registered, str) and ">" in registered else name if ">" in name else ""
    if custom and not custom.startswith(("keras", "Keras", "tf")):
        context.add("keras-custom-object", f"the model needs a custom class: {printable(custom, 120)}", subject=custom)
    if isinstance(config, dict):
        _paths(context, config, where)


def _module(context: Context, module: str, name: str, config: Any, where: str) -> None:
    lists = formats_data()
    known = [prefix for prefix in lists.of("keras", "modules") if module == prefix or module.startswith(prefix + ".")]
    function = name == "function" or (isinstance(config, str) and name in {"function", "type"})
    if module == "builtins" and not function and name in lists.of("keras", "builtins"):
        return
    if not known:
        if module in {"builtins", "numpy"} and isinstance(config, str) and config in lists.of("keras", "builtins"):
            return
        text = printable(f"{module}.{config if function else name}", 160)
        context.add("keras-module", f"the model makes Keras import {text}", subject=text, call=text)
        return
    tail = module[len(max(known, key=len)) :].strip(".")
    refused = lists.of("keras", "refused")
    if any(tail == part or tail.startswith(part + ".") or f".{part}." in f".{tail}." for part in refused):
        context.add("keras-module", f"the model makes Keras use {where}", subject=where)
    elif function and tail and not set(tail.split(".")) & lists.of("keras", "function_parts"):
        context.add("keras-module", f"the model makes Keras call {module}.{printable(str(config), 80)}", subject=where)


def _has_code(config: dict[str, Any]) -> bool:
    """Tell whether a config holds marshalled code: the `function` of a Lambda in any of its three shapes."""
    for key in ("function", "output_shape", "mask"):
        value = config.get(key)
        if isinstance(value, list) and value and isinstance(value[0], str) and len(value) == 3 and len(value[0]) > 20:
            return True
        if isinstance(value, dict) and (value.get("class_name") == "__lambda__" or "code" in value):
            return True
    return config.get("function_type") == "lambda"


def _label(config: Any) -> str:
    return str(config.get("name", "")) if isinstance(config, dict) else ""


def _paths(context: Context, config: dict[str, Any], where: str) -> None:
    for key in formats_data().of("keras", "path_keys"):
        value = config.get(key)
        if isinstance(value, str) and value:
            context.add(
                "outside-file", f"{where} reads {printable(value, 160)} when it is loaded", subject=f"{key} {value}"
            )


def judge_hdf5(context: Context, file: BinaryIO, size: int) -> str:
    """An HDF5 file: the configurations in it, wherever they stand."""
    return "keras-h5" if judge_embedded(context, file) else "hdf5"


def judge_embedded(context: Context, file: BinaryIO) -> int:
    """Judge the Keras configurations that stand as plain text in a binary file; return how many there were."""
    from secpipe.scan.models.configs import judge_value  # configs know Keras, Keras files hold configs

    count = 0
    for text in _texts(file):
        try:
            value, _ = _DECODER.raw_decode(text)
        except (ValueError, RecursionError):
            count += _by_words(context, text)
            continue
        if isinstance(value, dict):
            judge_value(context, value)
            count += 1
    return count


def _texts(file: BinaryIO) -> Any:
    """Yield the text from each place where a configuration may begin; what the last one covered is not begun again."""
    file.seek(0)
    buffer, base, covered = b"", 0, 0
    while chunk := file.read(_CHUNK):
        buffer += chunk
        for found in _START.finditer(buffer):
            start = base + found.start()
            if start < covered:
                continue
            end = _end(file, start)
            if end > start:
                file.seek(start)
                data = file.read(end - start)
                covered = end
                if _NAMED.search(data):
                    yield data.decode("utf-8", "replace")
        base += max(len(buffer) - 64, 0)
        buffer = buffer[-64:]
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
        _module(context, found.group(1), "", None, found.group(1))
    return 1
