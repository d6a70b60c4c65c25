"""Formats that hold weights and no code by design: their headers must fit, and nothing may hide beside them."""

from __future__ import annotations

from typing import BinaryIO, Final

from secpipe.core.errors import InputError, UnsafeInput
from secpipe.formats import gguf, kinds, msgpack, safetensors, ubjson
from secpipe.formats.lenient import parse_json
from secpipe.formats.problem import Problem
from secpipe.formats.sniff import HEAD, sniff
from secpipe.formats.stream import at, view
from secpipe.scan.models import embedded
from secpipe.scan.models.configs import judge_text, judge_value
from secpipe.scan.models.context import Context
from secpipe.scan.models.pickles import scan_pickles
from secpipe.scan.models.templates import judge_template

#: kind of structural problem -> rule; the others are `malformed`.
_RULES: Final = {"script-text": "script-text", "trailing-data": "trailing-data", "external-path": "path-escape"}

_TOKENIZER: Final = "tokenizer.huggingface.json"  # a whole tokenizer.json
_OBJECTS: Final = 1 << 20  # bytes at the end of a file of variables in which its graph of objects ends


def judge_safetensors(context: Context, file: BinaryIO, size: int) -> str:
    """A safetensors file."""
    header = safetensors.read(file, size, context.limits)
    report(context, header.problems)
    judge_value(context.inside("__metadata__"), dict(header.metadata))
    for key, text in header.metadata.items():
        judge_text(context.inside(f"__metadata__ {key}"), text)
    if at(file, 0, 1) == b"\x80":  # the length of the header can be the beginning of a pickle
        trial = context.trial()
        file.seek(0)
        walked = scan_pickles(trial, file)
        if walked.imports or walked.pickles:
            context.adopt(trial)
            context.add("polyglot", "the file is a pickle as well")
    if not header.tensors and header.problems:
        return _other(context, file, size)
    return "safetensors"


def judge_gguf(context: Context, file: BinaryIO, size: int) -> str:
    """A GGUF file: its header, and the chat templates in it."""
    model = gguf.read(file, size, context.limits)
    report(context, model.problems)
    for name, source in model.chat_templates.items():
        judge_template(context, source, f"chat_template {name}")
    if (text := model.text(_TOKENIZER)) and "chat_template" in text:
        try:
            judge_value(context.inside(_TOKENIZER), parse_json(text, "the tokenizer").value)
        except InputError as error:
            context.unread("unreadable", f"{_TOKENIZER} cannot be read: {error.message}")
    return "gguf"


def judge_msgpack(context: Context, file: BinaryIO, size: int) -> str:
    """A MessagePack file, as Flax writes one: numbers and names, nothing that is called."""
    file.seek(0)

    def content(data: bytes) -> None:  # msgpack-numpy unpickles arrays of objects from such
        if embedded.worth_a_look(data):
            embedded.look(context, data, file.tell())

    try:
        msgpack.check(file, context.limits, content)
    except UnsafeInput as error:
        context.unread("resource-limit", error.message)
    except InputError as error:
        context.unread("malformed", f"the file is named like MessagePack and is none: {error.message}")
    return "flax"


def judge_ubjson(context: Context, file: BinaryIO, size: int) -> str:
    """A model of XGBoost in UBJSON: numbers, and names of objectives that the library has itself."""
    file.seek(0)
    try:
        if "learner" not in ubjson.check(file, context.limits):
            context.unread("malformed", "the file is named like a model of XGBoost and is none: it has no learner")
    except UnsafeInput as error:
        context.unread("resource-limit", error.message)
    except InputError as error:
        context.unread("malformed", f"the file is named like a model of XGBoost and is none: {error.message}")
    return "xgboost"


def judge_variables(context: Context, file: BinaryIO, size: int) -> str:
    """TensorFlow's variables: numbers, and at their end the graph of objects that says where each belongs."""
    tail = at(file, max(0, size - _OBJECTS), _OBJECTS)
    return "tensorflow-variables" if b"/.ATTRIBUTES/VARIABLE_VALUE" in tail else ""


def judge_program(context: Context, file: BinaryIO, size: int) -> str:
    """A program: only told where its name or place promises a model."""
    if at(file, 0, 6) == b"MZqFpD" or context.suffix in kinds.ENDINGS:
        context.add("program", "the file is a program, named or packed as a model")
        return "program"
    return ""


def _other(context: Context, file: BinaryIO, size: int) -> str:
    """What began like safetensors and is none: whatever its data area looks like is told."""
    kind = sniff(at(file, 8, HEAD))
    if kind in {"zip", "pickle"}:
        context.add("polyglot", f"a {kind} stands behind a false header")
        if kind == "pickle":
            scan_pickles(context, view(file, 8, size - 8))
    return "safetensors"


def report(context: Context, problems: tuple[Problem, ...]) -> None:
    """Record what a reader found wrong with a file."""
    for problem in problems:
        rule = _RULES.get(problem.kind, "malformed")
        context.add(rule, problem.message, subject=f"{problem.kind} {problem.message}", offset=problem.offset)
        if problem.fatal or problem.kind == "cut":
            context.skip(problem.message)
