"""Images that compose and Kubernetes files deploy, line by line: templates in them are no YAML yet."""

from __future__ import annotations

import re

from secpipe.core.artifact import FileEntry
from secpipe.sbom.collector import Collector
from secpipe.sbom.sources.dockerfile import image

_IMAGE = re.compile(r"""^\s*(?:-\s+)?image:\s*["']?([\w./:@-]+)["']?\s*(?:#.*)?$""")
_MANIFEST = re.compile(r"^(?:apiVersion|kind|services):", re.MULTILINE)


def read(found: Collector, entry: FileEntry) -> None:
    """Read one YAML file; only a compose file or a Kubernetes manifest gives images."""
    text = found.read(entry).decode("utf-8", "replace")
    if not _MANIFEST.search(text):
        return
    for number, line in enumerate(text.splitlines(), 1):
        if match := _IMAGE.match(line):
            found.add(image(match[1], entry.path, number))
