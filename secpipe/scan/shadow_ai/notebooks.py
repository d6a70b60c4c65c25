"""Notebooks: the code cells only, whatever the outputs weigh; `!` and `%` lines are shell."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from secpipe.core.errors import InputError
from secpipe.scan.shadow_ai import python, shell, sql
from secpipe.scan.shadow_ai.catalogue import Catalogue
from secpipe.scan.shadow_ai.signal import Reading

_CHUNK = 1 << 20
_MAX_SOURCE = 2 << 20  # bytes of one cell
_MAX_TOTAL = 16 << 20  # bytes of all cells together
#: A key of a cell; written in escapes it may be any (six of them, 36 bytes).
_KEY = re.compile(
    rb'(?<!\\)"(?:source|input|(?:[a-z]|\\u00[67][0-9a-fA-F]){0,5}\\u00[67][0-9a-fA-F](?:[a-z]|\\u00[67][0-9a-fA-F]){0,5}"(?=\s*:))"?'
)
_OVERLAP = 64
_SHELL_CELL = re.compile(r"\s*%%(?:bash|sh|script|shell|system)\b")
_SQL_CELL = re.compile(r"\s*%%(?:sql|bigquery|snowflake)\b")


def read(content: str, catalogue: Catalogue) -> Reading:
    """Return the signs in the code cells of a notebook; an empty file is one without cells, as editors take it.

    Raises InputError when it is no notebook.
    """
    if not content.strip():
        return Reading(engine="notebook")
    try:
        data = json.loads(content)
    except (ValueError, RecursionError):
        raise InputError("does not parse as a notebook") from None
    cells = data.get("cells") if isinstance(data, dict) else None
    if cells is None and isinstance(data, dict):  # nbformat 3
        cells = [
            cell for sheet in data.get("worksheets", ()) if isinstance(sheet, dict) for cell in sheet.get("cells", ())
        ]
    if not isinstance(cells, list):
        raise InputError("holds no cells")
    sources = [_source(cell) for cell in cells if isinstance(cell, dict) and cell.get("cell_type") == "code"]
    return read_cells(sources, content, catalogue)


def read_cells(sources: list[str], content: str, catalogue: Catalogue) -> Reading:
    """Return the signs in cells taken together as one program; `content` is only used to find line numbers."""
    out = Reading()
    program: list[str] = []
    origin: list[int] = []  # line of the notebook file for each line of the program
    offset = 0
    for source in sources:
        first = source.split("\n", 1)[0]
        found = content.find(json.dumps(first)[1:-1], offset) if first else -1
        offset = found if found >= 0 else offset
        line = content.count("\n", 0, offset) + 1
        if _SHELL_CELL.match(source):
            _extend(out, shell.commands(source, catalogue), line - 1)
            continue
        if _SQL_CELL.match(source):
            out.signals += [sign.at("", "", line - 1) for sign in sql.functions(source, catalogue)]
            continue
        for index, row in enumerate(source.split("\n")):
            stripped = row.lstrip()
            if stripped.startswith(("!", "%")):
                command = stripped.lstrip("!%").removeprefix("system ")
                _extend(out, shell.commands(command, catalogue), line + index - 1)
                row = row[: len(row) - len(stripped)] + "pass"
            program.append(row)
            origin.append(line + index)
    try:
        found_in = python.read("\n".join(program), catalogue)
    except InputError as error:
        found_in = Reading(notes=[error.message])
        for source in sources:  # one broken cell does not hide the others
            try:
                part = python.read(re.sub(r"(?m)^\s*[!%].*$", "pass", source), catalogue)
            except InputError:
                continue
            found_in.signals += part.signals
            found_in.downloads += part.downloads
    _extend(out, found_in, 0, origin)
    out.notes += found_in.notes
    out.engine = "notebook"
    return out


def _extend(out: Reading, other: Reading, offset: int, origin: list[int] | None = None) -> None:
    for sign in other.signals:
        place = origin[sign.line - 1] - sign.line if origin and 0 < sign.line <= len(origin) else offset
        out.signals.append(sign.at("", "", place))
    out.values += other.values
    out.downloads += other.downloads
    out.reads |= other.reads
    out.packages |= other.packages


def _source(cell: dict[str, Any]) -> str:
    source = cell.get("source", cell.get("input", ""))
    return "".join(part for part in source if isinstance(part, str)) if isinstance(source, list) else str(source)


def stream(file: BinaryIO) -> list[str]:
    """Return the cell sources of a notebook too large to read whole, in memory that does not grow with its outputs.

    The bytes `"source":` cannot stand inside a JSON string (its quotes would be escaped), so each is a real key. Raises
    InputError when a cell or all of them together go over their bound.
    """
    sources: list[str] = []
    total = 0
    for data in _values(file):
        value = _value(data)
        if value is not None:
            total += len(value)
            if total > _MAX_TOTAL:
                raise InputError(f"holds more than {_MAX_TOTAL:,} bytes of cell source")
            sources.append(value)
    return sources


def _values(file: BinaryIO) -> Iterator[bytes]:
    """Yield what follows each `"source"` or (nbformat 3) `"input"` key, up to the bound of one cell."""
    window = b""
    while True:
        chunk = file.read(_CHUNK)
        window += chunk
        while True:
            key = _KEY.search(window)
            if key is None:
                window = window[-_OVERLAP:]
                break
            if b"\\" in key[0]:
                raise InputError("spells the name of a cell's source in escapes")
            index = key.start()
            while len(window) - index < _MAX_SOURCE and (more := file.read(_CHUNK)):
                window += more
            yield window[key.end() : key.end() + _MAX_SOURCE]
            window = window[key.end() :]
        if not chunk:
            return


def _value(data: bytes) -> str | None:
    match = re.match(rb"\s*:\s*", data)
    if not match:
        return None
    body = data[match.end() :].decode("utf-8", "replace")
    if not body.startswith(("[", '"')):
        return None
    try:
        value, _ = json.JSONDecoder().raw_decode(body)
    except (ValueError, RecursionError):
        if len(data) >= _MAX_SOURCE:
            raise InputError(f"holds a cell of more than {_MAX_SOURCE:,} bytes") from None
        return None
    return "".join(part for part in value if isinstance(part, str)) if isinstance(value, list) else value
