"""JSON Schema draft 7, as far as CycloneDX uses it, compiled once to closures.

A general library costs more to import than everything else that a check of a BOM does, and its format checks are either
absent or a hundred times slower; the tests hold this one against it. An unknown keyword is an error at compile time, so
that a newer schema cannot be half understood.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from secpipe.core.errors import InputError
from secpipe.core.text import printable
from secpipe.sbom.textforms import FORMATS

Path = tuple[str | int, ...]
Check = Callable[[Any, Path, list["Problem"]], None]
_CAP = 100  # problems reported of one document

_TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "integer": lambda value: (
        (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, float) and value.is_integer())
    ),
}
_SILENT = frozenset(
    {"title", "description", "examples", "default", "meta:enum", "$id", "$comment", "$schema", "deprecated",
     "definitions", "additionalItems"}
)  # fmt: skip


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """What is wrong with a document: a JSON pointer (RFC 6901) and one short sentence."""

    pointer: str
    message: str


def pointer(path: Path) -> str:
    """Return the JSON pointer of a path."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


class Compiler:
    """Compiles the schemas in `documents` (file name -> schema); references are resolved by file name."""

    def __init__(self, documents: Mapping[str, Any]) -> None:
        self._documents = documents
        self._done: dict[tuple[str, str], Check] = {}

    def reference(self, document: str, fragment: str) -> Check:
        """Return the check for `document#fragment`; compiled when first used, so that recursion is no problem."""
        key = (document, fragment)
        if key not in self._done:
            self._done[key] = lambda value, path, out: self._done[key](value, path, out)
            schema = self._documents[document]
            for part in filter(None, fragment.split("/")):
                schema = schema[part]
            self._done[key] = self.compile(schema, document)
        return lambda value, path, out: self._done[key](value, path, out)

    def compile(self, schema: Any, document: str) -> Check:
        """Return the check for a schema that stands in `document`."""
        if isinstance(schema, bool):
            return _always if schema else _never
        if "$ref" in schema:
            name, _, fragment = schema["$ref"].partition("#")
            return self.reference(name or document, fragment)
        checks: list[Check] = []
        for keyword, value in schema.items():
            if keyword in _SILENT or keyword in {"additionalProperties", "then", "else"}:
                continue
            maker = _KEYWORDS.get(keyword)
            if maker is None:
                raise InputError(f"schema {document} uses the unknown keyword {keyword}")
            checks.append(maker(self, value, schema, document))
        if "additionalProperties" in schema and "properties" not in schema:
            checks.append(_properties(self, {}, schema, document))
        if len(checks) == 1:
            return checks[0]

        def run(value: Any, path: Path, out: list[Problem]) -> None:
            for check in checks:
                check(value, path, out)

        return run


def _say(out: list[Problem], path: Path, message: str) -> None:
    if len(out) < _CAP:
        out.append(Problem(pointer(path), message))


def _show(value: Any) -> str:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "an array"
    return printable(f'"{value}"' if isinstance(value, str) else str(value), 60)


def _always(value: Any, path: Path, out: list[Problem]) -> None:
    return None


def _never(value: Any, path: Path, out: list[Problem]) -> None:
    _say(out, path, "nothing is allowed here")


def _type(compiler: Compiler, names: Any, schema: Any, document: str) -> Check:
    wanted = [names] if isinstance(names, str) else list(names)
    tests = [_TYPES[name] for name in wanted]

    def check(value: Any, path: Path, out: list[Problem]) -> None:
        if not any(test(value) for test in tests):
            _say(out, path, f"{_show(value)} is not of type {' or '.join(wanted)}")

    return check


