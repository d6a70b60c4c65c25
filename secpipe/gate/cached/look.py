"""One visit a file: what the scans find in it while it is hashed, so that none of them opens it again."""

from __future__ import annotations

from secpipe.core.artifact import FileEntry
from secpipe.gate.cached.cache import parts_of
from secpipe.gate.request import Request
from secpipe.scan.models.scan import Judged, judge_content
from secpipe.scan.shadow_ai.scan import holds_no_term


class FirstLook:
    """Takes each file of a walk with its content. A file that breaks it is left to the scans, as are large ones."""

    def __init__(self) -> None:
        self.quiet: set[str] = set()  # digests of content without a term of the AI catalogue
        self.models: dict[str, Judged] = {}  # path -> what the model scan makes of it

    def __call__(self, entry: FileEntry, data: bytes) -> None:
        try:
            if holds_no_term(entry, data):
                self.quiet.add(entry.sha256)
            self.models[entry.path] = judge_content(entry, data)
        except Exception:  # a defect met on hostile input: the scan meets it too, and says so
            return


def first_look(request: Request) -> FirstLook | None:
    """Return what looks at each file, None where an earlier run has kept what it found in most of them."""
    place = parts_of(request)
    return None if place is not None and place.exists() else FirstLook()
