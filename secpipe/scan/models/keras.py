"""Keras models: a configuration names the class of every layer, and Keras imports and calls what it names.

`.keras` archives hold `config.json`; HDF5 files and SavedModels hold the same text inside (`keras_files`).
"""

from __future__ import annotations

from typing import Any

from secpipe.core.text import printable
from secpipe.scan.models.context import Context
from secpipe.scan.models.data import formats_data


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
        judge_module(context, module, str(name), config, where)
    custom = registered if isinstance(registered, str) and ">" in registered else name if ">" in name else ""
    if custom and not custom.startswith(("keras", "Keras", "tf")):
        context.add(
            "keras-custom-object",
            f"the model needs a custom class: {printable(custom, 120)}",
            subject=custom,
            allow=custom,
        )
    if isinstance(config, dict):
        _paths(context, config, where)


def judge_module(context: Context, module: str, name: str, config: Any, where: str) -> None:
    """Judge a class that a configuration names: its module, its name, what it is configured with."""
    lists = formats_data()
    known = [prefix for prefix in lists.of("keras", "modules") if module == prefix or module.startswith(prefix + ".")]
    function = name == "function" or (isinstance(config, str) and name in {"function", "type"})
    if module == "builtins" and not function and name in lists.of("keras", "builtins"):
        return
    if not known:
        if module in {"builtins", "numpy"} and isinstance(config, str) and config in lists.of("keras", "builtins"):
            return
        path = f"{module}.{config if function else name}"
        text = printable(path, 160)
        context.add("keras-module", f"the model makes Keras import {text}", subject=text, call=text, allow=path)
        return
    tail = module[len(max(known, key=len)) :].strip(".")
    refused = lists.of("keras", "refused")
    if not function and any(tail == part or tail.startswith(part + ".") for part in lists.of("keras", "backend_parts")):
        return
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
