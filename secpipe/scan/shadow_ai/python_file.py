"""One Python file while it is being read: its nodes, what its names stand for, and what was found so far."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from secpipe.core.finding import Confidence
from secpipe.scan.shadow_ai.catalogue import Catalogue
from secpipe.scan.shadow_ai.scope import collect
from secpipe.scan.shadow_ai.signal import UNKNOWN, EnvValue, Reading, Signal
from secpipe.scan.shadow_ai.values import TOO_MANY, Value


class File:
    """The state of one reading; `out` is what the readers add to."""

    def __init__(self, nodes: list[ast.AST], catalogue: Catalogue) -> None:
        self.nodes = nodes
        self.catalogue = catalogue
        self.scope = collect(nodes)
        self.classes = {node.name for node in nodes if isinstance(node, ast.ClassDef)}  # that the file itself defines
        self.out = Reading()
        self.cuts: set[int] = set()  # lines at which a bound left values of an address out
        self.moved: set[str] = set()  # SDKs that the file points elsewhere for all their calls
        self.stand_in: dict[str, str] = {}  # SDK -> the provider that a class of it is for
        self.consumed: set[int] = set()  # string expressions that were read as part of something else
        self.documentation = {  # strings that stand alone as a statement: docstrings and commented-out text
            id(node.value) for node in nodes if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        }

    def fold(self, node: ast.expr | None) -> Value:
        """Return what an expression may be."""
        return self.scope.fold(node)

    def sign(self, role: str, mechanism: str, provider: str, node: ast.AST, evidence: str, **rest: object) -> None:
        """Add a sign at the line of `node`; `rest` are further fields of `Signal`."""
        line = getattr(node, "lineno", 0)
        self.out.signals.append(Signal(role, mechanism, provider, line=line, evidence=evidence, **rest))  # type: ignore[arg-type]

    def cut(self, node: ast.AST, role: str, mechanism: str, evidence: str, sdk: str = "") -> None:
        """A bound left out some of the values that a destination is made of: it is also an unknown one."""
        self.cuts.add(getattr(node, "lineno", 0))
        self.sign(role, mechanism, UNKNOWN, node, f"{evidence} at {TOO_MANY}", sdk=sdk, confidence=Confidence.HIGH)

    def set_environment(self, name: str, value: ast.expr, node: ast.AST) -> None:
        """The program itself gives an environment name a value."""
        for text in sorted(self.fold(value).texts):
            self.out.values.append(EnvValue(name, text, "", getattr(node, "lineno", 0)))

    def consume(self, node: ast.AST) -> None:
        """Do not read the strings below `node` again for themselves."""
        for child in ast.walk(node):
            self.consumed.add(id(child))


def pairs(node: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    """Yield the string keys of a dictionary literal, or the keywords of a call, with their values."""
    if isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                yield key.value, value
    elif isinstance(node, ast.Call):
        for word in node.keywords:
            if word.arg:
                yield word.arg, word.value
