"""Texts in which the search for terms finds nothing, and that nothing else makes worth reading."""

from __future__ import annotations

from functools import cache

from secpipe.core.artifact import FileEntry
from secpipe.core.limits import DEFAULT
from secpipe.formats import unpack
from secpipe.formats.coding import as_utf8
from secpipe.scan.shadow_ai import readers
from secpipe.scan.shadow_ai.catalogue import Catalogue, read_catalogue
from secpipe.scan.shadow_ai.contents import is_binary
from secpipe.scan.shadow_ai.prefilter import Prefilter
from secpipe.scan.shadow_ai.terms import derive


def is_plain(entry: FileEntry, data: bytes) -> bool:
    """Tell whether a file with this whole content is none that is always read, and holds no term."""
    if unpack.may_be(entry.head) or readers.always(entry.path, read_catalogue()):
        return False
    return holds_no_term(entry, data)


def holds_no_term(entry: FileEntry, data: bytes) -> bool:
    """Tell whether content that is text, and not too long to be read whole, holds no term of the shipped catalogue."""
    if is_binary(entry.head) or entry.size > DEFAULT.text_bytes:
        return False
    return not prefilter_of(read_catalogue()).positions(as_utf8(data))


@cache
def prefilter_of(catalogue: Catalogue) -> Prefilter:
    """Return the prefilter of a catalogue, made once."""
    return Prefilter(derive(catalogue))
