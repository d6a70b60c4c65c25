"""What the model scan says of bytes, without a tree on disk."""

from __future__ import annotations

import io

from secpipe.core.artifact import FileEntry
from secpipe.core.limits import DEFAULT
from secpipe.scan.models.allow import AllowList, shipped_list
from secpipe.scan.models.context import Sink
from secpipe.scan.models.routes import LOOK
from secpipe.scan.models.scan import scan_file


def outcome(data: bytes, name: str = "model.pkl", allow: AllowList | None = None) -> str:
    """Return `ok`, `review` or `malicious`."""
    sink = Sink(name, DEFAULT, LOOK)
    entry = FileEntry(name, len(data), 0o644, "", data[:64])
    scan_file(lambda: io.BytesIO(data), entry, sink, allow or shipped_list())
    return str(sink.outcome)
