"""What the `sbom` commands share: reading a BOM from a file or stdin, and writing a list of lines or JSON."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from secpipe.core.errors import UnsafeInput
from secpipe.core.foreign import Sink
from secpipe.core.limits import DEFAULT
from secpipe.core.text import printable

Document = dict[str, Any]


def read_file(place: str) -> bytes:
    """Return the content of a file, or of stdin for `-`; raises InputError."""
    if place != "-":
        from secpipe.system.files import read_bytes

        return read_bytes(place, DEFAULT.document_bytes)
    data = sys.stdin.buffer.read(DEFAULT.document_bytes + 1)
    if len(data) > DEFAULT.document_bytes:
        raise UnsafeInput(f"stdin is larger than {DEFAULT.document_bytes:,} bytes")
    return data


def read_bom(place: str) -> Document:
    """Return the CycloneDX document in a file; raises InputError."""
    from secpipe.sbom.bom import load

    return load(read_file(place), "stdin" if place == "-" else printable(place))


def write(form: str, output: str, document: Document, lines: Iterable[str]) -> None:
    """Write a result as JSON or as lines."""
    from secpipe.cli.options import write_json, write_result

    if form == "json":
        write_json(document, output)
    else:
        write_result("".join(f"{line}\n" for line in lines), output)


def sink_of(form: str) -> Sink:
    """Return what a BOM in this format is for whoever reads it next."""
    if form.endswith("json"):
        return Sink.JSON
    return Sink.MARKUP if form.endswith("xml") else Sink.TEXT
