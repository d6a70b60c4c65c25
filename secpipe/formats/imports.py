"""What Python code imports, by its lines: text in a docstring counts too, so that reachability errs towards "yes"."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

from secpipe.core.artifact import FileEntry
from secpipe.core.errors import InputError
from secpipe.core.protocols import Tree

_IMPORT = re.compile(rb"^[ \t]*(?:from[ \t]+([A-Za-z_]\w*)|import[ \t]+([^\n#;]+))", re.MULTILINE)
_DYNAMIC = re.compile(rb"(?:import_module|__import__)\(\s*[\"']([A-Za-z_]\w*)")
_WORD = re.compile(rb"[A-Za-z_]\w*")
_ENDINGS = frozenset({".py", ".pyi", ".ipynb"})


def imported_modules(tree: Tree) -> frozenset[str]:
    """Return the top-level names that Python files and notebooks of a tree import; nothing is executed."""
    found: set[str] = set()
    for entry in tree.files:
        if entry.suffix in _ENDINGS:
            with contextlib.suppress(InputError):  # the tree's own skips say so
                found |= imports_of(tree, entry)
    return frozenset(found)


def imports_of(tree: Tree, entry: FileEntry) -> set[str]:
    """Return the top-level names that one file imports; raises InputError where it cannot be read."""
    found: set[bytes] = set()
    for data in _lines(tree, entry):
        for first, rest in _IMPORT.findall(data):
            found.update([first] if first else _heads(rest))
        found.update(_DYNAMIC.findall(data))
    return {name.decode() for name in found}


def _lines(tree: Tree, entry: FileEntry) -> Iterator[bytes]:
    """Yield the lines of a file of any size, those of a notebook's cells apart, in pieces that fit in memory."""
    rest = b""
    with tree.open(entry) as file:
        while chunk := file.read(1 << 20):
            data = rest + (chunk.replace(b'"', b"\n") if entry.suffix == ".ipynb" else chunk)
            end = data.rfind(b"\n") + 1 or len(data)
            yield data[:end]
            rest = data[end:]
    yield rest


def _heads(names: bytes) -> list[bytes]:
    return [match[0] for part in names.split(b",") if (match := _WORD.match(part.strip(b" \t\\(")))]
