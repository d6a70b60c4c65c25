"""Which reader a file gets, by its name; and the fall-back to the text layer, with the reason kept."""

from __future__ import annotations

from collections.abc import Callable

from secpipe.core.errors import InputError
from secpipe.scan.shadow_ai import python, shell, text
from secpipe.scan.shadow_ai.catalogue import Catalogue
from secpipe.scan.shadow_ai.signal import Reading

Reader = Callable[[str, Catalogue], Reading]

_BY_SUFFIX: dict[str, Reader] = {
    ".py": python.read,
    ".pyi": python.read,
    ".pyw": python.read,
    ".sh": shell.commands,
    ".bash": shell.commands,
    ".zsh": shell.commands,
}


def reader_of(path: str, head: bytes) -> tuple[Reader | None, bool]:
    """Return the reader of a file and whether it is read whatever the prefilter says."""
    name = path.rpartition("/")[2].lower()
    dot = name.rfind(".")
    return _BY_SUFFIX.get(name[dot:]) if dot > 0 else None, False


def read(path: str, content: str, head: bytes, catalogue: Catalogue) -> Reading:
    """Return what the file's own reader finds; where it does not parse, what the text layer finds, with a note why."""
    reader, _ = reader_of(path, head)
    if reader is None:
        return text.read(content, catalogue)
    try:
        return reader(content, catalogue)
    except InputError as error:
        out = text.read(content, catalogue)
        out.notes.append(error.message)
        return out
