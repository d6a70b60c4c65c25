"""Addresses put together from what several files hold: such a file is read once more, with what it imports behind it.

Folding knows the names of one text. So the text of the files that a file imports is added to its own, and each name
under which it knows something of theirs is assigned to the name that they have for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator

from secpipe.core.finding import Confidence
from secpipe.core.limits import Limits
from secpipe.core.protocols import Tree
from secpipe.scan.shadow_ai import readers
from secpipe.scan.shadow_ai.catalogue import Catalogue
from secpipe.scan.shadow_ai.closure import closures
from secpipe.scan.shadow_ai.neighbours import BEYOND, PYTHON, SCRIPTS, Neighbours, family_of
from secpipe.scan.shadow_ai.pieces import Hosts, parts_of
from secpipe.scan.shadow_ai.regions import LABELS
from secpipe.scan.shadow_ai.signal import UNKNOWN, Reading, Signal

_FILES = 12  # nearest ones that are read with a file that calls somewhere; all that it imports itself are among them
_TOGETHER = 1 << 15  # bytes of a file and what it imports
_ALL = 1 << 18  # bytes of all that one scan reads together: a parser takes seconds for them
_MARK = b"!"  # stands in the place of a name before a host that a file tells

_IMPORTING = re.compile(
    r"(?m)^[ \t]*(?:from[ \t]+\S+[ \t]+import[ \t]*(\([^)]{0,4000}|[^\n]*)"
    r"|(?:im|ex)port\b([^{\n]*(?:\{[^}]{0,4000})?)|(?:const|let|var)\b([^\n]{0,400}\brequire\b))"
)
_AS = re.compile(r"\b(\w+)[ \t]+as[ \t]+(\w+)\b")
_TAKEN_APART = re.compile(r"\{([^{}]{1,400})\}\s*=\s*(?:await\s+)?(?:require|import)\s*\(")
_RENAMED = re.compile(r"(\w+)\s*:\s*(\w+)")
_MEMBER = re.compile(r"\b(\w{1,80})\.(\w{1,80})\b")
_MODULE = re.compile(r"(?m)^[ \t]*(?:import[ \t]+([\w., \t]+)|from[ \t]+\.*[\w.]*[ \t]+import[ \t]+([^\n#]+))")
_IMPORTED = re.compile(r"\bfrom[ \t]+[\w.]+[ \t]+import[ \t]+([^\n#]+)|\{([^{}]{1,400})\}\s*(?:from|=\s*require)\b")
_ASSIGNED = re.compile(
    r"(?m)^[ \t]*(?:export[ \t]+)?(?:(?:const|let|var)[ \t]+)?(\w+)[ \t]*(?::[^=\n]{1,80})?=(?!=)[ \t]*([^\n]*)"
)
#: A text, a name, or a table: of a member that is reckoned, folding tells that it cannot be told.
_PLAIN = re.compile(r"(?:[\"'][^\"'\n]*[\"']|[A-Za-z_]\w*|[{\[][^()\n]*)[ \t]*;?[ \t]*(?:(?:#|//)[^\n]*)?")
_DEFAULT = re.compile(r"\bimport\s+(\w+)\s+from\b|\b(?:const|let|var)\s+(\w+)\s*=\s*require\s*\(")
_GIVEN = re.compile(r"\bexport\s+default\s+([^\n;]{1,400})|\bmodule\.exports\s*=\s*([^\n;{]{1,400})")


class Joiner:
    """Reads candidates of one tree again where what they import says more of an address.

    `told(path)` are the hosts that a file was found to call by itself: what it makes known needs no second reading.
    """

    def __init__(self, tree: Tree, catalogue: Catalogue, limits: Limits, told: Callable[[str], Iterable[str]]) -> None:
        self._tree = tree
        self._catalogue = catalogue
        self._hosts = Hosts(host for one in catalogue.providers.values() for host in one.lists["hosts"])
        self._files = Neighbours(tree, limits, self._hosts)
        self._told = told
        self._held: dict[str, frozenset[tuple[bytes, bytes]]] = {}
        self._left = _ALL
        self.partly: dict[str, str] = {}  # path -> what was not read together with it

    @property
    def unread(self) -> dict[str, str]:
        """Files that could not be read once more, and why."""
        return self._files.unread

    def look(self, paths: Iterable[str]) -> None:
        """Work out what those of the files at `paths` that make an address of names may get from what they import."""
        self._held = closures(filter(self._files.is_open, paths), self._files.imports, self._given)

    def read(self, path: str, is_open: bool) -> list[Signal]:
        """Return the signs that a file gives with what it imports, where that makes up a host that nobody tells.

        `is_open`: by itself it says that an AI service is called, and not where. Then the nearest files are read with
        it; what they do not settle stays unknown.
        """
        if not family_of(path):
            return []
        hosts = self._untold(path)
        beside, cut = self._files.nearest(path, _FILES) if is_open else ([], False)
        beside = list(dict.fromkeys((*self._chain(path, hosts), *beside)))
        if not beside:
            return []
        size = sum(map(self._files.size, (path, *beside)))
        if size > min(_TOGETHER, self._left):
            if hosts := self._named(path, hosts):
                names = ", ".join(sorted(host.decode() for host in hosts)[:3])
                self.partly[path] = f"what it imports may make up {names}, and is too long to be read together with it"
            return []
        self._left -= size
        own = self._files.text(path)
        every = "\n".join((own, *map(self._files.text, beside)))
        entry = self._tree.find(path)
        found = readers.read(path, _with_names(every, family_of(path)), entry.head if entry else b"", self._catalogue)
        here = [sign for sign in found.signals if sign.line <= own.count("\n") + 1]
        if is_open and not _is_plain(own, every):
            return []
        if cut and any(map(_leads, here)):
            self.partly[path] = f"of what it imports the {_FILES} nearest files were read together with it"
        return here

    def _untold(self, path: str) -> set[bytes]:
        """Return the hosts that a file may put together with what it imports, and that none of them tells."""
        if not self._files.is_open(path):
            return set()
        held = self._held.get(path, frozenset())
        if BEYOND in held:
            self.partly[path] = "it makes an address of names, and imports more than is looked at together"
        return {host for host in self._hosts.made_of(self._parts(path)) if (_MARK, host) not in held}

    def _parts(self, path: str) -> frozenset[bytes]:
        """All strings of the file and of what it imports itself, and those that the others give a name."""
        near = (self._files.holds(one).pieces for one in (path, *self._files.beside(path)))
        far = frozenset(piece for name, piece in self._held.get(path, ()) if name != _MARK)
        return far.union(*near)

    def _named(self, path: str, hosts: set[bytes]) -> set[bytes]:
        """Return those of the hosts that are made of what the file knows by name, alone or beside its own strings."""
        words = _known(self._files.text(path).lower(), family_of(path))
        known = frozenset(piece for name, piece in self._held.get(path, ()) if name in words)
        own, made = self._files.holds(path).pieces, self._hosts.made_of
        return hosts & (made(known) | (made(known | own) - made(own)))

    def _chain(self, path: str, hosts: set[bytes]) -> list[str]:
        """Return the files that give parts of the hosts, and those between, the nearest first."""
        if not hosts:
            return []
        parts, beside = self._parts(path), self._files.beside(path)
        wanted = set().union(*(parts_of(host, parts) for host in hosts))

        def gives(one: str) -> bool:
            held = self._files.holds(one)
            pieces = held.pieces if one in beside else (piece for _, piece in held.given)
            return not wanted.isdisjoint(pieces)

        return self._files.chain(path, gives) if wanted else []

    def _given(self, path: str) -> frozenset[tuple[bytes, bytes]]:
        """What others may get of a file: strings that it gives a name, and marks of the hosts that it tells."""
        return self._files.holds(path).given.union((_MARK, host.encode()) for host in self._told(path))


def _known(text: str, family: tuple[str, ...]) -> frozenset[bytes]:
    """Return the names that a file takes from others: those that it imports, and the members of these."""
    whole = family not in (PYTHON, SCRIPTS) or "import *" in text
    said = text if whole else " ".join(map(" ".join, _IMPORTING.findall(text)))
    words = set(re.findall(r"\w+", said))
    words.update(member for name, member in _MEMBER.findall(text) if name in words)
    return frozenset(word.encode() for word in words)


def _with_names(every: str, family: tuple[str, ...]) -> str:
    """Return all the text, and the names of one file that stand for those of another."""
    lines = dict.fromkeys(_python(every) if family == PYTHON else _script(every) if family == SCRIPTS else ())
    return "\n".join((every, *lines, ""))


def _is_plain(own: str, every: str) -> bool:
    """Whether what a file imports by name is texts and other names: a value that is reckoned leaves it unknown."""
    words = set(re.findall(r"\w+", " ".join(match[0] or match[1] for match in _IMPORTED.findall(own))))
    return all(name not in words or _PLAIN.fullmatch(value) for name, value in _ASSIGNED.findall(every))


def _python(text: str) -> Iterator[str]:
    yield from (f"{new} = {old}" for old, new in _AS.findall(text) if old.isidentifier() and new.isidentifier())
    words = " ".join(" ".join(match) for match in _MODULE.findall(text))
    modules = set(re.findall(r"\w+", words))
    yield from (f"{one}.{name} = {name}" for one, name in sorted(set(_MEMBER.findall(text))) if one in modules)


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


def told(reading: Reading | None) -> list[str]:
    """Return the hosts that a file calls by itself, as far as a policy judges it."""
    signs = reading.signals if reading else ()
    return [s.host for s in signs if _leads(s) and s.confidence is not Confidence.LOW and s.region not in LABELS]


def join(
    readings: dict[str, Reading], paths: Collection[str], joiner: Joiner, place: Callable[[Signal, str], Signal]
) -> None:
    """Add what files say together to the reading of each; what that settles is no longer unknown."""
    joiner.look(paths)
    for path in paths:
        reading = readings.get(path, Reading(engine="joined"))
        unknown = [one for one in reading.signals if one.role == "client" and not _leads(one)]
        signs = [place(sign, path) for sign in joiner.read(path, bool(unknown)) if _leads(sign)]
        settled = {sign.line for sign in signs if sign not in reading.signals}
        if settled:
            kept = [one for one in reading.signals if one not in unknown or one.line not in settled]
            reading.signals = [*kept, *(sign for sign in signs if sign not in kept)]
            readings[path] = reading
