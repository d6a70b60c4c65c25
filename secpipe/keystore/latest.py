"""`keys/ring/latest.json`: which files are newest, for an update over HTTP. A hint, never trusted."""

from __future__ import annotations

from pathlib import Path

from secpipe.core.errors import InputError
from secpipe.core.shape import Fields
from secpipe.keys.wire import pretty, read
from secpipe.keystore.snapshot import PATH as SNAPSHOT
from secpipe.keystore.trusted import ring_files, root_files
from secpipe.system import files

PATH = "ring/latest.json"


def latest(folder: Path) -> dict[str, int]:
    """Return the newest versions in a folder (root, targets, ring), and `snapshot` where that lies there."""
    found = ring_files(folder)
    base = max((version for version, kind in found if kind == "targets"), default=0)
    if not base:
        raise InputError("there is no keyring", hint="secpipe keys init")
    newest = {"root": len(root_files(folder)), "targets": base, "ring": max(version for version, _ in found)}
    return newest | {"snapshot": 1} if (folder / SNAPSHOT).exists() else newest


def write_latest(folder: Path) -> None:
    """Bring the hint up to date; writes only where it differs."""
    data, path = pretty(latest(folder)), folder / PATH
    if not path.is_file() or files.read_bytes(path, 1 << 16) != data:
        files.write_atomic(path, data)


def parse_latest(data: bytes) -> dict[str, int]:
    """Read the hint of a source; raises InputError."""
    fields = Fields(read(data, "the source's latest.json"), "the source's latest.json")
    optional = [name for name in ("snapshot",) if name in fields.table]
    return {name: fields.integer(name) for name in ("root", "targets", "ring", *optional)}
