"""CEL through Google's implementation (the extra `cel`): the only file that imports it, and the only one that knows
that it returns errors as values whose text is truthy (docs/adr/0015).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

from secpipe.core.text import printable
from secpipe.gate.conditions.expression import FUNCTIONS, MACROS, NotAllowed

NEEDS = "needs secpipe[cel]"
_OPERATORS = ("_==_", "_!=_", "_&&_", "_||_", "!_", "_<_", "_<=_", "_>_", "_>=_", "@in", "_?_:_")
_INNER = "@not_strictly_false"  # what the macros expand to
_PLACE = re.compile(r"<input>:(\d+):(\d+): ([^\n]*)")
_OVERLOAD = re.compile(r"found no matching overload for '(.+)' applied to '\((.*)\)'")
_LIBRARY = "stdlib:\n  include_functions:\n{functions}  include_macros: [{macros}]\n"


class Program:
    """A checked expression, ready to be evaluated."""

    def __init__(self, compiled: Any, boolean: Any) -> None:
        self._compiled, self._boolean = compiled, boolean

    def evaluate(self, values: Mapping[str, Any]) -> tuple[bool | None, str]:
        """Return (True or False, ""), or (None, why) where the result is anything else than exactly one of the two.

        `values` are by qualified name (`finding.rule`); a name that is missing is not known. Never raises.
        """
        try:
            result = self._compiled.eval(data=values)
            value = result.value()
            if result.type() == self._boolean and (value is True or value is False):
                return value, ""
            return None, _words(value if isinstance(value, str) else f"it is {result.type().name().lower()}")
        except Exception as error:  # the library raises over its own bounds, and on text that is no Unicode
            return None, _words(str(error))


def available() -> bool:
    """Whether the extra is installed; nothing is imported to find out."""
    try:
        return find_spec("cel_expr_python") is not None
    except (ImportError, ValueError):
        return False


@lru_cache(maxsize=256)
def compile_checked(text: str, fields: tuple[tuple[str, str], ...]) -> Program:
    """Return the program for `text` over `fields` ((qualified name, type), ...).

    A type is `string`, `int`, `double`, `bool` or `list` (of strings); with `?` behind it the value may be null.
    Raises NotAllowed where the text does not parse, a name or a type does not fit, or the result is not a boolean;
    ImportError where the extra is missing or cannot be loaded.
    """
    checking, running, boolean = _environments(fields)
    try:
        compiled = checking.compile(text)
        if compiled.return_type() != boolean:
            raise NotAllowed(f"is a {compiled.return_type().name().lower()}, not true or false")
        return Program(running.deserialize(compiled.serialize()), boolean)
    except NotAllowed:
        raise
    except Exception as error:
        raise _not_allowed(text, str(error)) from None


@lru_cache(maxsize=32)
def _environments(fields: tuple[tuple[str, str], ...]) -> tuple[Any, Any, Any]:
    """Return the environment to check in, the one to run in, and the type of booleans.

    Null belongs to CEL's wrapper types, which the checker knows and the runtime does not take from Python: there, what
    may be null is dynamic.
    """
    from cel_expr_python import cel

    plain = {
        "string": cel.Type.STRING,
        "int": cel.Type.INT,
        "double": cel.Type.DOUBLE,
        "bool": cel.Type.BOOL,
        "list": cel.Type.List(cel.Type.STRING),
    }
    wrapped = {
        "string?": cel.Type("google.protobuf.StringValue"),
        "int?": cel.Type("google.protobuf.Int64Value"),
        "double?": cel.Type("google.protobuf.DoubleValue"),
        "bool?": cel.Type("google.protobuf.BoolValue"),
        "list?": plain["list"],  # a list is never null: one that is not known is not bound at all
    }
    names = "".join(f'    - name: "{name}"\n' for name in (*_OPERATORS, _INNER, *FUNCTIONS))
    config = cel.NewEnvConfigFromYaml(_LIBRARY.format(functions=names, macros=", ".join(MACROS)))
    checked = {name: (plain | wrapped)[kind] for name, kind in fields}
    run = {name: plain.get(kind, cel.Type.DYN) for name, kind in fields}
    return (
        cel.NewEnv(config=config, variables=checked),
        cel.NewEnv(config=config, variables=run),
        cel.Type.BOOL,
    )


def _not_allowed(text: str, error: str) -> NotAllowed:
    found = _PLACE.search(error)
    if not found:
        return NotAllowed(_words(error))
    line, column = int(found[1]), int(found[2])
    offset = sum(len(one) + 1 for one in text.split("\n")[: line - 1])
    message = found[3].replace(" (in container '')", "").removesuffix(" [INVALID_ARGUMENT]")
    hint = ""
    if overload := _OVERLOAD.fullmatch(message):
        types = re.sub(r"wrapper\((\w+)\)", r"\1", overload[2])
        message = f'"{overload[1].strip("_@").replace("_", " ")}" does not fit {types}'
        hint = "whole numbers and numbers with a point do not compare: write 9.0" if "double" in types else ""
    return NotAllowed(printable(message, 300), offset + column, hint)


def _words(text: str) -> str:
    """Return the library's words without its status code: one line, bounded."""
    first = text.strip().split("\n")[0]
    return printable(re.sub(r"^[A-Z_]+: ", "", first), 200) or "no reason given"
