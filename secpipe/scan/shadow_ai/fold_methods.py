"""The string methods and decoders that folding understands, over Python's syntax."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from functools import reduce

from secpipe.scan.shadow_ai.values import (
    OPEN,
    Folds,
    Value,
    character,
    concat,
    decoded,
    fill,
    from_base64,
    from_codec,
    replaced,
    text,
)


def _join(folder: Folds, node: ast.Call, depth: int) -> Value:
    if not isinstance(node.func, ast.Attribute) or not node.args:
        return OPEN
    glue = folder.fold(node.func.value, depth)
    if folder.scope.dotted(node.func).startswith(("os.path", "posixpath")):
        return reduce(concat, (part for item in node.args for part in (text("/"), folder.fold(item, depth))), text(""))
    parts = _elements(folder, node.args[0], depth)
    if parts is None or len(glue.texts) != 1:
        return OPEN
    out = text("")
    for index, part in enumerate(parts):
        out = concat(out, part if index == 0 else concat(glue, part))
    return out


def _elements(folder: Folds, node: ast.expr, depth: int) -> list[Value] | None:
    """Return the items of a literal list, of `reversed(...)`, of `map(chr, [...])` or of `chr(x) for x in
    [...]`.
    """
    container = folder.container(node)
    if isinstance(container, ast.List | ast.Tuple):
        return [folder.fold(item, depth) for item in container.elts]
    if isinstance(node, ast.Call):
        name = folder.scope.dotted(node.func)
        if name == "reversed" and node.args:
            items = _elements(folder, node.args[0], depth)
            if items is not None:
                return items[::-1]
            whole = folder.fold(node.args[0], depth).texts
            return [text(char) for char in reversed(next(iter(whole)))] if len(whole) == 1 else None
        if name == "map" and len(node.args) == 2:
            numbers = _elements(folder, node.args[1], depth)
            return (
                [character(item) for item in numbers]
                if numbers and folder.scope.dotted(node.args[0]) == "chr"
                else numbers
            )
    if isinstance(node, ast.GeneratorExp | ast.ListComp) and len(node.generators) == 1:
        items = _elements(folder, node.generators[0].iter, depth)
        if items is None:
            return None
        calls = isinstance(node.elt, ast.Call) and folder.scope.dotted(node.elt.func) == "chr"
        if calls or isinstance(node.elt, ast.Name):
            return [character(item) for item in items] if calls else items
    return None


def _format(folder: Folds, node: ast.Call, depth: int) -> Value:
    if not isinstance(node.func, ast.Attribute):
        return OPEN
    out = folder.fold(node.func.value, depth)
    for index, item in enumerate(node.args):
        out = fill(out, ("{}", f"{{{index}}}"), folder.fold(item, depth))
    for word in node.keywords:
        if word.arg:
            out = fill(out, (f"{{{word.arg}}}",), folder.fold(word.value, depth))
    return out


def _replace(folder: Folds, node: ast.Call, depth: int) -> Value:
    if not isinstance(node.func, ast.Attribute) or len(node.args) < 2:
        return OPEN
    value, old, new = (folder.fold(item, depth) for item in (node.func.value, node.args[0], node.args[1]))
    if len(old.texts) != 1 or len(new.texts) != 1:
        return value
    return replaced(value, next(iter(old.texts)), next(iter(new.texts)))


def _decode(folder: Folds, node: ast.Call, depth: int) -> Value:
    """`x.decode()`, and `codecs.decode(x, "rot13")`."""
    if folder.scope.dotted(node.func) == "codecs.decode" and node.args:
        coding = folder.fold(node.args[1], depth).texts if len(node.args) > 1 else frozenset()
        return decoded(folder.fold(node.args[0], depth), lambda data: from_codec(data, next(iter(coding), "")))
    return folder.fold(node.func.value, depth) if isinstance(node.func, ast.Attribute) else OPEN


def _base64(folder: Folds, node: ast.Call, depth: int) -> Value:
    return decoded(folder.fold(node.args[0], depth), from_base64) if node.args else OPEN


def _hex(folder: Folds, node: ast.Call, depth: int) -> Value:
    return (
        decoded(folder.fold(node.args[0], depth), lambda data: bytes.fromhex(data).decode("latin-1"))
        if node.args
        else OPEN
    )


def _bytes(folder: Folds, node: ast.Call, depth: int) -> Value:
    items = _elements(folder, node.args[0], depth) if node.args else None
    if items is None:
        return folder.fold(node.args[0], depth) if node.args else OPEN
    return reduce(concat, (character(item) for item in items), text(""))


def _chr(folder: Folds, node: ast.Call, depth: int) -> Value:
    return character(folder.fold(node.args[0], depth)) if node.args else OPEN


def _urljoin(folder: Folds, node: ast.Call, depth: int) -> Value:
    if len(node.args) < 2:
        return OPEN
    base, path = folder.fold(node.args[0], depth), folder.fold(node.args[1], depth)
    absolute = frozenset(item for item in path.texts if "://" in item)
    return Value(absolute, base.envs, cut=base.cut or path.cut) if absolute else concat(concat(base, text("/")), path)


def _receiver(folder: Folds, node: ast.Call, depth: int) -> Value:
    return folder.fold(node.func.value, depth) if isinstance(node.func, ast.Attribute) else OPEN


def _trimmed(folder: Folds, node: ast.Call, depth: int) -> Value:
    """`x.strip("/")`, `x.removesuffix("/v1")`, `x.lower()`: what is left of each text, and the names behind it."""
    if not isinstance(node.func, ast.Attribute):
        return OPEN
    value = folder.fold(node.func.value, depth)
    if not node.args:
        return value
    name, pieces = node.func.attr, folder.fold(node.args[0], depth).texts
    if len(pieces) != 1:
        return value
    piece = next(iter(pieces))
    return value.map(lambda item: str(getattr(item, name)(piece)))


METHODS: Mapping[str, Callable[[Folds, ast.Call, int], Value]] = {
    **dict.fromkeys(("strip", "rstrip", "lstrip", "removesuffix", "removeprefix"), _trimmed),
    **dict.fromkeys(("lower", "casefold", "expandtabs"), _receiver),
    "join": _join,
    "format": _format,
    "replace": _replace,
    "decode": _decode,
    "encode": _decode,
    "b64decode": _base64,
    "standard_b64decode": _base64,
    "urlsafe_b64decode": _base64,
    "fromhex": _hex,
    "unhexlify": _hex,
    "bytes": _bytes,
    "bytearray": _bytes,
    "chr": _chr,
    "urljoin": _urljoin,
}
