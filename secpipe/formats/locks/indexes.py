"""Settings that say which index packages come from: of pip, uv, Poetry, PDM, Pipenv, pixi, npm, Yarn, pnpm and Bun.

Sources: pip's user guide (configuration, `--extra-index-url`), uv's "package indexes", Poetry's "package sources",
npm's `.npmrc`, Yarn's `npmRegistryServer`, Bun's `bunfig.toml`; each as of 2026-11.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from secpipe.core import shape
from secpipe.core.documents import parse_toml
from secpipe.core.errors import InputError
from secpipe.core.limits import DEFAULT
from secpipe.formats import xmltree
from secpipe.formats.locks.library import without_secret
from secpipe.formats.locks.table import REQUIREMENTS, row_of


class Reach(StrEnum):
    """Which packages an index may give."""

    ALL = "all"  # it stands in the place of the public one
    MIXED = "mixed"  # any that it has, beside another index
    BOUND = "bound"  # those that name it, alone


@dataclass(frozen=True, slots=True)
class Index:
    """One setting; `address` without secrets, or a variable as it is written. `names`: the scope that is bound."""

    ecosystem: str
    address: str
    reach: Reach
    line: int = 0
    names: str = ""


#: How a command line sets an index, and how the environment does: option or variable -> whose, and how far it reaches.
_OPTIONS = {
    "--extra-index-url": ("PyPI", Reach.MIXED), "--index-url": ("PyPI", Reach.ALL), "--pypi-url": ("PyPI", Reach.ALL),
    "--default-index": ("PyPI", Reach.ALL), "--index": ("PyPI", Reach.MIXED), "--find-links": ("PyPI", Reach.MIXED),
    "-f": ("PyPI", Reach.MIXED), "-i": ("PyPI", Reach.ALL), "--registry": ("npm", Reach.ALL),
}  # fmt: skip
_VARIABLES = {
    "pip_extra_index_url": ("PyPI", Reach.MIXED), "uv_extra_index_url": ("PyPI", Reach.MIXED),
    "uv_index": ("PyPI", Reach.MIXED), "pip_index_url": ("PyPI", Reach.ALL), "uv_index_url": ("PyPI", Reach.ALL),
    "uv_default_index": ("PyPI", Reach.ALL), "pip_find_links": ("PyPI", Reach.MIXED),
    "npm_config_registry": ("npm", Reach.ALL), "yarn_npm_registry_server": ("npm", Reach.ALL),
    "bun_config_registry": ("npm", Reach.ALL), "global.extra-index-url": ("PyPI", Reach.MIXED),
    "global.index-url": ("PyPI", Reach.ALL), "site.index-url": ("PyPI", Reach.ALL),
    "user.index-url": ("PyPI", Reach.ALL),
    "registry": ("npm", Reach.ALL),
}  # fmt: skip
_FEW = ("-f", "-i", "--index", "--find-links", "registry")  # words of other programs too: only before an address
#: Of those, the ones that mean an index to these programs alone: `curl -f URL` asks for a page, not for packages.
_WHOSE = {
    "-f": re.compile(r"pip[\d.]*|uv|pipx|pdm|pip-(?:compile|sync)|piptools|wheel"),
    "registry": re.compile(r"npm|yarn|pnpm|bun|npx|lerna|registry"),
}
_WHOSE["-i"] = _WHOSE["-f"]
_LAST = re.compile(r"[\"'`\[\](){},:/!%@]")
_PROGRAMS = frozenset(_WHOSE.values())
_ENDS_COMMAND = ("&&", "||", ";", "|", "&", "then", "do", "else", "!")
_QUOTES = "\"'`,;()[]{}"
_BETWEEN = ("", "=", ":", "\\", "^")  # between an option and its address
_SHORT = re.compile(r"^\s*-i\s*(\S+)")
_KEY = re.compile(r"^([\w.-]+)\s*[=:]\s*(.*)$")
_INI = {"index-url": Reach.ALL, "extra-index-url": Reach.MIXED, "find-links": Reach.MIXED, "index_url": Reach.ALL}
_NPMRC = re.compile(r"^\s*[\"']?(?:(@[\w.~-]+):)?registry[\"']?\s*[=\s]\s*[\"']?([^\s\"']+)")
_YARN = re.compile(r"^(\s*)npmRegistryServer:\s*[\"']?([^\s\"'#]+)")
_ADDRESS = re.compile(r"https?://\S+|\$\{?\w.*|%\w+%.*|//\S+")
_MOST = 200  # settings of one file that are kept


def reader_of(path: str) -> Callable[[str, bytes], Iterator[Index]] | None:
    """Return what reads the index settings of a file of this name; None where it has none."""
    name = path.rpartition("/")[2].lower()
    if (row := row_of(path)) is not None and row.reader == REQUIREMENTS.reader:
        return _requirements
    if not name.endswith(_ENDS) and not any(map(name.__contains__, _WORDS)):  # most names, in a tenth of the time
        return _cargo if f"/{path}".endswith(_CARGO) else None
    found = next((reader for glob, reader in _TABLE if fnmatchcase(name, glob)), None)
    return found or (_cargo if f"/{path}".endswith(_CARGO) else None)


def read(path: str, data: bytes) -> list[Index]:
    """Return the settings in a file, each address once, at most 200. Raises InputError where it cannot be read."""
    reader = reader_of(path)
    text = data.decode("utf-8", "replace")
    found: dict[tuple[str, str], Index] = {}
    for one in reader(text, data) if reader else ():
        address = without_secret(one.address.strip("\"'`,;)]}\\"))
        if not _ADDRESS.fullmatch(address):
            continue
        line = one.line or _line_of(text, one.address)
        key = (address, one.names)
        if key not in found or (found[key].reach is Reach.BOUND and one.reach is not Reach.BOUND):
            found[key] = replace(one, address=address, line=line)
        if len(found) > _MOST:
            raise InputError(f"more than {_MOST} settings of an index")
    return list(found.values())


def _line_of(text: str, address: str) -> int:
    before, found, _ = text.partition(address)
    return before.count("\n") + 1 if found else 0


def _commands(text: str, _: bytes, *, listed: bool = False) -> Iterator[Index]:
    """Read every line as a command or a variable: shells, Dockerfiles, workflows, notebooks; `listed`: pip's lists."""
    pending: _Pending | None = None
    command = ["pip"] if listed else []
    for number, line in enumerate(text.replace("\\n", "\n" if "\n" not in text else " ").splitlines(), 1):
        if not line.lstrip().startswith("#"):
            if not listed and not line.lstrip(_QUOTES + " \t-").startswith(("f ", "i ", "f=", "i=")):
                command.clear()
            pending = yield from _words(line.split(), number, pending, command)


