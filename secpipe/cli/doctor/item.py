"""What `secpipe doctor` says about one thing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that was looked at. `state`: `ok`, `absent` (optional, not there), `attention`, `broken`."""

    group: str
    name: str
    state: str
    said: str
    hint: str = ""
