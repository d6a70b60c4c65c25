"""Attestations that stand among data and prompts: about the files of a release, and no component themselves."""

from __future__ import annotations

from collections.abc import Iterator

from secpipe.core.protocols import Tree
from secpipe.sbom.attestations import is_attestation
from secpipe.sbom.sources.datasets import format_of
from secpipe.sbom.sources.prompts import is_prompt


def among_data(tree: Tree) -> Iterator[str]:
    """Yield the paths of those that would be data or prompts if they were not what they are called."""
    for entry in tree.files:
        if is_attestation(entry) and (format_of(entry) or is_prompt(entry)):
            yield entry.path