_Pending = tuple[tuple[str, Reach], bool]  # a setting whose address is still to come, and whether it must be an address


def _words(
    words: list[str], number: int, pending: _Pending | None, command: list[str]
) -> Generator[Index, None, _Pending | None]:
    """Yield the settings among the words of a line: an option or variable, and the address that follows it.

    The address may stand on a later line, however the line's end is escaped: there it has to be one in full. `command`
    are the programs that the command names so far.
    """
    if pending is not None:
        pending = pending[0], True
    for raw in words:
        word = raw.strip(_QUOTES)
        if pending is not None and word not in _BETWEEN:
            setting, rare = pending
            if not rare or "://" in word:
                yield Index(setting[0], _bare(word), setting[1], number)
            pending = None
        name, sign, value = word.partition("=")
        if not sign and word.startswith(("-ihttp", "-fhttp")):
            name, value = word[:2], word[2:]
        name = name.rstrip(":").strip(_QUOTES)
        if word in _ENDS_COMMAND or raw.endswith(";"):
            command.clear()
        elif any(whose.fullmatch(_LAST.split(word.lower())[-1]) for whose in _PROGRAMS):
            command.append(_LAST.split(word.lower())[-1])
        whose = _WHOSE.get(name.lower())
        if whose is not None and not any(map(whose.fullmatch, command)):
            continue
        found = _OPTIONS.get(name) or _VARIABLES.get(name.lower())
        if found is None:
            continue
        setting = found
        rare = name in _FEW
        value = value.strip(_QUOTES)
        if value and (not rare or "://" in value):
            yield Index(setting[0], _bare(value), setting[1], number)
        elif not value:
            pending = setting, rare
    return pending


def _bare(word: str) -> str:
    """Return the address of `name=address`, as uv takes it."""
    name, sign, rest = word.partition("=")
    return rest if sign and "://" in rest and "://" not in name else word


def _requirements(text: str, data: bytes) -> Iterator[Index]:
    yield from _commands(text, data, listed=True)
    for number, line in enumerate(text.splitlines(), 1):
        if match := _SHORT.match(line):
            yield Index("PyPI", match[1], Reach.ALL, number)


def _ini(text: str, _: bytes) -> Iterator[Index]:
    reach: Reach | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith(("#", ";")):
            continue
        if not line[:1].isspace() and (match := _KEY.match(line)):
            reach, line = _INI.get(match[1].lower().rpartition(".")[2]), match[2]
        elif line.startswith("["):
            reach = None
        for word in line.split() if reach else ():
            yield Index("PyPI", word, reach or Reach.ALL, number)


def _npmrc(text: str, _: bytes) -> Iterator[Index]:
    for number, line in enumerate(text.splitlines(), 1):
        if match := _NPMRC.match(line):
            yield Index("npm", match[2], Reach.BOUND if match[1] else Reach.ALL, number, match[1] or "")


def _yarnrc(text: str, _: bytes) -> Iterator[Index]:
    for number, line in enumerate(text.splitlines(), 1):
        if match := _YARN.match(line):
            yield Index("npm", match[2], Reach.BOUND if match[1] else Reach.ALL, number)


