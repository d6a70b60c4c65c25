"""A bound that cuts says so: every use of a limit that could cut in silence is listed here, with why it cannot harm.

A use counts where a `Limits` field, or a constant whose name or size says that it bounds, ends a slice, a read or a
loop, or stands in a condition whose branches neither raise, nor tell, nor refuse.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "secpipe"
ROOMS = ("scan", "formats", "sbom", "sign", "gate/rules")
#: Words of a constant that bounds.
_BOUND = re.compile(r"^_?(?:[A-Z]+_)*(?:MAX|MOST|LONGEST|LARGEST|LIMIT|CAP|KEPT|TRIES|FAR|PARTS|FAULTS)(?:_[A-Z]+)*$")
_READS = frozenset({"min", "islice", "upto", "read"})
#: What a branch calls that says so.
_TELLS = re.compile(r"^(?:skip|unread|tell|not_read|fault|append|add|Problem|Unreadable|_unknown)$")
_FIELDS = frozenset({"limits", "_limits", "DEFAULT"})

TOLD = "what is left is told in the same function or by its caller"
SHOWN = "shown to people only: nothing is judged by it"
WHOLE = "the file was refused before if it is larger"
CLOSED = "more than that is refused, or proves nothing: fail closed"
UNKNOWN = "marked as cut: a destination made of it is an unknown one, and that is told"
NEVER = "no reader of the format, no resolver and no registry takes a longer one"

#: `path: function` -> why the cut is not silent.
ALLOWED = {
    "sign/results.py: metrics": CLOSED,
    "sign/results.py: tested": CLOSED,
    "formats/unpack.py: packed": TOLD,
    "sbom/claims.py: compare": TOLD,
    "sbom/validate.py: validate": "sniffs which of several forms it has; each is read whole",
    "sbom/collector.py: unpack": TOLD,
    "sbom/collector.py: _occurrences": SHOWN,
    "sbom/collector.py: _digests": "one that is left out can only fail to match, never match",
    "sbom/collector.py: _needed": "a package of so many groups counts as one that ships",
    "scan/shadow_ai/attribute.py: _expand": "what is left out leaves the destination unknown, and that is told",
    "scan/shadow_ai/large.py: read": "of opaque bytes the ends are searched",
    "scan/shadow_ai/neighbours.py: text": "what is not kept is read again when it is asked for",
    "scan/shadow_ai/terraform.py: filled": "the caller names it as unread",
    "scan/shadow_ai/scan.py: _member": "larger ones go to the streaming reader",
    "scan/shadow_ai/plain.py: holds_no_term": "larger files go to the streaming reader",
    "formats/boms/forms.py: from_xml": "the namespace stands in the first element; without it nothing is valid",
    "formats/boms/shapes.py: parse": "sniffs which of several forms it has; each is read whole",
    "formats/extents.py: _icon": CLOSED,
    "formats/gguf.py: _value": "elements of arrays: numbers and vocabulary; a template stands under a key of its own",
    "formats/gguf.py: take": "raises, one way for each of the two bounds",
    "formats/hdf5.py: outside": "a hundred references to other files are a hundred findings of the same rule",
    "formats/huggingface.py: read_card": WHOLE,
    "formats/jinja.py: _runs": "a longer template was refused before",
    "formats/locks/maven.py: fill": "the version stays as it is written: no exact one, and the audit says so",
    "formats/locks/yarn.py: read": "sniffs which of two forms the file has; each is read whole",
    "formats/packages/maven.py: key": "no order: whether an advisory applies is unclear, and that is a finding",
    "formats/packages/purl.py: parse": "no package: the audit counts it among those that it could not judge",
    "formats/packages/versions.py: key": "no order: whether an advisory applies is unclear, and that is a finding",
    "formats/pickle/machine.py: _walk": "strings are shown short; what is long goes to the listener whole",
    "formats/pickle/values.py: add": "an import is judged where it stands, whether or not a container keeps it",
    "formats/prompts.py: told": "a longer file is a prompt as well, by its digest; it only says nothing of itself",
    "formats/safetensors.py: _length": "the caller raises for a longer header",
    "formats/safetensors.py: _tensor": "a problem is told there",
    "formats/safetensors.py: elements_of": CLOSED,
    "formats/tars.py: _name": "not a bound: the width of a field",
    "formats/tars.py: members": "raises behind the loop",
    "formats/wire.py: text": "sets `cut`, which onnx tells",
    "formats/zips.py: _central": TOLD,
    "formats/zips.py: _walk_local": "a member that is not listed is a fault by itself",
    "gate/rules/conditions.py: conditions": TOLD,
    "sbom/cyclonedx.py: _service": "the schema's own bound; the package beside it has the whole version",
    "sbom/cyclonedx.py: _component": "the schema's own bound; the purl beside it has the whole version",
    "sbom/extras.py: _metadata": SHOWN,
    "scan/models/growth.py: _made": "a list of which not all is known counts as one beyond every bound",
    "scan/models/growth.py: of": "what is beyond is told by its caller",
    "sbom/licenses.py: normalize": NEVER,
    "sbom/schema.py: _closest": SHOWN,
    "scan/agents/scripts.py: scopes": "beyond it the whole program is judged as one, which accuses sooner",
    "sbom/shipped.py: _row": "a larger file is told as not read, and the gate does not decide",
    "sbom/shipped.py: shipped": "one file must meet every demand: leaving others out can only fail",
    "sbom/sources/embedded.py: _component": "no package: the audit counts it among those that it could not judge",
    "sbom/sources/mlflow.py: _signature": SHOWN,
    "sbom/sources/weights.py: _gguf": SHOWN,
    "sbom/sources/weights.py: _onnx": SHOWN,
    "scan/models/additions.py: spelled": "what is shown; the digest behind it binds the whole name",
    "scan/models/arrays.py: _fits": "a number; what is beyond it fits nowhere, and that is told",
    "scan/models/arrays.py: skip_array": "a number; more bytes than that are in no file, and that raises",
    "scan/models/configs.py: judge_json": TOLD,
    "scan/models/keras_files.py: _end": TOLD,
    "scan/models/templates.py: fits": TOLD,
    "scan/shadow_ai/attribute.py: _use": SHOWN,
    "scan/shadow_ai/changes.py: _differs": "a file too large to be compared has changed",
    "scan/shadow_ai/expressions.py: _after_argument": TOLD,
    "scan/shadow_ai/nearby.py: nearby": "a hint beside a call, called no proof; no verdict reads it",
    "formats/codeowners.py: parse": "a longer file is a problem that the page says, and owns nothing",
    "formats/codeowners.py: _parts": "such a pattern is a problem that the page says, and fits nothing",
    "scan/shadow_ai/expressions.py: fold": UNKNOWN,
    "scan/shadow_ai/naming.py: name": UNKNOWN,
    "scan/shadow_ai/naming.py: _grown": UNKNOWN,
    "scan/shadow_ai/expressions.py: _members": UNKNOWN,
    "scan/shadow_ai/expressions.py: _elements": "a name beyond the depth is folded, which is marked as cut",
    "scan/shadow_ai/fold.py: _any": UNKNOWN,
    "scan/shadow_ai/fold.py: _once": UNKNOWN,
    "scan/shadow_ai/hosts.py: resolve": NEVER,
    "scan/shadow_ai/lexer.py: lex": "sets `complete`, which its caller tells",
    "scan/shadow_ai/manifests.py: read": TOLD,
    "scan/shadow_ai/notebooks.py: _values": TOLD,
    "scan/shadow_ai/scan.py: _look": "larger files go to the streaming reader",
    "scan/shadow_ai/scan.py: evidence": TOLD,
    "scan/shadow_ai/scan.py: read_ahead": "larger files go to the streaming reader, when they are visited",
    "scan/shadow_ai/scope.py: _loop": UNKNOWN,
    "scan/shadow_ai/text.py: _pairs": "the beginning of a value is kept; an address in it is found without it",
    "scan/shadow_ai/text.py: read": "long lines are read in parts that overlap",
    "scan/shadow_ai/values.py: _bounded": UNKNOWN,
    "scan/vulnerabilities/audit.py: _audit": TOLD,
    "scan/vulnerabilities/exploits.py: kind_of": "sniffs which of two forms the file has; each is read whole",
    "scan/agents/bundle.py: _content": "a stored member is as long as it says, and a longer one was told before",
    "scan/agents/bundle.py: members": TOLD,
    "scan/agents/code.py: _agent": SHOWN,
    "scan/agents/javascript.py: _agent": SHOWN,
    "scan/agents/config.py: _inline": SHOWN,
    "scan/agents/config.py: _plugin": SHOWN,
    "scan/agents/config.py: _sources": SHOWN,
    "scan/agents/hidden.py: _line": SHOWN,
    "scan/agents/pages.py: read": SHOWN,
    "scan/agents/places.py: by_content": "longer code is told by the AI check: it is not parsed there either",
    "scan/agents/scan.py: evidence": "worst first: what is left out can only be milder than what is told",
    "scan/agents/servers.py: read": SHOWN,
    "scan/agents/settings.py: _allowed": SHOWN,
    "scan/agents/settings.py: _hook": SHOWN,
    "sign/compare.py: directory": "any problem fails the signature; the others are not listed",
    "sign/keyless.py: _root": "sniffs which of two forms the file has; each is read whole",
    "sign/line_ends.py: only_line_ends": "a hint beside a failure",
    "sign/oci.py: _pairs": CLOSED,
}


def _is_bound(node: ast.expr) -> bool:
    if isinstance(node, ast.Attribute):
        owner = node.value
        name = owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
        return name in _FIELDS
    return isinstance(node, ast.Name) and _BOUND.match(node.id) is not None


def _bounds(node: ast.AST | None) -> bool:
    """Whether a bound stands in an expression."""
    return node is not None and any(_is_bound(inner) for inner in ast.walk(node) if isinstance(inner, ast.expr))


def _compares(test: ast.expr) -> bool:
    return any(_bounds(inner) for inner in ast.walk(test) if isinstance(inner, ast.Compare))


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _tells(branch: list[ast.stmt]) -> bool:
    nodes = [inner for statement in branch for inner in ast.walk(statement)]
    return any(
        isinstance(inner, ast.Raise) or (isinstance(inner, ast.Call) and _TELLS.match(_name(inner))) for inner in nodes
    )


def _cuts(node: ast.AST) -> bool:
    """Whether a node may cut in silence."""
    if isinstance(node, ast.Slice):
        large = isinstance(node.upper, ast.Constant) and isinstance(node.upper.value, int) and node.upper.value >= 256
        return large or _bounds(node.upper)
    if isinstance(node, ast.Call):
        return _name(node) in _READS and any(_is_bound(argument) for argument in node.args) and _name(node) != "read"
    if isinstance(node, ast.While):
        return _compares(node.test)
    if isinstance(node, ast.IfExp):
        return _compares(node.test)
    return isinstance(node, ast.If) and _compares(node.test) and not (_tells(node.body) or _tells(node.orelse))


def _walk(node: ast.AST, function: str) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        inside = child.name if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) else function
        if _cuts(child):
            yield inside
        yield from _walk(child, inside)


@cache
def cuts() -> frozenset[str]:
    """Return every place that may cut in silence, as `path: function`."""
    found = set()
    for room in ROOMS:
        for path in (PACKAGE / room).rglob("*.py"):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            found |= {f"{path.relative_to(PACKAGE).as_posix()}: {name}" for name in _walk(tree, "")}
    return frozenset(found)


def test_every_cut_is_told_or_can_do_no_harm() -> None:
    assert cuts() - set(ALLOWED) == set(), "tell what is cut (core.bounds.Bound), raise, or say here why it cannot harm"


def test_no_reason_outlives_its_cut() -> None:
    assert set(ALLOWED) - cuts() == set()


@pytest.mark.parametrize(
    ("code", "silent"),
    [
        ("def f(d, limits): return d[:limits.text_bytes]", True),
        ("def f(d): return d[:_MAX_ROWS]", True),
        ("def f(d): return d[:4096]", True),
        ("def f(d): return d[:3]", False),
        ("def f(d, limits): return at(d, 0, min(9, limits.text_bytes))", True),
        ("def f(n, limits):\n while n < limits.pickle_ops: n += 1", True),
        ("def f(n, limits):\n if n > limits.pickle_ops: return", True),
        ("def f(n, limits):\n if n > limits.pickle_ops: raise ValueError", False),
        ("def f(n, tell):\n if n > _MOST: tell('more')", False),
        ("def f(n): return n if n < _LONGEST else ''", True),
    ],
)
def test_a_cut_is_seen(code: str, silent: bool) -> None:
    assert bool(list(_walk(ast.parse(code), ""))) is silent
