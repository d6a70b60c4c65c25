"""setup.py and setup.cfg (setuptools): what is written out. A program is read as a syntax tree, never run."""

from __future__ import annotations

import ast
import configparser
import warnings
from collections.abc import Iterator

from secpipe.core.errors import InputError
from secpipe.core.paths import folder_of
from secpipe.core.text import opening
from secpipe.formats.locks.lock import Lock
from secpipe.formats.locks.pyproject import project
from secpipe.formats.locks.python import depend, requirement

_LISTS = {"install_requires": "", "setup_requires": "build", "tests_require": "test"}
_BESIDE = ("requirements.txt", "requirements.in", "pyproject.toml")
_MAX_NODES = 500_000
_MAX_ITEMS = 50_000  # of one list with all that it names


def read(found: Lock) -> None:
    """Read one setup.py or setup.cfg; what is worked out while it runs is said, not guessed."""
    text = found.data.decode("utf-8")
    config = found.name.lower().endswith(".cfg")
    name, version, wanted, computed = _config(text) if config else _program(text)
    folder = folder_of(found.path)
    beside = any(found.near(f"{folder}/{other}".lstrip("/")) is not None for other in _BESIDE)
    if computed and not beside:  # mostly they stand in a list beside it
        found.skip(computed)
    facts = {"requirements": computed}
    source = found.add(project(folder, name, version, found.path, facts=facts)) if name else ""
    for line, requirement_text, group in wanted:
        facts = {"group": group, "scope": "optional" if group else ""}
        component = requirement(requirement_text, path=found.path, line=line, facts=facts)
        if component is None:
            found.skip(f"not a requirement: {opening(requirement_text)}")
        else:
            depend(found, source, component)


_Wanted = list[tuple[int, str, str]]  # line, requirement, group


def _config(text: str) -> tuple[str, str, _Wanted, str]:
    parser = configparser.RawConfigParser(strict=True)
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise InputError(f"is no configuration file: {type(error).__name__}") from None
    blocks = [(parser.get("options", key, fallback=""), group) for key, group in _LISTS.items()]
    if parser.has_section("options.extras_require"):
        blocks += [(value, f"extra:{key}") for key, value in parser.items("options.extras_require")]
    wanted = []
    for block, group in blocks:
        parts = [part.strip() for line in block.splitlines() for part in _entries(line)]
        wanted += [(0, part, group) for part in parts if part]
    name, version = (parser.get("metadata", key, fallback="") for key in ("name", "version"))
    files = [item for item in wanted if item[1].startswith("file:")]
    wanted = [item for item in wanted if item not in files]
    computed = "requirements stand in another file" if files else ""
    return name, "" if version.startswith(("attr:", "file:")) else version, wanted, computed


def _entries(line: str) -> list[str]:
    """Return the requirements of one line: `;` parts them only where no marker follows."""
    bare = line.partition(" #")[0]
    return [] if bare.lstrip().startswith("#") else [bare]


def _program(text: str) -> tuple[str, str, _Wanted, str]:
    """Return name, version, requirements, and which requirements are worked out when the program runs, or ""."""
    values: dict[str, ast.expr] = {}  # None where a name is set twice: not static
    calls: list[ast.Call] = []
    for count, node in enumerate(ast.walk(_tree(text))):
        if count > _MAX_NODES:
            raise InputError(f"holds more than {_MAX_NODES:,} syntax nodes")
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            values[name] = ast.Constant(None) if name in values else node.value
        elif isinstance(node, ast.Call) and _is_setup(node.func):
            calls.append(node)
    words = {"name": "", "version": ""}
    wanted: _Wanted = []
    computed: list[int] = []
    for keyword in (keyword for call in calls for keyword in call.keywords):
        value = _followed(keyword.value, values)
        if keyword.arg in words and isinstance(value, ast.Constant):
            words[keyword.arg] = str(value.value)
        elif keyword.arg in _LISTS:
            wanted += _listed(value, values, _LISTS[keyword.arg], computed)
        elif keyword.arg == "extras_require" and isinstance(value, ast.Dict):
            for key, part in zip(value.keys, value.values, strict=True):
                extra = str(key.value) if isinstance(key, ast.Constant) else "?"
                wanted += _listed(part, values, f"extra:{extra}", computed)
        elif keyword.arg is None or keyword.arg == "extras_require":
            computed.append(keyword.value.lineno)
    told = f"line {computed[0]}: requirements are worked out when it runs, and nothing here is run" if computed else ""
    return words["name"], words["version"], wanted, told


def _tree(text: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except SyntaxError as error:
        raise InputError(f"does not parse as Python at line {error.lineno}") from None
    except MemoryError:
        raise InputError("is nested too deeply") from None


def _is_setup(function: ast.expr) -> bool:
    named = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
    return named == "setup"


def _followed(value: ast.expr, values: dict[str, ast.expr]) -> ast.expr:
    """Return what a name stands for, where it is assigned once."""
    return values.get(value.id, value) if isinstance(value, ast.Name) else value


def _listed(
    value: ast.expr, values: dict[str, ast.expr], group: str, computed: list[int]
) -> Iterator[tuple[int, str, str]]:
    """Yield the texts of a list that is written out, of its sums and names; else say its line in `computed`."""
    pending = [value]
    rounds = 0
    while pending:
        item = _followed(pending.pop(), values)
        rounds += 1
        if isinstance(item, ast.List | ast.Tuple | ast.Set) and rounds <= _MAX_ITEMS:
            pending += reversed(item.elts)
        elif isinstance(item, ast.BinOp) and isinstance(item.op, ast.Add) and rounds <= _MAX_ITEMS:
            pending += [item.right, item.left]
        elif isinstance(item, ast.Constant) and isinstance(item.value, str):
            for part in item.value.splitlines():
                if part.strip():
                    yield item.lineno, part.strip(), group
        else:
            computed.append(getattr(item, "lineno", getattr(value, "lineno", 0)))
            return
