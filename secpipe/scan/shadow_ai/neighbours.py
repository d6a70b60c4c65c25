"""The files of a tree by what they import of each other, in the languages whose files are read together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from secpipe.core.errors import InputError
from secpipe.core.limits import Limits
from secpipe.core.protocols import Tree
from secpipe.formats.coding import as_utf8
from secpipe.scan.shadow_ai.pieces import Hosts, given, is_open, pieces
from secpipe.scan.shadow_ai.reach import Places, imports

PYTHON = (".py", ".pyw")
SCRIPTS = (".js", ".mjs", ".cjs", ".jsx", ".ts", ".tsx", ".mts", ".cts")
#: Whose files of one folder are one module: nothing needs to be imported.
FOLDERS = (".go", ".tf", ".tfvars")
_FAMILIES = (PYTHON, SCRIPTS, (".go",), (".tf", ".tfvars"))
_LOOKED = 1 << 28  # bytes of all files that are looked at for one scan
BEYOND = (b"?", b"")  # held by a file beyond that bound
_KEPT = 1 << 22  # characters of texts that are kept for the next that imports them
_HUB = "/"  # ends the name of a folder, which is no file


def family_of(path: str) -> tuple[str, ...]:
    """Return the endings of files that a file may be read together with; () where it is not."""
    return next((one for one in _FAMILIES if path.endswith(one)), ())


@dataclass(frozen=True, slots=True)
class Strings:
    """What a file holds of addresses: `pieces` of known hosts, and those it gives a name (`given`: name, piece)."""

    pieces: frozenset[bytes] = frozenset()
    given: frozenset[tuple[bytes, bytes]] = frozenset()


NOTHING = Strings()


class Neighbours:
    """What each file imports, holds and says; each is looked at once, and a folder of Go or Terraform is one stop."""

    def __init__(self, tree: Tree, limits: Limits, hosts: Hosts) -> None:
        self._tree = tree
        self._limits = limits
        self._hosts = hosts
        self._left = _LOOKED
        self._texts: dict[str, str] = {}
        self._kept = 0
        self._ways: dict[str, list[str]] = {}
        self._holds: dict[str, Strings] = {}
        self._open: dict[str, bool] = {}
        self._places: Places | None = None
        self.unread: dict[str, str] = {}  # path -> why it could not be read once more

    def imports(self, path: str) -> list[str]:
        """Return where one step leads from a file: to files of its languages, or to its folder and from there on."""
        if self._places is None:
            self._places = Places(entry.path for entry in self._tree.files)
            for entry in self._tree.files:
                if entry.path.endswith(FOLDERS):
                    self._ways.setdefault(_hub(entry.path), []).append(entry.path)
        if path not in self._ways:
            self._look(path, self._places)
        return self._ways[path]

    def holds(self, path: str) -> Strings:
        """Return what a file holds by itself; of one beyond the bound, BEYOND."""
        self.imports(path)
        return self._holds.get(path, NOTHING)

    def is_open(self, path: str) -> bool:
        """Return whether a file makes an address of names, in a language whose files are read together."""
        if path not in self._open:
            self._open[path] = bool(family_of(path)) and is_open(self.text(path).lower().encode())
        return self._open[path]

    def size(self, path: str) -> int:
        """Return how many bytes a file has."""
        entry = self._tree.find(path)
        return entry.size if entry else 0

    def text(self, path: str) -> str:
        """Return what a file says; "" where it cannot be read."""
        if path in self._texts:
            return self._texts[path]
        entry = self._tree.find(path)
        try:
            data = self._tree.read(entry, self._limits.text_bytes) if entry else b""
        except InputError as error:
            data = b""
            self.unread[path] = error.message
        text = as_utf8(data).decode("utf-8", "replace")
        if self._kept + len(text) <= _KEPT:
            self._kept += len(text)
            self._texts[path] = text
        return text

    def beside(self, path: str) -> set[str]:
        """Return the files that a file imports itself, or that lie in its folder."""
        return {file for one in self.imports(path) for file in ([one] if one[-1:] != _HUB else self.imports(one))}

    def nearest(self, path: str, most: int) -> tuple[list[str], bool]:
        """Return what a file imports, and what that imports, up to `most` files; and whether there are more.

        All that the file imports itself is among them.
        """
        found = dict.fromkeys([path])
        pending = [path] if family_of(path) else []
        while pending and (len(found) <= most or pending[0] in {path, _hub(path)}):
            more = [one for one in self.imports(pending.pop(0)) if one not in found]
            found.update(dict.fromkeys(more))
            pending += more
        return [one for one in found if one != path and not one.endswith(_HUB)], bool(pending)

    def chain(self, path: str, wanted: Callable[[str], bool]) -> list[str]:
        """Return the files that a file reaches and that are `wanted`, and those on the shortest way, nearest first."""
        before: dict[str, str] = {path: ""}
        order, kept = [path], set()
        for one in order:
            more = [other for other in self.imports(one) if other not in before]
            before.update(dict.fromkeys(more, one))
            order += more
            if one != path and wanted(one):
                step = one
                while step not in kept and step != path:
                    kept.add(step)
                    step = before[step]
        return [one for one in order if one in kept and not one.endswith(_HUB)]

    def _look(self, path: str, places: Places) -> None:
        entry, family = self._tree.find(path), family_of(path)
        self._left -= entry.size if entry else 0
        if self._left < 0:
            self._holds[path], self._ways[path] = Strings(given=frozenset({BEYOND})), []
            return
        text = self.text(path)
        small = text.lower().encode()
        held = self._hosts.within(pieces(small))
        self._holds[path] = Strings(held, frozenset(one for one in given(small) if one[1] in held))
        if family[0] in FOLDERS:
            self._ways[path] = [_hub(path)]
        else:
            found = dict.fromkeys(imports(path, text, places))
            self._ways[path] = [one for one in found if one.endswith(family) and one != path]


def _hub(path: str) -> str:
    """Return the stop of a folder for the files of one kind in it."""
    return f"{path.rpartition('/')[0]}/{family_of(path)[:1]}{_HUB}"
