"""Programs that bring their own list of packages: PEP 723 headers of scripts, `%pip` lines of notebooks."""

from __future__ import annotations

import re
from collections.abc import Iterator

from secpipe.core.artifact import FileEntry
from secpipe.core.documents import parse_json, parse_toml
from secpipe.core.errors import InputError
from secpipe.core.paths import is_installed
from secpipe.core.text import opening, printable
from secpipe.formats.locks.python import requirement
from secpipe.sbom.collector import Collector
from secpipe.sbom.sources import installs, prompts

#: PEP 723's own expression for a block, line by line.
_SHELLS = ("%%bash", "%%sh", "%%script bash", "%%script sh", "%%!")
_UV = re.compile(rb"#![^\n]*\b(?:uv|pipx|hatch|pdm)\b[^\n]*\brun\b")
_START = re.compile(rb"^# /// script[ \t]*\r?$", re.MULTILINE)


def takes(entry: FileEntry) -> bool:
    """Tell whether this source answers for a file: a script that begins with its list."""
    return b"# /// script" in entry.head and _is_program(entry) and not is_installed(entry.path)


def _is_program(entry: FileEntry) -> bool:
    """Tell whether a file is a Python program: by its ending, or because its first line starts a runner of such."""
    return entry.suffix == ".py" or _UV.match(entry.head) is not None


def read_all(found: Collector) -> None:
    """Add what scripts ask for; a file inside a package is imported, not run, and is only looked at where it begins."""
    for entry in found.files:
        if not _is_program(entry) or is_installed(entry.path):
            continue
        folder = entry.path.rpartition("/")[0]
        packaged = found.tree.find(f"{folder}/__init__.py".lstrip("/")) is not None
        if packaged and not takes(entry):
            continue
        try:
            data = found.read(entry)
            if match := _START.search(data):
                _script(found, entry, data, match.end())
        except InputError as error:
            found.skip(entry.path, f"not analysed: {printable(error.message, 200)}")


def _script(found: Collector, entry: FileEntry, data: bytes, start: int) -> None:
    line = data.count(b"\n", 0, start) + 1
    kept = []
    for raw in data[start:].split(b"\n")[1:]:
        text = raw.rstrip()
        if text == b"# ///":
            break
        if not text.startswith(b"#"):
            raise InputError(f"the block of line {line} does not end")
        kept.append(text[2:])
    else:
        raise InputError(f"the block of line {line} does not end")
    document = parse_toml(b"\n".join(kept), "its block of metadata", found.limits)
    wanted = document.get("dependencies") or []
    for text in wanted if isinstance(wanted, list) else []:
        component = requirement(str(text), path=entry.path, line=line)
        if component is None:
            found.skip(entry.path, f"not a requirement: {opening(str(text))}")
        else:
            found.add(component)


def notebook(found: Collector, entry: FileEntry) -> None:
    """Add what the cells of a notebook install, and those that are prompts."""
    document = parse_json(found.read(entry), "the notebook", found.limits)
    prompts.notebook(found, entry, document)
    installs.read(found, entry.path, _lines(document))


def _lines(document: object) -> Iterator[tuple[int, str]]:
    """Yield (number of the cell, line) of the code; a notebook has no lines of its own that people know."""
    cells = document.get("cells") if isinstance(document, dict) else None
    if not isinstance(cells, list):
        raise InputError("it has no cells")
    for number, cell in enumerate(cells, 1):
        if isinstance(cell, dict) and cell.get("cell_type") == "code":
            source = cell.get("source") or ""
            text = "".join(map(str, source)) if isinstance(source, list) else str(source)
            shell = text.lstrip().startswith(_SHELLS)  # the whole cell is a shell script
            for line in text.replace("\\\n", " ").splitlines():
                if shell or line.lstrip().startswith(("%", "!")):
                    yield number, line
