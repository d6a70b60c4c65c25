"""The native libraries behind algorithms, asked in a child process: one that aborts kills nobody."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache

from secpipe.core.errors import SecpipeError
from secpipe.core.registry import load
from secpipe.keys.schemes import raw
from secpipe.keys.schemes.backend import Backend, Library
from secpipe.system import process


@dataclass(frozen=True, slots=True)
class Probed:
    """One library: what is known of it, and for each algorithm "" or why it cannot do it."""

    backend: Backend
    algorithms: dict[str, str]


@cache
def asked() -> tuple[Probed, ...]:
    """Return every library of the table, in order of preference."""
    return tuple(_ask(name) for name in raw.LIBRARIES)


def unable(algorithm: str) -> str:
    """Return "" where this machine can verify `algorithm`, or why not."""
    if algorithm not in raw.RAW or any(not one.algorithms[algorithm] for one in asked()):
        return ""
    return "; ".join(f"{one.backend.name}: {one.algorithms[algorithm]}" for one in asked())


def _ask(name: str) -> Probed:
    def probe() -> bytes:
        library: Library = load(raw.LIBRARIES, name, "backend")
        found = library.probe()
        can = {algorithm: found.reason or library.supports(algorithm) for algorithm in raw.RAW}
        return json.dumps([found.version, found.path, found.reason, can]).encode()

    try:
        version, path, reason, algorithms = json.loads(process.in_child(probe))
    except SecpipeError as error:
        return Probed(Backend(name, "", "", error.message), dict.fromkeys(raw.RAW, error.message))
    return Probed(Backend(name, version, path, reason), algorithms)
