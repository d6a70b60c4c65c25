"""Keep one small set of each kind: `python -m tests.honest.models.libraries.store FOLDER`, after `make honest`.

Writes `tests/honest/models/stored.tar.xz`, which the default run of the tests scans; the same files give the same bytes.
"""

# ruff: noqa: E501  # one call a line reads as a table
from __future__ import annotations

import io
import lzma
import re
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

STORED = Path(__file__).resolve().parents[1] / "stored.tar.xz"
MOST = 40_000  # bytes of one kind
_PLACE = re.compile(rb"/(?:tmp|home|root|work|usr|Users)/")  # a file that names where it was made is not kept


def chosen(kind: Path) -> list[Path]:
    """Return the files of the first set that is small enough, none where every one is larger or names a place."""
    for number in sorted((path for path in kind.iterdir() if path.is_dir()), key=lambda path: int(path.name)):
        files = sorted(path for path in number.rglob("*") if path.is_file())
        data = b"".join(path.read_bytes() for path in files)
        if data and len(data) <= MOST and not any(map(_PLACE.search, (data, *members(files)))):
            return files
    return []


def members(files: list[Path]) -> Iterator[bytes]:
    """Yield what stands in the ZIP archives among files."""
    for path in filter(zipfile.is_zipfile, files):
        with zipfile.ZipFile(path) as archive:
            yield from map(archive.read, archive.namelist())


def main(folder: Path) -> None:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for kind in sorted(path for path in folder.iterdir() if path.is_dir()):
            for path in chosen(kind):
                info = tarfile.TarInfo(path.relative_to(folder).as_posix())
                info.size = path.stat().st_size
                archive.addfile(info, io.BytesIO(path.read_bytes()))
    STORED.write_bytes(lzma.compress(made.getvalue(), preset=9))
    print(f"{STORED.name}: {STORED.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
