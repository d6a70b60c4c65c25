"""Attestations that stand among data and prompts: about the files of a release, and no component themselves."""

from __future__ import annotations

from collections.abc import Iterator

from secpipe.core.artifact import FileEntry
from secpipe.core.protocols import Tree

_ENDING = ".att.json"
_START = b'{"mediaType":"application/vnd.dev.sigstore.bundle'


def is_attestation(entry: FileEntry) -> bool:
    """Whether a file is called an attestation and begins like one; whether it is one, only its verification tells."""
    return entry.name.endswith(_ENDING) and entry.head.startswith(_START)


def among_data(tree: Tree) -> Iterator[str]:
    """Yield the paths of those that would be data or prompts if they were not what they are called."""
    from secpipe.sbom.sources.datasets import format_of
    from secpipe.sbom.sources.prompts import is_prompt

    for entry in tree.files:
        if is_attestation(entry) and (format_of(entry) or is_prompt(entry)):
            yield entry.path
