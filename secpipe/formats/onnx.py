"""ONNX: what a model file says about itself, walked as protobuf without reading a weight or loading an operator.

Field numbers are those of `onnx.proto` (ModelProto, GraphProto, NodeProto, AttributeProto, TensorProto).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

from secpipe.core.limits import DEFAULT, Limits
from secpipe.formats.problem import Problem, Unreadable, script_sign
from secpipe.formats.safetensors import elements_of
from secpipe.formats.wire import LENGTH, VARINT, Message, Span

#: Operator sets of the standard and of ONNX Runtime; any other needs a library that the model does not carry.
KNOWN_DOMAINS = frozenset(
    {"", "ai.onnx", "ai.onnx.ml", "ai.onnx.training", "ai.onnx.preview", "ai.onnx.preview.training", "com.microsoft"}
)
#: TensorProto.DataType -> name.
DTYPES = {
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 8: "string", 9: "bool",
    10: "float16", 11: "float64", 12: "uint32", 13: "uint64", 14: "complex64", 15: "complex128", 16: "bfloat16",
    17: "float8e4m3fn", 18: "float8e4m3fnuz", 19: "float8e5m2", 20: "float8e5m2fnuz", 21: "uint4", 22: "int4",
    23: "float4e2m1", 24: "float8e8m0",
}  # fmt: skip
_MODEL_FIELDS = frozenset({1, 2, 3, 4, 5, 6, 7, 8, 14, 20, 25, 26})
#: What ONNX knows of data in another file; readers up to 1.20 set any other word on their own object (CVE-2026-34445).
_OUTSIDE = frozenset({"location", "offset", "length", "checksum"})
_DEPTH = 16  # graphs in attributes of nodes of graphs
_PROBLEMS = 100


@dataclass(frozen=True, slots=True)
class ExternalData:
    """Weights kept in another file: `location` is relative to the model, as the file says it."""

    tensor: str
    location: str
    offset: int = 0
    length: int | None = None


@dataclass(frozen=True, slots=True)
class Port:
    """A graph input or output."""

    name: str
    dtype: str = ""
    shape: tuple[str, ...] = ()  # a number, a symbol, or "?"


@dataclass(frozen=True, slots=True)
class Onnx:
    """What the model says; `problems` lists structural faults."""

    ir_version: int = 0
    producer: str = ""
    producer_version: str = ""
    domain: str = ""
    model_version: int = 0
    description: str = ""
    graph: str = ""
    opsets: Mapping[str, int] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    operators: Mapping[str, int] = field(default_factory=dict)  # `domain:Op` (no prefix for ai.onnx) -> uses
    dtypes: Mapping[str, int] = field(default_factory=dict)  # elements of initializers by dtype
    tensors: int = 0
    inputs: tuple[Port, ...] = ()
    outputs: tuple[Port, ...] = ()
    external: tuple[ExternalData, ...] = ()
    custom_domains: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def parameters(self) -> int:
        """The number of elements of all initializers."""
        return sum(self.dtypes.values())


def read(file: BinaryIO, size: int, limits: Limits = DEFAULT) -> Onnx:
    """Walk an ONNX file of `size` bytes.

    Faults of the file are `problems` of the value, a fatal one last; raises InputError only where the file itself
    cannot be read.
    """
    walk, whole = _Walk(), Message.whole(file, size, limits)
    try:
        walk.model(whole)
    except Unreadable as stop:
        walk.problems.append(stop.problem)
    if whole.cut:
        walk.tell("cut", f"a text in the model is longer than the {limits.string_bytes:,} bytes that are read", None)
    return walk.result()


class _Walk:
    """Collects while walking; one a file."""

    def __init__(self) -> None:
        self.numbers: dict[int, int] = {}
        self.texts: dict[int, str] = {}
        self.graph_name = ""
        self.opsets: dict[str, int] = {}
        self.metadata: dict[str, str] = {}
        self.operators: Counter[str] = Counter()
        self.domains: set[str] = set()
        self.dtypes: Counter[str] = Counter()
        self.tensors = 0
        self.ports: dict[int, list[Port]] = {11: [], 12: []}
        self.external: list[ExternalData] = []
        self.problems: list[Problem] = []

    def tell(self, kind: str, message: str, offset: int | None) -> None:
        self.problems.append(Problem(kind, message, offset))
        if len(self.problems) > _PROBLEMS:
            raise Unreadable(kind, "too many faults", offset)

    def model(self, message: Message) -> None:
        seen_graph = False
        for number, wire, value, at in message.fields():
            if number not in _MODEL_FIELDS:
                self.tell("unknown-field", f"the model has a field {number} that ONNX does not know", at)
            elif wire == VARINT:
                self.numbers[number] = value if isinstance(value, int) else 0
            elif wire != LENGTH or not isinstance(value, Span):
                self.tell("wire-type", f"field {number} of the model has a wrong type", at)
            elif number == 7:
                if seen_graph:
                    self.tell("duplicate-key", "the model holds two graphs", at)
                seen_graph = True
                self.graph(message.inside(value), 0)
            elif number == 8:
                self.opset(message.inside(value))
            elif number == 14:
                self.pair(message.inside(value), at)
            elif number == 20:
                for inner, _, part, _ in message.inside(value).fields():
                    if inner in {1, 2} and isinstance(part, Span):
                        self.graph(message.inside(part), 1)
            elif number == 25:
                self.function(message.inside(value))
            elif number in {2, 3, 4, 6}:
                self.texts[number] = message.text(value)
        if not seen_graph and 1 not in self.numbers:
            raise Unreadable("not-onnx", "the file holds neither an IR version nor a graph", 0)

    def opset(self, message: Message) -> None:
        domain, version = "", 0
        for number, wire, value, _ in message.fields():
            if number == 1 and isinstance(value, Span):
                domain = message.text(value)
            elif number == 2 and wire == VARINT and isinstance(value, int):
                version = value
        self.opsets[domain or "ai.onnx"] = version

    def pair(self, message: Message, at: int) -> None:
        key, text = message.pair()
        if key in self.metadata:
            self.tell("duplicate-key", f"metadata {key!a:.80} stands twice", at)
        self.metadata[key] = text
        if sign := script_sign(text):
            self.tell("script-text", f"metadata {key!a:.80} holds what looks like code: {sign!a}", at)

    def function(self, message: Message) -> None:
        domain = ""
        for number, _, value, _ in message.fields():
            if number == 7 and isinstance(value, Span):
                self.node(message.inside(value), 1)
            elif number == 10 and isinstance(value, Span):
                domain = message.text(value)
        self.domains.discard(domain)  # defined by the model itself

    def graph(self, message: Message, depth: int) -> None:
        if depth > _DEPTH:
            raise Unreadable("depth", f"graphs are nested deeper than {_DEPTH}", message.start)
        for number, _, value, _ in message.fields():
            if not isinstance(value, Span):
                continue
            if number == 1:
                self.node(message.inside(value), depth)
            elif number == 2 and depth == 0:
                self.graph_name = message.text(value)
            elif number == 5:
                self.tensor(message.inside(value))
            elif number == 15:
                for inner, _, part, _ in message.inside(value).fields():
                    if inner in {1, 2} and isinstance(part, Span):
                        self.tensor(message.inside(part))
            elif number in self.ports and depth == 0:
                self.ports[number].append(_port(message.inside(value)))

    def node(self, message: Message, depth: int) -> None:
        operator = domain = ""
        for number, _, value, _ in message.fields():
            if not isinstance(value, Span):
                continue
            if number == 4:
                operator = message.text(value)
            elif number == 7:
                domain = message.text(value)
            elif number == 5:
                self.attribute(message.inside(value), depth)
        plain = domain in {"", "ai.onnx"}
        self.operators[operator if plain else f"{domain}:{operator}"] += 1
        if domain not in KNOWN_DOMAINS:
            self.domains.add(domain)

    def attribute(self, message: Message, depth: int) -> None:
        for number, _, value, at in message.fields():
            if not isinstance(value, Span):
                continue
            if number in {4, 9} and value.end - value.start > 4:
                if sign := script_sign(message.text(value)):
                    self.tell("script-text", f"a string attribute holds what looks like code: {sign!a}", at)
            elif number in {5, 10}:
                self.tensor(message.inside(value), count=False)
            elif number in {6, 11}:
                self.graph(message.inside(value), depth + 1)

    def tensor(self, message: Message, *, count: bool = True) -> None:
        dims: list[int] = []
        dtype, name = 0, ""
        outside: dict[str, str] = {}
        for number, wire, value, _ in message.fields():
            if number == 1:
                dims += [value] if isinstance(value, int) else message.inside(value).varints()
            elif number == 2 and wire == VARINT and isinstance(value, int):
                dtype = value
            elif number == 8 and isinstance(value, Span):
                name = message.text(value)
            elif number == 13 and isinstance(value, Span):
                key, text = message.inside(value).pair()
                outside[key] = text
        if any(dimension >= 1 << 63 for dimension in dims):
            self.tell("tensor", f"tensor {name!a:.120} has a negative dimension", message.start)
            dims = []
        if count:
            self.tensors += 1
            self.dtypes[DTYPES.get(dtype, f"type-{dtype}")] += elements_of(tuple(dims))
        if outside:
            self.outside(name, outside, message.start)

    def outside(self, name: str, entries: Mapping[str, str], at: int) -> None:
        for key in sorted(set(entries) - _OUTSIDE)[:9]:
            self.tell("external-key", f"tensor {name!a:.80} sets {key!a:.80} of what reads its data", at)
        location = entries.get("location", "")
        parts = location.replace("\\", "/").split("/")
        if not location or location.startswith(("/", "\\", "~")) or ":" in parts[0] or "\0" in location:
            self.tell("external-path", f"tensor {name!a:.80} reads {location!a:.200}, not a relative path", at)
        elif ".." in parts:
            self.tell("external-path", f"tensor {name!a:.80} reads {location!a:.200}, outside its folder", at)
        numbers = {}
        for key in ("offset", "length"):
            text = entries.get(key, "0")
            if text.isascii() and text.isdigit() and len(text) < 20:
                numbers[key] = int(text)
            else:
                self.tell("external-range", f"tensor {name!a:.80} has the {key} {text!a:.40}", at)
        length = numbers.get("length") if "length" in entries else None
        self.external.append(ExternalData(name, location, numbers.get("offset", 0), length))

    def result(self) -> Onnx:
        for domain in sorted(self.domains)[:20]:
            self.problems.append(Problem("custom-domain", f"operators of the unknown domain {domain!a:.120}"))
        return Onnx(
            self.numbers.get(1, 0), self.texts.get(2, ""), self.texts.get(3, ""), self.texts.get(4, ""),
            self.numbers.get(5, 0), self.texts.get(6, ""), self.graph_name, self.opsets, self.metadata,
            dict(sorted(self.operators.items())), dict(self.dtypes.most_common()), self.tensors,
            tuple(self.ports[11]), tuple(self.ports[12]), tuple(self.external), tuple(sorted(self.domains)),
            tuple(sorted(self.problems, key=lambda problem: problem.fatal)),
        )  # fmt: skip


def _port(message: Message) -> Port:
    name, dtype, shape = "", "", []
    for number, _, value, _ in message.fields():
        if number == 1 and isinstance(value, Span):
            name = message.text(value)
        elif number == 2 and isinstance(value, Span):  # TypeProto.tensor_type
            for inner in message.inside(value).children(1):
                for kind, _, part, _ in inner.fields():
                    if kind == 1 and isinstance(part, int):
                        dtype = DTYPES.get(part, f"type-{part}")
                    elif kind == 2 and isinstance(part, Span):
                        shape = [_dimension(dim) for dim in inner.inside(part).children(1)]
    return Port(name, dtype, tuple(shape))


def _dimension(message: Message) -> str:
    for number, _, value, _ in message.fields():
        if number == 1 and isinstance(value, int):
            return str(value)
        if number == 2 and isinstance(value, Span):
            return message.text(value)
    return "?"
