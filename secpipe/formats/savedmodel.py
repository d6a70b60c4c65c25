"""TensorFlow SavedModel and GraphDef: the operations of all graphs and functions, walked as protobuf.

Field numbers are those of saved_model.proto, meta_graph.proto, graph.proto, function.proto and node_def.proto.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

from secpipe.core.limits import DEFAULT, Limits
from secpipe.formats.problem import Problem, Unreadable
from secpipe.formats.wire import Message, Span

_META_GRAPHS = 2  # of SavedModel
_GRAPH_DEF, _ASSET = 2, 6  # of MetaGraphDef
_FILE = 2  # name of AssetFileDef
_NODE, _LIBRARY = 1, 2  # of GraphDef
_FUNCTION = 1  # of FunctionDefLibrary
_BODY = 3  # node_def of FunctionDef
_OP = 2  # of NodeDef


@dataclass(frozen=True, slots=True)
class Graphs:
    """Operation name -> how often it stands in the model; `problems` lists structural faults."""

    operations: Mapping[str, int] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    assets: tuple[str, ...] = ()  # files that the model reads, below its folder `assets`


def read(file: BinaryIO, size: int, limits: Limits = DEFAULT) -> Graphs:
    """Read a saved_model.pb. Faults of the file are problems of the value, a fatal one last."""
    return _read(file, size, limits, saved=True)


def read_graph(file: BinaryIO, size: int, limits: Limits = DEFAULT) -> Graphs:
    """Read a frozen GraphDef (.pb)."""
    return _read(file, size, limits, saved=False)


def _read(file: BinaryIO, size: int, limits: Limits, *, saved: bool) -> Graphs:
    counts: Counter[str] = Counter()
    problems: list[Problem] = []
    assets: list[str] = []
    try:
        whole = Message.whole(file, size, limits)
        if not saved:
            _graph(whole, counts)
        else:
            for meta in whole.children(_META_GRAPHS):
                for graph in meta.children(_GRAPH_DEF):
                    _graph(graph, counts)
                for asset in meta.children(_ASSET):
                    assets += [asset.text(value) for number, _, value, _ in asset.fields() if number == _FILE]
    except Unreadable as stop:
        problems.append(stop.problem)
    return Graphs(dict(sorted(counts.items())), tuple(problems), tuple(assets))


def _graph(graph: Message, counts: Counter[str]) -> None:
    for node in graph.children(_NODE):
        _node(node, counts)
    for library in graph.children(_LIBRARY):
        for function in library.children(_FUNCTION):
            for node in function.children(_BODY):
                _node(node, counts)


def _node(node: Message, counts: Counter[str]) -> None:
    for number, _, value, _ in node.fields():
        if number == _OP and isinstance(value, Span):
            counts[node.text(value)] += 1
