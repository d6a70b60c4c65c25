"""Package.resolved (Swift packages, versions 1 to 3): repositories with the version and commit each was pinned to."""

from __future__ import annotations

import re

from secpipe.core.documents import parse_json
from secpipe.core.errors import InputError
from secpipe.formats.locks.library import elsewhere, library
from secpipe.formats.locks.lines import any_value_lines
from secpipe.formats.locks.lock import Lock

_ADDRESS = re.compile(r"(?:(?:https?|ssh|git)://)?(?:[^/@\s]*@)?([\w.-]+(?::\d+)?)[/:]([^\s?#]+?)(?:\.git)?/?")


def read(found: Lock) -> None:
    """Read one Package.resolved; the name of a package is its repository, as advisories write it."""
    document = parse_json(found.data, found.name, found.limits)
    pins = (document.get("object") or document).get("pins") if isinstance(document, dict) else None
    if not isinstance(pins, list):
        raise InputError("Package.resolved holds no list of pins")
    lines = any_value_lines(found.data, ("location", "repositoryURL"))
    for pin in pins:
        location = str(pin.get("location") or pin.get("repositoryURL") or "")
        state = pin.get("state") or {}
        version, commit = str(state.get("version") or ""), str(state.get("revision") or "")
        line = lines.get(location, 0)
        match = _ADDRESS.fullmatch(location)
        if match and version and pin.get("kind", "remoteSourceControl") != "localSourceControl":
            name = f"{match[1]}/{match[2]}"
            found.add(library("SwiftURL", name, version, path=found.path, line=line, facts={"commit": commit}))
        else:
            name = str(pin.get("identity") or pin.get("package") or "package")
            found.add(elsewhere(name, version, path=found.path, line=line, url=location, commit=commit))
