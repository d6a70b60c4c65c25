"""Asking a BOM: a path language for places, and `where` expressions over components.

    components[type=machine-learning-model].name      a place: fields, `[]` every item, `[key=value]` those that match
    kind=model and license~llama                      an expression over components

See `docs/sbom.md`. Both work on raw JSON, so that no field of another tool's BOM is invisible.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from secpipe.core.errors import ConfigError
from secpipe.core.text import printable
from secpipe.sbom.extras import walk

_STEP = re.compile(r"([^.\[\]]*)((?:\[[^\]]*\])*)(?:\.|$)")
_TOKEN = re.compile(
    r'\s*(?:(\()|(\))|(and|or|not)\b|((?:[\w:./-]|\[[^\]]*\])+?)\s*(!=|>=|<=|=|~|<|>)\s*("[^"]*"|[^\s()]+)'
    r"|((?:[\w:./-]|\[[^\]]*\])+))",
    re.I,
)
_LIMIT = 2000  # characters of an expression

Test = Callable[[Mapping[str, Any]], bool]


def select(value: Any, path: str) -> list[Any]:
    """Return the values at `path` below `value`, in order; a place that is absent gives none."""
    found = [value]
    for name, filters in _steps(path):
        if name:
            found = [item[name] for item in found if isinstance(item, Mapping) and name in item]
        for text in filters:
            found = [part for item in found if isinstance(item, list) for part in item if _matches(part, text)]
    return found


@lru_cache(1024)
def _steps(path: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    steps: list[tuple[str, tuple[str, ...]]] = []
    at = 0
    while at < len(path):
        found = _STEP.match(path, at)
        if found is None or found.end() == at:
            raise ConfigError(f"cannot read the place {printable(path, 100)}", hint="components[type=library].name")
        steps.append((found[1], tuple(re.findall(r"\[([^\]]*)\]", found[2]))))
        at = found.end()
    return tuple(steps)


def _matches(item: Any, text: str) -> bool:
    if not text:
        return True
    key, _, wanted = text.partition("=")
    return isinstance(item, Mapping) and str(item.get(key)) == wanted


def query(document: Mapping[str, Any], expression: str) -> list[dict[str, Any]]:
    """Return the components (and services) of a BOM for which `expression` is true, sorted by name.

    Raises ConfigError where it cannot be read.
    """
    test = parse(expression)
    items = [*walk(document.get("components")), *(document.get("services") or [])]
    root = (document.get("metadata") or {}).get("component")
    items += [root] if isinstance(root, dict) else []
    hits = [item for item in items if isinstance(item, dict) and test(item)]
    return sorted(hits, key=lambda item: (str(item.get("name")), str(item.get("version")), str(item.get("bom-ref"))))


def parse(expression: str) -> Test:
    """Return the test that an expression means; raises ConfigError."""
    if len(expression) > _LIMIT:
        raise ConfigError(f"the expression is longer than {_LIMIT:,} characters")
    tokens = _tokens(expression)
    test, rest = _either(tokens, 0, 0)
    if rest != len(tokens):
        raise _unreadable(expression)
    return test


def _unreadable(expression: str) -> ConfigError:
    return ConfigError(f"cannot read {printable(expression, 100)}", hint='kind=model and license~"llama"')


def _tokens(expression: str) -> list[tuple[str, ...]]:
    tokens: list[tuple[str, ...]] = []
    at = 0
    text = expression.rstrip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise _unreadable(expression)
        if found[1] or found[2]:
            tokens.append((found[1] or found[2],))
        elif found[3]:
            tokens.append((found[3].lower(),))
        elif found[4]:
            tokens.append(("test", found[4], found[5], found[6].strip('"')))
        else:
            tokens.append(("test", found[7], "", ""))
        at = found.end()
    if not tokens:
        raise _unreadable(expression)
    return tokens


def _either(tokens: list[tuple[str, ...]], at: int, depth: int) -> tuple[Test, int]:
    left, at = _both(tokens, at, depth)
    tests = [left]
    while at < len(tokens) and tokens[at][0] == "or":
        right, at = _both(tokens, at + 1, depth)
        tests.append(right)
    return (lambda item: any(test(item) for test in tests)) if len(tests) > 1 else left, at


def _both(tokens: list[tuple[str, ...]], at: int, depth: int) -> tuple[Test, int]:
    left, at = _one(tokens, at, depth)
    tests = [left]
    while at < len(tokens) and tokens[at][0] == "and":
        right, at = _one(tokens, at + 1, depth)
        tests.append(right)
    return (lambda item: all(test(item) for test in tests)) if len(tests) > 1 else left, at


def _one(tokens: list[tuple[str, ...]], at: int, depth: int) -> tuple[Test, int]:
    if at >= len(tokens) or depth > 50:
        raise _unreadable(" ".join(token[0] for token in tokens))
    head = tokens[at][0]
    if head == "not":
        inner, at = _one(tokens, at + 1, depth + 1)
        return (lambda item: not inner(item)), at
    if head == "(":
        inner, at = _either(tokens, at + 1, depth + 1)
        if at >= len(tokens) or tokens[at][0] != ")":
            raise _unreadable("a ( without its )")
        return inner, at + 1
    if head != "test":
        raise _unreadable(head)
    _, field, operator, wanted = tokens[at]
    return _comparison(field, operator, wanted), at + 1


_KINDS = {"model": "machine-learning-model", "dataset": "data", "application": "application"}


def values(item: Mapping[str, Any], field: str) -> list[str]:
    """Return what a component has under a field's short name: name, version, kind, purl, license, hash, path, ref,
    supplier, a property's name (with or without `secpipe:<grade>:`), or any place of `select`."""
    place, field = field, field.lower()
    if field in {"kind", "type"}:
        kinds = [str(item.get("type") or "service")]
        kinds += [str(value) for value in select(item, "properties[name=secpipe:kind].value")]
        return kinds
    if field in {"license", "licence"}:
        rows = [entry for entry in item.get("licenses") or [] if isinstance(entry, dict)]
        inner = [row.get("license") or {} for row in rows]
        found = [row.get("expression") for row in rows] + [part.get(key) for part in inner for key in ("id", "name")]
        return [str(text) for text in found if text]
    places = {
        "hash": "hashes[].content", "path": "evidence.occurrences[].location", "ref": "bom-ref",
        "supplier": "supplier.name", "ancestor": "pedigree.ancestors[].name",
    }  # fmt: skip
    if field == "name" and item.get("group"):
        return [str(item.get("name")), f"{item['group']}/{item.get('name')}"]
    found = [value for value in select(item, places.get(field, place)) if isinstance(value, str | int | float)]
    if found:
        return [str(value) for value in found]
    rows = [row for row in item.get("properties") or [] if isinstance(row, dict)]
    ends = (f":{field}", field)
    return [str(row.get("value")) for row in rows if str(row.get("name", "")).lower().endswith(ends)]


def _comparison(field: str, operator: str, wanted: str) -> Test:
    if operator == "":
        return lambda item: bool(values(item, field) or select(item, field))
    if operator == "~":
        lower = wanted.lower()
        return lambda item: any(lower in value.lower() for value in values(item, field))
    if operator in {"=", "!="}:
        same = {
            wanted.lower(),
            _KINDS.get(wanted.lower(), wanted.lower()) if field.lower() in {"kind", "type"} else wanted.lower(),
        }
        if operator == "=":
            return lambda item: any(value.lower() in same for value in values(item, field))
        return lambda item: all(value.lower() not in same for value in values(item, field))
    return lambda item: any(_ordered(value, operator, wanted) for value in values(item, field))


def _ordered(value: str, operator: str, wanted: str) -> bool:
    """Compare as versions (PEP 440) where both are, else as numbers; anything else is not comparable."""
    from packaging.version import InvalidVersion, Version

    try:
        left, right = Version(value), Version(wanted)
    except InvalidVersion:
        return False
    results = {"<": left < right, ">": left > right, "<=": left <= right, ">=": left >= right}
    return results[operator]