def _properties(compiler: Compiler, table: Mapping[str, Any], schema: Any, document: str) -> Check:
    checks = {name: compiler.compile(inner, document) for name, inner in table.items()}
    rest = schema.get("additionalProperties", True)
    other = compiler.compile(rest, document) if isinstance(rest, dict) else None

    def check(value: Any, path: Path, out: list[Problem]) -> None:
        if not isinstance(value, dict):
            return
        for name, inner in value.items():
            known = checks.get(name)
            if known is not None:
                known(inner, (*path, name), out)
            elif other is not None:
                other(inner, (*path, name), out)
            elif rest is False:
                _say(out, path, f'"{printable(name, 60)}" is not a known field here')

    return check


def _items(compiler: Compiler, inner: Any, schema: Any, document: str) -> Check:
    many = isinstance(inner, list)  # one schema a position; draft 7 ignores additionalItems otherwise
    first = [compiler.compile(part, document) for part in inner] if many else []
    other = compiler.compile(schema.get("additionalItems", True) if many else inner, document)

    def check(value: Any, path: Path, out: list[Problem]) -> None:
        if isinstance(value, list):
            for index, item in enumerate(value):
                (first[index] if index < len(first) else other)(item, (*path, index), out)

    return check


def _required(compiler: Compiler, names: Any, schema: Any, document: str) -> Check:
    def check(value: Any, path: Path, out: list[Problem]) -> None:
        if isinstance(value, dict):
            for name in names:
                if name not in value:
                    _say(out, path, f'"{name}" is missing')

    return check


def _enum(compiler: Compiler, values: Any, schema: Any, document: str) -> Check:
    allowed = {_freeze(value) for value in values}
    listed = ", ".join(map(str, values)) if len(values) <= 12 else f"the {len(values)} allowed values"

    def check(value: Any, path: Path, out: list[Problem]) -> None:
        if _freeze(value) not in allowed:
            _say(out, path, f"{_show(value)} is none of {listed}")

    return check


def _const(compiler: Compiler, wanted: Any, schema: Any, document: str) -> Check:
    return _enum(compiler, [wanted], schema, document)


def _unique(compiler: Compiler, wanted: Any, schema: Any, document: str) -> Check:
    def check(value: Any, path: Path, out: list[Problem]) -> None:
        if wanted and isinstance(value, list) and len(value) > 1:
            seen = set()
            for index, item in enumerate(value):
                key = _freeze(item)
                if key in seen:
                    _say(out, (*path, index), "stands twice in a list of unique items")
                seen.add(key)

    return check


def _freeze(value: Any) -> Any:
    """Return a hashable value equal for equal JSON (1 and 1.0 are, 1 and true are not)."""
    if isinstance(value, dict):
        return frozenset((key, _freeze(item)) for key, item in value.items())
    if isinstance(value, list):
        return tuple(_freeze(item) for item in value)
    return (bool, value) if isinstance(value, bool) else value


def _pattern(compiler: Compiler, text: str, schema: Any, document: str) -> Check:
    # ECMA 262: `$` is the very end of the text, `\d` and `\s` know ASCII only.
    compiled = re.compile(text[:-1] + r"\Z" if text.endswith("$") and not text.endswith("\\$") else text, re.ASCII)

    def check(value: Any, path: Path, out: list[Problem]) -> None:
        if isinstance(value, str) and compiled.search(value) is None:
            _say(out, path, f"{_show(value)} does not have the form {printable(text, 80)}")

    return check


def _format(compiler: Compiler, name: str, schema: Any, document: str) -> Check:
    test = FORMATS.get(name)

    def check(value: Any, path: Path, out: list[Problem]) -> None:
        if test is not None and isinstance(value, str) and not test(value):
            _say(out, path, f"{_show(value)} is not a {name}")

    return check


def _size(test: Callable[[int, int], bool], kind: type[str] | type[list[Any]], words: str) -> Any:
    def make(compiler: Compiler, limit: Any, schema: Any, document: str) -> Check:
        def check(value: Any, path: Path, out: list[Problem]) -> None:
            if isinstance(value, kind) and not test(len(value), limit):
                _say(out, path, f"{words} than {limit}")

        return check

    return make


