"""Strings of a Python file, put together or not: addresses, environment names, model strings, permissions, SQL."""

from __future__ import annotations

import ast
import re

from secpipe.core.finding import Confidence
from secpipe.scan.shadow_ai import models, shell, sql
from secpipe.scan.shadow_ai.hosts import HOLE, URL, Destination, counts, resolve
from secpipe.scan.shadow_ai.places import ai_path, bare_host, destination_signal, permissions
from secpipe.scan.shadow_ai.python_file import File
from secpipe.scan.shadow_ai.signal import UNKNOWN
from secpipe.scan.shadow_ai.values import Value, is_address

_MAKERS = {
    "join",
    "format",
    "replace",
    "decode",
    "b64decode",
    "urlsafe_b64decode",
    "fromhex",
    "unhexlify",
    "urljoin",
    "bytes",
}
_WHOLE = re.compile(r"https?://[\w.-]+(?::\d+)?/")
_TELLING = frozenset("./:_")


def string(file: File, node: ast.expr) -> None:
    """A string, or an expression that puts one together, wherever it stands."""
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str | bytes) and id(node) not in file.documentation:
            _text_of(file, node.value if isinstance(node.value, str) else node.value.decode("latin-1"), node)
        return
    if isinstance(node, ast.Subscript) and file.scope.dotted(node.value) in {"os.environ", "environ"}:
        file.out.reads |= file.fold(node.slice).texts
        return
    if isinstance(node, ast.Call | ast.Subscript | ast.BinOp) and not _makes_text(node):
        return
    value = file.fold(node)
    if value.texts:
        file.consume(node)
    if value.cut and any(map(is_address, value.texts)) and not is_fixed(node):
        file.cuts.add(node.lineno)
    for text in sorted(value.texts):
        _text_of(file, text, node)
        if text.startswith(HOLE) and ai_path(text, file.catalogue, ""):
            _open_address(file, node, value)


def _text_of(file: File, text: str, node: ast.expr) -> None:
    if len(text) < 4 or not _TELLING.intersection(text):
        return
    _env_name(file, text, node)
    spaced = any(char.isspace() for char in text.strip())
    for match in URL.finditer(text):
        destination = resolve(match[0], file.catalogue)
        if destination is not None:
            _endpoint(file, destination, node, spaced, text)
    if not spaced:
        file.out.signals += bare_host(text, node.lineno, file.catalogue)
    if not spaced and ("/" in text or ":" in text):
        model_string(file, text, node, key=False)
    file.out.signals += permissions(text, node.lineno, file.catalogue) if ":" in text else []
    file.out.signals += sql.functions(text, file.catalogue, line=node.lineno) if spaced and "(" in text else []
    if spaced and "curl" in text:
        file.out.signals += [sign.at("", "", node.lineno - 1) for sign in shell.commands(text, file.catalogue).signals]


def _env_name(file: File, text: str, node: ast.expr) -> None:
    if text in file.catalogue.env or text in file.catalogue.weak_env or text in file.catalogue.base_url_env:
        file.out.reads.add(text)
        owner = file.catalogue.env.get(text) or file.catalogue.weak_env.get(text) or file.catalogue.base_url_env[text]
        if owner:
            weak = text in file.catalogue.weak_env
            file.sign(
                "env", "env", owner, node, f"reads {text}", confidence=Confidence.LOW if weak else Confidence.MEDIUM
            )


def _endpoint(file: File, destination: Destination, node: ast.expr, spaced: bool, text: str) -> None:
    known = destination.provider in file.catalogue.providers
    if known and not counts(destination, file.catalogue):
        return
    if not known and not ai_path(destination.path, file.catalogue, text):
        return
    confidence = Confidence.LOW if spaced else Confidence.HIGH
    file.out.signals.append(
        destination_signal(
            "endpoint", "http", destination, node.lineno, f"calls {destination.host}", confidence=confidence
        )
    )


def model_string(file: File, text: str, node: ast.AST, *, key: bool) -> None:
    """A text that may name a model; `key` says that it stands where one is expected."""
    if HOLE in text or not models.is_model_name(text):
        return
    owner = models.provider_of(text, file.catalogue, key=key)
    if owner:
        file.consumed.add(id(node))
        file.sign(
            "model",
            "model",
            owner,
            node,
            f"model {text}",
            model=text,
            confidence=Confidence.MEDIUM if key else Confidence.LOW,
        )


def is_fixed(node: ast.expr) -> bool:
    """Whether an expression begins with a whole host: whatever comes after it, the destination is told."""
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        node = node.left
    first = node.values[0] if isinstance(node, ast.JoinedStr) and node.values else node
    return isinstance(first, ast.Constant) and isinstance(first.value, str) and bool(_WHOLE.match(first.value))


def _makes_text(node: ast.expr) -> bool:
    """Whether a call, subscript or operation may put a string together rather than look one up or reckon."""
    if isinstance(node, ast.Subscript):
        return isinstance(node.slice, ast.Slice) and node.slice.step is not None
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.Add | ast.Mod | ast.Div)
    func = node.func if isinstance(node, ast.Call) else None
    last = func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""
    return last in _MAKERS


def _open_address(file: File, node: ast.expr, value: Value) -> None:
    """`f"{BASE}/chat/completions"`: an AI call to an address that is set somewhere else, or cannot be told."""
    names = tuple(sorted(value.envs)) or tuple(sorted({item.upper() for item in _names(node)}))
    evidence = f"calls an AI path at {', '.join(names) or 'an address that the code computes'}"
    file.sign("client", "http", "" if names else UNKNOWN, node, evidence, envs=names, confidence=Confidence.HIGH)


def _names(node: ast.expr) -> set[str]:
    """The constants and settings of which an address is made."""
    found = {item.id for item in ast.walk(node) if isinstance(item, ast.Name) and (item.id.isupper() or "_" in item.id)}
    return found | {item.attr for item in ast.walk(node) if isinstance(item, ast.Attribute) and "_" in item.attr}
