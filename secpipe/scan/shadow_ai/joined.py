"""Addresses put together from what several files hold: such a file is read once more, with what it imports behind it.

Folding knows the names of one text. So the text of the files that a file imports is added to its own, and each name
under which it knows something of theirs is assigned to the name that they have for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from secpipe.core.errors import InputError, UnsafeInput
from secpipe.core.protocols import Tree
from secpipe.formats.coding import as_utf8
from secpipe.scan.shadow_ai import readers
from secpipe.scan.shadow_ai.catalogue import Catalogue
from secpipe.scan.shadow_ai.pieces import Hosts, pieces
from secpipe.scan.shadow_ai.reach import Places, edges
from secpipe.scan.shadow_ai.signal import UNKNOWN, Reading, Signal

_LONGEST = 1 << 18  # bytes of one file
_FILES = 12  # that one file reaches; all that it imports itself are among them
_PYTHON = (".py", ".pyw")
_SCRIPTS = (".js", ".mjs", ".cjs", ".jsx", ".ts", ".tsx", ".mts", ".cts")
#: Whose files of one folder are one module: nothing needs to be imported.
_FOLDERS = (".go", ".tf", ".tfvars")
_TOGETHER = 1 << 15  # characters of a file and what it imports
_ALL = 1 << 18  # characters of all that one scan reads together: a parser takes seconds for them
_FAMILIES = (_PYTHON, _SCRIPTS, (".go",), (".tf", ".tfvars"))

_AS = re.compile(r"\b(\w+)[ \t]+as[ \t]+(\w+)\b")
_TAKEN_APART = re.compile(r"\{([^{}]{1,400})\}\s*=\s*(?:await\s+)?(?:require|import)\s*\(")
_RENAMED = re.compile(r"(\w+)\s*:\s*(\w+)")
_MEMBER = re.compile(r"\b(\w{1,80})\.(\w{1,80})\b")
_MODULE = re.compile(r"(?m)^[ \t]*(?:import[ \t]+([\w., \t]+)|from[ \t]+\.*[\w.]*[ \t]+import[ \t]+([^\n#]+))")
_IMPORTED = re.compile(r"\bfrom[ \t]+[\w.]+[ \t]+import[ \t]+([^\n#]+)|\{([^{}]{1,400})\}\s*(?:from|=\s*require)\b")
_ASSIGNED = re.compile(
    r"(?m)^[ \t]*(?:export[ \t]+)?(?:(?:const|let|var)[ \t]+)?(\w+)[ \t]*(?::[^=\n]{1,80})?=(?!=)[ \t]*([^\n]*)"
)
_PLAIN = re.compile(r"(?:[\"'][^\"'\n]*[\"']|[A-Za-z_]\w*)[ \t]*;?[ \t]*(?:(?:#|//)[^\n]*)?")
_DEFAULT = re.compile(r"\bimport\s+(\w+)\s+from\b|\b(?:const|let|var)\s+(\w+)\s*=\s*require\s*\(")
_GIVEN = re.compile(r"\bexport\s+default\s+([^\n;]{1,400})|\bmodule\.exports\s*=\s*([^\n;{]{1,400})")


class Joiner:
    """Reads candidates of one tree again where what they import says more of an address."""

    def __init__(self, tree: Tree, catalogue: Catalogue) -> None:
        self._tree = tree
        self._catalogue = catalogue
        self._hosts = Hosts(host for one in catalogue.providers.values() for host in one.lists["hosts"])
        self._texts: dict[str, str] = {}
        self._parts: dict[str, frozenset[bytes]] = {}
        self._edges: dict[str, list[str]] = {}
        self._places: dict[tuple[str, ...], Places] = {}  # by the endings of a language: most are never asked for
        self._left = _ALL
        self.unread: dict[str, str] = {}  # path -> why it could not be read once more
        self.partly: dict[str, str] = {}  # path -> what of its imports was not followed

    def read(self, path: str, is_open: bool) -> list[Signal]:
        """Return the signs that a file gives with what it imports, where that makes up a host that it lacks.

        `is_open`: by itself it says that an AI service is called, and not where.
        """
        family = next((one for one in _FAMILIES if path.endswith(one)), ())
        own = self._text(path) if family else ""
        beside = self._beside(path, family) if own else []
        parts = self._pieces(path).union(*map(self._pieces, beside))
        if not beside or not (is_open or self._hosts.made_of(parts) - self._hosts.made_of(self._pieces(path))):
            return []
        entry = self._tree.find(path)
        every = "\n".join((own, *map(self._text, beside)))
        self._left -= len(every)
        if len(every) > _TOGETHER or self._left < 0:
            self.partly[path] = "together with what it imports it is too long to be read once more"
            return []
        found = readers.read(path, _with_names(every, family), entry.head if entry else b"", self._catalogue)
        here = [sign for sign in found.signals if sign.line <= own.count("\n") + 1]
        return here if not is_open or _is_plain(own, every) else []

    def _beside(self, path: str, family: tuple[str, ...]) -> list[str]:
        """Return the files of the same language that a file imports, and those that they import, the nearest first."""
        if family[0] in _FOLDERS:
            folder = path.rpartition("/")[0]
            here = (one for one in self._of(family).paths if one.rpartition("/")[0] == folder)
            return sorted(one for one in here if one != path)
        found = {path: None}
        pending = [path]
        while pending and (len(found) <= _FILES or pending[0] == path):
            more = [one for one in self._imports(pending.pop(0), family) if one not in found]
            found.update(dict.fromkeys(more))
            pending += more
        if pending:
            self.partly[path] = f"of what it imports the {_FILES} nearest files were read together with it"
        return [one for one in found if one != path]

    def _imports(self, path: str, family: tuple[str, ...]) -> list[str]:
        if path not in self._edges:
            self._edges[path] = list(edges(path, self._text(path), self._of(family)))
        return self._edges[path]

    def _of(self, family: tuple[str, ...]) -> Places:
        """Return the files of one language: an import leads to no other."""
        if family not in self._places:
            self._places[family] = Places(entry.path for entry in self._tree.files if entry.path.endswith(family))
        return self._places[family]

    def _pieces(self, path: str) -> frozenset[bytes]:
        if path not in self._parts:
            self._parts[path] = pieces(self._text(path).lower().encode())
        return self._parts[path]

    def _text(self, path: str) -> str:
        if path not in self._texts:
            entry = self._tree.find(path)
            try:
                data = self._tree.read(entry, _LONGEST) if entry else b""
            except UnsafeInput:  # longer than a table of settings: it was read by itself
                data = b""
                self.partly[path] = "too long to be read together with what imports it"
            except InputError as error:
                data = b""
                self.unread[path] = error.message
            self._texts[path] = as_utf8(data).decode("utf-8", "replace")
        return self._texts[path]


def _with_names(every: str, family: tuple[str, ...]) -> str:
    """Return all the text, and the names of one file that stand for those of another."""
    lines = dict.fromkeys(_python(every) if family == _PYTHON else _script(every) if family == _SCRIPTS else ())
    return "\n".join((every, *lines, ""))


def _is_plain(own: str, every: str) -> bool:
    """Whether what a file imports by name is texts and other names: a value that is reckoned leaves it unknown."""
    words = set(re.findall(r"\w+", " ".join(match[0] or match[1] for match in _IMPORTED.findall(own))))
    return all(name not in words or _PLAIN.fullmatch(value) for name, value in _ASSIGNED.findall(every))


def _python(text: str) -> Iterator[str]:
    yield from (f"{new} = {old}" for old, new in _AS.findall(text) if old.isidentifier() and new.isidentifier())
    words = " ".join(" ".join(match) for match in _MODULE.findall(text))
    modules = set(re.findall(r"\w+", words))
    yield from (f"{one}.{name} = {name}" for one, name in set(_MEMBER.findall(text)) if one in modules)


def _script(text: str) -> Iterator[str]:
    yield from (f"const {new} = {old};" for old, new in _AS.findall(text) if old != "default")
    for taken in _TAKEN_APART.findall(text):
        yield from (f"const {new} = {old};" for old, new in _RENAMED.findall(taken))
    given = [one or other for one, other in _GIVEN.findall(text)]
    for name in (one or other for one, other in _DEFAULT.findall(text)):
        yield from (f"const {name} = {value};" for value in given)


def _leads(sign: Signal) -> bool:
    """Whether a sign says where an address leads."""
    return bool(sign.host) and sign.provider not in {"", UNKNOWN}


def join(
    readings: dict[str, Reading], paths: Iterable[str], joiner: Joiner, place: Callable[[Signal, str], Signal]
) -> None:
    """Add what files say together to the reading of each; what that settles is no longer unknown."""
    for path in paths:
        reading = readings.get(path, Reading(engine="joined"))
        unknown = [one for one in reading.signals if one.role == "client" and not _leads(one)]
        signs = [place(sign, path) for sign in joiner.read(path, bool(unknown)) if _leads(sign)]
        settled = {sign.line for sign in signs if sign not in reading.signals}
        if settled:
            kept = [one for one in reading.signals if one not in unknown or one.line not in settled]
            reading.signals = [*kept, *(sign for sign in signs if sign not in kept)]
            readings[path] = reading