def _toml(_: str, data: bytes) -> Iterator[Index]:
    document = parse_toml(data, "its settings")
    tool = shape.mapping(document.get("tool"))
    for table in (document, shape.mapping(tool.get("uv")), shape.mapping(document.get("pip"))):
        yield from _uv(table)
    for table in shape.tables(shape.mapping(tool.get("poetry")).get("source")):
        yield _index(table, _POETRY.get(str(table.get("priority", "")).lower()) or _old_poetry(table))
    for table in shape.tables(shape.mapping(tool.get("pdm")).get("source")):
        yield _index(table, Reach.BOUND if table.get("include_packages") else Reach.MIXED)
    for number, table in enumerate(shape.tables(document.get("source"))):  # Pipfile: other sources are named by package
        yield _index(table, Reach.BOUND if number else Reach.ALL)
    options = shape.mapping(shape.mapping(tool.get("pixi")).get("pypi-options") or document.get("pypi-options"))
    yield from _uv({**options, "extra-index-url": options.get("extra-index-urls")})
    install = shape.mapping(document.get("install"))  # bunfig.toml
    for scope, value in {"": install.get("registry"), **shape.mapping(install.get("scopes"))}.items():
        address = value if isinstance(value, str) else shape.mapping(value).get("url")
        if isinstance(address, str):
            yield Index("npm", address, Reach.BOUND if scope else Reach.ALL, names=scope)


def _nuget(_: str, data: bytes) -> Iterator[Index]:
    root = xmltree.parse(data, "its settings", DEFAULT)
    for item in root.all("packageSources", "add"):
        yield Index("NuGet", item.attributes.get("value", ""), Reach.MIXED, item.line)


def _cargo(_: str, data: bytes) -> Iterator[Index]:
    """Read what stands in the place of crates.io; a registry that a crate has to name is bound to those that do."""
    document = parse_toml(data, "its settings")
    for name, row in shape.mapping(document.get("source")).items():
        for key in ("registry", "local-registry", "git"):
            address = str(shape.mapping(row).get(key) or "")
            yield Index("crates.io", address.removeprefix("sparse+"), Reach.ALL, names=name)
    for name, row in shape.mapping(document.get("registries")).items():
        address = str(shape.mapping(row).get("index") or "")
        yield Index("crates.io", address.removeprefix("sparse+"), Reach.BOUND, names=name)


_POETRY = {"explicit": Reach.BOUND, "supplemental": Reach.MIXED, "secondary": Reach.MIXED, "default": Reach.ALL,
           "primary": Reach.MIXED}  # fmt: skip


def _old_poetry(table: Mapping[str, Any]) -> Reach:
    return Reach.ALL if table.get("default") is True else Reach.MIXED


def _uv(table: Mapping[str, Any]) -> Iterator[Index]:
    for row in shape.tables(table.get("index")):
        bound = Reach.BOUND if row.get("explicit") is True else Reach.MIXED
        yield _index(row, Reach.ALL if row.get("default") is True else bound)
    for key, reach in (("index-url", Reach.ALL), ("extra-index-url", Reach.MIXED), ("find-links", Reach.MIXED)):
        value = table.get(key)
        for address in [value] if isinstance(value, str) else shape.listing(value):
            yield Index("PyPI", str(address), reach)


def _index(table: Mapping[str, Any], reach: Reach) -> Index:
    return Index("PyPI", str(table.get("url", "")), reach, names=str(table.get("name", "")) * (reach is Reach.BOUND))


_TABLE: tuple[tuple[str, Callable[[str, bytes], Iterator[Index]]], ...] = (
    ("pip.conf", _ini), ("pip.ini", _ini), (".pip.conf", _ini), (".pydistutils.cfg", _ini), ("setup.cfg", _ini),
    (".npmrc", _npmrc), (".yarnrc", _npmrc), (".yarnrc.yml", _yarnrc), ("bunfig.toml", _toml), (".bunfig.toml", _toml),
    ("uv.toml", _toml), ("pyproject.toml", _toml), ("pipfile", _toml), ("pixi.toml", _toml),
    ("environment*.y*ml", _commands), ("*.yml", _commands), ("*.yaml", _commands), ("*.sh", _commands),
    ("*.ps1", _commands), ("*.bat", _commands), ("*.cmd", _commands), ("nuget.config", _nuget),
    ("*dockerfile*", _commands), ("*containerfile*", _commands), ("makefile", _commands), ("*.mk", _commands),
    ("tox.ini", _commands), (".env*", _commands), ("*.env", _commands), ("*.ipynb", _commands),
    ("jenkinsfile", _commands), ("justfile", _commands),
)  # fmt: skip
_CARGO = ("/.cargo/config.toml", "/.cargo/config")
#: How the names end that a glob takes, and what stands in the names that one takes whatever their ending.
_ENDS = tuple({tail for glob, _ in _TABLE if (tail := glob.rpartition("*")[2])})
_WORDS = tuple(glob.strip("*") for glob, _ in _TABLE if glob.endswith("*"))
