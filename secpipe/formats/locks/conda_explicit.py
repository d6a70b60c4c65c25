"""conda's explicit lock (`@EXPLICIT`): one address of an artifact a line, with its MD5 or SHA-256 behind `#`."""

from __future__ import annotations

from secpipe.core.errors import InputError
from secpipe.formats.locks.artifacts import conda_parts
from secpipe.formats.locks.conda import conda_package
from secpipe.formats.locks.lock import Lock

_KINDS = {32: "md5", 64: "sha256"}


def read(found: Lock) -> None:
    """Read one explicit list."""
    lines = found.data.decode("utf-8").splitlines()
    if "@EXPLICIT" not in (line.strip() for line in lines):
        raise InputError("this is no explicit list of conda packages")
    for number, raw in enumerate(lines, 1):
        line = raw.strip()
        if not line or line.startswith("#") or line == "@EXPLICIT":
            continue
        url, _, mark = line.partition("#")
        mark = mark.removeprefix("sha256:").removeprefix("md5:").lower()
        kind = _KINDS.get(len(mark), "")
        name, version, _ = conda_parts(url)
        if not name:
            found.skip(f"line {number} names no conda artifact")
            continue
        hashes = [f"{kind}:{mark}"] if kind else []
        found.add(conda_package(name, version, url, path=found.path, line=number, hashes=hashes))