def _bound(test: Callable[[Any, Any], bool], words: str) -> Any:
    def make(compiler: Compiler, limit: Any, schema: Any, document: str) -> Check:
        def check(value: Any, path: Path, out: list[Problem]) -> None:
            if _TYPES["number"](value) and not test(value, limit):
                _say(out, path, f"{_show(value)} is {words} than {limit}")

        return check

    return make


def _branches(compiler: Compiler, schemas: Any, document: str) -> Callable[[Any, Path], list[list[Problem]]]:
    checks = [compiler.compile(inner, document) for inner in schemas]

    def run(value: Any, path: Path) -> list[list[Problem]]:
        results: list[list[Problem]] = []
        for check in checks:
            found: list[Problem] = []
            check(value, path, found)
            results.append(found)
        return results

    return run


def _closest(results: list[list[Problem]], path: Path, out: list[Problem]) -> None:
    """Report the branch that came nearest: the one whose first problem lies deepest, then the one with fewest."""
    best = max(results, key=lambda found: (found[0].pointer.count("/"), -len(found)))
    for problem in best[: _CAP - len(out)]:
        out.append(problem)


def _one_of(compiler: Compiler, schemas: Any, schema: Any, document: str) -> Check:
    run = _branches(compiler, schemas, document)

    def check(value: Any, path: Path, out: list[Problem]) -> None:
        results = run(value, path)
        good = sum(1 for found in results if not found)
        if good == 0:
            _closest(results, path, out)
        elif good > 1:
            _say(out, path, "matches more than one of shapes that exclude each other")

    return check


def _any_of(compiler: Compiler, schemas: Any, schema: Any, document: str) -> Check:
    run = _branches(compiler, schemas, document)

    def check(value: Any, path: Path, out: list[Problem]) -> None:
        results = run(value, path)
        if all(results):
            _closest(results, path, out)

    return check


def _all_of(compiler: Compiler, schemas: Any, schema: Any, document: str) -> Check:
    checks = [compiler.compile(inner, document) for inner in schemas]

    def check(value: Any, path: Path, out: list[Problem]) -> None:
        for inner in checks:
            inner(value, path, out)

    return check


def _not(compiler: Compiler, inner: Any, schema: Any, document: str) -> Check:
    refused = compiler.compile(inner, document)

    def check(value: Any, path: Path, out: list[Problem]) -> None:
        found: list[Problem] = []
        refused(value, path, found)
        if not found:
            _say(out, path, "has a shape that is not allowed here")

    return check


def _if(compiler: Compiler, inner: Any, schema: Any, document: str) -> Check:
    condition = compiler.compile(inner, document)
    then, otherwise = (compiler.compile(schema.get(word, True), document) for word in ("then", "else"))

    def check(value: Any, path: Path, out: list[Problem]) -> None:
        found: list[Problem] = []
        condition(value, path, found)
        (otherwise if found else then)(value, path, out)

    return check


_KEYWORDS: dict[str, Callable[[Compiler, Any, Any, str], Check]] = {
    "type": _type,
    "properties": _properties,
    "items": _items,
    "required": _required,
    "enum": _enum,
    "const": _const,
    "uniqueItems": _unique,
    "pattern": _pattern,
    "format": _format,
    "minLength": _size(lambda have, limit: have >= limit, str, "is shorter"),
    "maxLength": _size(lambda have, limit: have <= limit, str, "is longer"),
    "minItems": _size(lambda have, limit: have >= limit, list, "holds fewer items"),
    "maxItems": _size(lambda have, limit: have <= limit, list, "holds more items"),
    "minimum": _bound(lambda have, limit: have >= limit, "less"),
    "maximum": _bound(lambda have, limit: have <= limit, "more"),
    "oneOf": _one_of,
    "anyOf": _any_of,
    "allOf": _all_of,
    "not": _not,
    "if": _if,
}
