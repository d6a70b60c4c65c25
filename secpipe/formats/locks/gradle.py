"""gradle.lockfile: `group:artifact:version=configurations`, one a line; older locks without configurations."""

from __future__ import annotations

import re

from secpipe.formats.locks.library import library
from secpipe.formats.locks.lock import Lock

_LINE = re.compile(r"([\w.-]+):([\w.-]+):([^\s:=/@]+)(?:=(.*))?")
_BUILD = re.compile(r"test|lint|checkstyle|pmd|detekt|jacoco|ktlint|spotbugs|kapt|annotationProcessor", re.I)


def read(found: Lock) -> None:
    """Read one lock file of Gradle; it holds neither hashes nor edges."""
    for number, raw in enumerate(found.data.decode("utf-8").splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith(("#", "empty=")):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            found.skip(f"line {number} is no locked dependency")
            continue
        groups = [word for part in (match[4] or "").split(",") if (word := part.strip())]
        extra = bool(groups) and all(map(_BUILD.search, groups))
        facts = {"group": " ".join(groups[:20]), "scope": "optional" if extra else ""}
        name = f"{match[1]}:{match[2]}"
        found.add(library("Maven", name, match[3], path=found.path, line=number, facts=facts))
