"""Graph formats: ONNX, SavedModel, TFLite, CoreML. A graph is data as long as its operations stay inside it."""

from __future__ import annotations

from typing import BinaryIO, Final

from secpipe.core.errors import InputError
from secpipe.core.text import printable
from secpipe.formats import onnx, savedmodel, tflite
from secpipe.formats.problem import Unreadable
from secpipe.formats.wire import Message, Span
from secpipe.formats.zips import escapes
from secpipe.scan.models.context import Context
from secpipe.scan.models.data import formats_data
from secpipe.scan.models.keras_files import judge_embedded
from secpipe.scan.models.weights import report

_FINGERPRINT: Final = 4096  # bytes of the largest FingerprintDef
_COREML_CUSTOM: Final = 555  # Model.customModel
_COREML_NETWORKS: Final = (500, 303, 403)  # neural network, classifier, regressor
_COREML_LAYER, _COREML_CUSTOM_LAYER = 1, 500


def judge_onnx(context: Context, file: BinaryIO, size: int) -> str:
    """An ONNX model."""
    model = onnx.read(file, size, context.limits)
    known = formats_data().of("onnx", "domains")
    report(context, tuple(problem for problem in model.problems if problem.kind != "custom-domain"))
    for domain in model.custom_domains:
        if domain not in known:
            message = f"the model needs operators of {printable(domain, 120)}, a library it does not carry"
            context.add("custom-operator", message, subject=domain, allow=domain)
    for operator in model.operators:
        if operator.rpartition(":")[2] in formats_data().of("onnx", "refused_operators"):
            context.add("graph-escape", f"the model runs foreign code by {printable(operator, 120)}", subject=operator)
        elif operator.rpartition(":")[2] in formats_data().of("onnx", "outside_operators"):
            message = f"the model runs a binary or asks a service by {printable(operator, 120)}"
            context.add("graph-outside", message, subject=operator, allow=operator)
    return "onnx"


def judge_maybe_onnx(context: Context, file: BinaryIO, size: int) -> str:
    """A protobuf that begins like ONNX: it is one if it reads as one."""
    model = onnx.read(file, size, context.limits)
    if not model.operators and not model.graph:
        return judge_graph_def(context, file, size) if context.suffix == ".pb" else ""
    return judge_onnx(context, file, size)


def judge_saved_model(context: Context, file: BinaryIO, size: int) -> str:
    """A TensorFlow SavedModel."""
    graphs = savedmodel.read(file, size, context.limits)
    _operations(context, graphs)
    for name in sorted({name for name in graphs.assets if escapes(name)}):
        context.add("path-escape", f"the model reads a file outside: {printable(name, 160)}", subject=name)
    judge_embedded(context, file)
    return "savedmodel"


def judge_graph_def(context: Context, file: BinaryIO, size: int) -> str:
    """A protobuf named like a TensorFlow graph: a frozen graph, or Keras metadata."""
    graphs = savedmodel.read_graph(file, size, context.limits)
    if judge_embedded(context, file):
        return "keras-metadata"
    if not graphs.operations:
        if _is_fingerprint(context, file, size):
            return "savedmodel-fingerprint"
        return "onnx-tensor" if _is_tensor(context, file, size) else ""
    _operations(context, graphs)
    return "graphdef"


def _is_fingerprint(context: Context, file: BinaryIO, size: int) -> bool:
    """Tell whether a protobuf is the FingerprintDef beside a SavedModel: five numbers, a version and a UUID."""
    if size > _FINGERPRINT:
        return False
    try:
        found = [(number, type(value)) for number, _, value, _ in Message.whole(file, size, context.limits).fields()]
    except Unreadable:
        return False
    kinds = dict.fromkeys(range(1, 6), int) | {6: Span, 7: Span}
    return bool(found) and all(kinds.get(number) is kind for number, kind in found)


def _is_tensor(context: Context, file: BinaryIO, size: int) -> bool:
    """Tell whether a protobuf is an ONNX TensorProto that holds its numbers itself (no external data, field 13)."""
    try:
        found = {(number, type(value)) for number, _, value, _ in Message.whole(file, size, context.limits).fields()}
    except Unreadable:
        return False
    numbers: dict[int, tuple[type, ...]]
    numbers = {1: (int, Span), 2: (int,), 8: (Span,), 9: (Span,), 12: (Span,)}
    numbers |= dict.fromkeys((4, 5, 6, 7, 10, 11), (Span,))
    return (2, int) in found and all(kind in numbers.get(number, ()) for number, kind in found)


def _operations(context: Context, graphs: savedmodel.Graphs) -> None:
    report(context, graphs.problems)
    for name, count in graphs.operations.items():
        if formats_data().is_operation(name, "dangerous"):
            message = f"the graph reaches files, processes or the network by {printable(name, 80)} ({count}x)"
            context.add("graph-escape", message, subject=name, call=name)
        elif formats_data().is_operation(name, "review"):
            message = f"the graph reads or sends outside data by {printable(name, 80)}"
            context.add("graph-outside", message, subject=name, allow=name)


def judge_tflite(context: Context, file: BinaryIO, size: int) -> str:
    """A TensorFlow Lite model."""
    lists = formats_data()
    try:
        model = tflite.read(file, size)
    except InputError as error:
        context.unread("malformed", f"the model cannot be read: {error.message}")
        return "tflite"
    for name in model.custom:
        plain = name.removeprefix("Flex")
        if name.startswith("Flex") and lists.is_operation(plain, "dangerous"):
            context.add("graph-escape", f"the graph reaches outside by {printable(name, 80)}", subject=name, call=name)
        elif name not in lists.of("tflite", "custom"):
            message = f"the model needs the operator {printable(name, 80)}, which the runtime does not have"
            context.add("custom-operator", message, subject=name, allow=name)
    return "tflite"


def judge_coreml(context: Context, file: BinaryIO, size: int) -> str:
    """A CoreML model: custom models and layers are classes of the app that loads it."""
    try:
        for number, _, value, _ in (whole := Message.whole(file, size, context.limits)).fields():
            if number == _COREML_CUSTOM:
                context.add(
                    "custom-operator", "the model is a custom class", subject="customModel", allow="customModel"
                )
            elif number in _COREML_NETWORKS and isinstance(value, Span):
                for layer in whole.inside(value).children(_COREML_LAYER):
                    if any(field == _COREML_CUSTOM_LAYER for field, _, _, _ in layer.fields()):
                        message = "the model has a custom layer"
                        context.add("custom-operator", message, subject="custom layer", allow="custom layer")
    except Unreadable as stop:
        report(context, (stop.problem,))
    return "coreml"
