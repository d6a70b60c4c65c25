"""Bringing a feed into a folder of our own before it is judged, so that what was verified is what is read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from secpipe.core.errors import InputError, NetworkError
from secpipe.core.limits import GIB, MIB
from secpipe.core.text import printable
from secpipe.scan.vulnerabilities import manifest
from secpipe.scan.vulnerabilities.manifest import FeedFile, Manifest
from secpipe.system import files, net

_SMALL = 4 * MIB
_DOWNLOAD = GIB // 2
_SECONDS = 300.0

Read = Callable[[str, int], bytes]  # name, limit in bytes


def is_url(source: str) -> bool:
    """Whether a source is fetched rather than read."""
    return source.startswith(("https://", "http://"))


def reader(source: str) -> Read | None:
    """Return how to read a signed feed at `source`; None where a local source has no manifest."""
    if is_url(source):
        return lambda name, limit: net.fetch(f"{source.rstrip('/')}/{name}", limit=limit, timeout=_SECONDS)
    place = Path(source)
    if not (place.is_dir() and (place / manifest.NAME).exists()):
        return None
    return lambda name, limit: files.read_bytes(place / name, limit)


def stage_manifest(read: Read, folder: Path) -> tuple[Manifest, str]:
    """Bring the manifest and its signatures into `folder`; return the manifest and its hex SHA-256."""
    for name in manifest.SIGNED:
        try:
            data = read(name, _SMALL)
        except (InputError, NetworkError):
            if name == manifest.NAME:
                raise
            continue  # the verifier says what a missing half means
        files.write_atomic(folder / name, data)
    data = files.read_bytes(folder / manifest.NAME, _SMALL)
    return manifest.parse_manifest(data), hashlib.sha256(data).hexdigest()


def stage_file(read: Read, folder: Path, named: FeedFile) -> Path:
    """Bring one data file into `folder` and return its place; raises InputError where it is not the one named."""
    data = read(named.name, named.size)
    if len(data) != named.size or hashlib.sha256(data).hexdigest() != named.sha256:
        raise InputError(
            f"{named.name} is not the file that the manifest names", hint="the feed is damaged: fetch it again"
        )
    # Under a fixed prefix: a data file can never stand where the manifest or a signature stood.
    target = folder / f"data-{named.name}"
    files.write_atomic(target, data)
    return target


def download(url: str, folder: Path) -> Path:
    """Fetch one plain file into `folder`."""
    target = folder / ("download.json" if url.endswith(".json") else "download")
    files.write_atomic(target, net.fetch(url, limit=_DOWNLOAD, timeout=_SECONDS))
    return target


def named(source: str) -> str:
    """Return a short name for a source without a manifest: its last part without ending."""
    last = source.rstrip("/").rpartition("/")[2]
    return printable(last.partition(".")[0] or "feed", 100)
