"""Texts that the inventory need not look at: no source takes one by its name, nor by what stands in it."""

from __future__ import annotations

import re
from functools import lru_cache

from secpipe.core.artifact import FileEntry
from secpipe.core.paths import is_installed
from secpipe.formats import kinds, unpack
from secpipe.formats.locks import table
from secpipe.sbom.sources import (
    YAML_READER,
    datasets,
    deployments,
    indexes,
    is_yaml,
    packaged,
    pages,
    prompts,
    reader_of,
    weights,
)

#: Parts of a name by which a source takes a file; where one stands, the sources are asked themselves.
_TELLING = re.compile("prompt|chat_template|modelfile|mlmodel|metadata|oci-layout")
_ENDINGS = frozenset({*kinds.WEIGHTS, *datasets.ALWAYS, *prompts.ALWAYS, *prompts.ENDINGS, ".tar", ".bin", ".pb"})
_FOLDERS = frozenset({*datasets.FOLDERS, *prompts.FOLDERS, "manifests"})
_SCRIPT = b"# /// script"


def is_plain(entry: FileEntry, data: bytes) -> bool:
    """Tell whether `collect` finds nothing in a file with this whole content, and no other file gives it a meaning.

    It may say no of one in which nothing would be found, never yes of one in which something would.
    """
    path = entry.path
    folder, _, name = path.rpartition("/")
    low = name.lower()
    if _says_something(folder) or entry.suffix in _ENDINGS or _TELLING.search(low):
        return False
    if weights.is_pointer(entry) or unpack.may_be(entry.head) or weights.begins(entry.head) or table.row_of(path):
        return False
    if packaged.takes(entry) or pages.takes(entry):
        return False
    if not (is_yaml(name) and indexes.says_nothing(data)) and indexes.takes(entry):
        return False
    if low.endswith(".py"):
        return _SCRIPT not in data
    if is_yaml(name):
        return reader_of(path).split(":")[0].endswith(YAML_READER) and deployments.says_nothing(data)
    return not reader_of(path)


@lru_cache(1 << 10)
def _says_something(folder: str) -> bool:
    """Whether a file may mean something because of the folders that it stands in."""
    return not _FOLDERS.isdisjoint(folder.lower().split("/")) or is_installed(f"{folder}/x")
