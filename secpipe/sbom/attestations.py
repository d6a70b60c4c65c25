"""What an attestation looks like among the files of a release, before anybody has verified it."""

from __future__ import annotations

from secpipe.core.artifact import FileEntry

_ENDING = ".att.json"
_START = b'{"mediaType":"application/vnd.dev.sigstore.bundle'


def is_attestation(entry: FileEntry) -> bool:
    """Whether a file is called an attestation and begins like one; whether it is one, only its verification tells."""
    return entry.name.endswith(_ENDING) and entry.head.startswith(_START)
