"""Which importer reads a file: by its bytes, never by its name."""

from __future__ import annotations

from typing import BinaryIO

from secpipe.core.documents import parse_json
from secpipe.core.errors import InputError
from secpipe.core.limits import MIB
from secpipe.formats import images, safetensors
from secpipe.formats.stream import at
from secpipe.lineage.importers import a1111, comfyui, diffusers, kohya
from secpipe.lineage.importers.claims import Claims

_DOCUMENT = 16 * MIB


def read(file: BinaryIO, size: int) -> tuple[Claims | None, str]:
    """Return what a file says of its making (None: nothing that is known here), and why some of it may be missing."""
    head = at(file, 0, 64)
    found = images.read(file, size)
    if found.kind:
        return comfyui.read(found.texts) or a1111.read(found.texts), found.problem
    if safetensors.looks_like(head):
        header = safetensors.read(file, size)
        return kohya.read(header.metadata), header.problems[-1].message if header.problems else ""
    if head.lstrip()[:1] == b"{" and size <= _DOCUMENT:
        try:
            document = parse_json(at(file, 0, size), "the document")
        except InputError as error:
            return None, error.message
        return diffusers.read(document), ""
    return None, ""
