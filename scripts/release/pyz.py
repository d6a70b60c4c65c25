"""Make the one-file secpipe: the files of locked wheels in one zip application, the same bytes each time.

Usage: pyz.py OUTPUT PLATFORM WHEEL...     (SOURCE_DATE_EPOCH dates the entries)
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
import zipfile
from pathlib import Path

MAIN = Path(__file__).with_name("pyz_main.py")
#: Folders of a wheel's NAME.data that lie on the import path; scripts and data have no place in one file.
_IMPORTED = ("purelib", "platlib")


def contents(wheels: list[Path]) -> dict[str, bytes]:
    """Return the importable files of all wheels by path; raises ValueError where two wheels claim one path."""
    files: dict[str, bytes] = {}
    for wheel in sorted(wheels, key=lambda path: path.name):
        with zipfile.ZipFile(wheel) as archive:
            for entry in archive.infolist():
                name = entry.filename
                head, _, rest = name.partition(".data/")
                if rest and "/" not in head:
                    kind, _, name = rest.partition("/")
                    name = name if kind in _IMPORTED else ""
                if not name or name.endswith("/"):
                    continue
                if name in files or name.startswith("/") or ".." in name.split("/"):
                    raise ValueError(f"{wheel.name}: {name}")
                files[name] = archive.read(entry)
    return files


def write(output: Path, platform: str, files: dict[str, bytes], epoch: int, python: str) -> None:
    """Write the archive: sorted entries, one date, one mode."""
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())}
    table = {"python": python, "platform": platform, "files": digests}
    entries = {"__main__.py": MAIN.read_bytes(), "contents.json": json.dumps(table, indent=0).encode()}
    entries |= {f"site/{name}": data for name, data in sorted(files.items())}
    with output.open("wb") as stream:
        stream.write(b"#!/usr/bin/env python3\n")
        with zipfile.ZipFile(stream, "w") as archive:
            for name, data in entries.items():
                entry = zipfile.ZipInfo(name, time.gmtime(max(epoch, 315532800))[:6])  # a zip begins with 1980
                entry.create_system, entry.external_attr = 3, 0o100644 << 16
                archive.writestr(entry, data, zipfile.ZIP_DEFLATED, 9)
    output.chmod(0o755)


if __name__ == "__main__":
    output, platform, *wheels = sys.argv[1:]
    files, epoch = contents([Path(wheel) for wheel in wheels]), int(os.environ["SOURCE_DATE_EPOCH"])
    write(Path(output), platform, files, epoch, f"{sys.version_info.major}.{sys.version_info.minor}")
