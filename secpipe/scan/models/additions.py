"""What a user allows beyond the shipped list: one name, for some files, until a day, with a reason and an owner."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from fnmatch import fnmatchcase
from typing import Any

from secpipe.core.documents import parse_toml
from secpipe.core.errors import ConfigError
from secpipe.core.limits import DEFAULT, Limits
from secpipe.core.text import as_bytes, printable

_LONGEST = 160  # characters of a name that is printed whole
_SHOWN = 60
_KEYS = {"name", "files", "expires", "owner", "reason"}


@dataclass(frozen=True, slots=True)
class Addition:
    """A dotted name that pickles in matching files may call. `files` is a glob over the path in the tree."""

    name: str
    files: str = "*"

    def covers(self, path: str) -> bool:
        """Tell whether this addition applies to the file at `path`."""
        return fnmatchcase(path, self.files)


def read_additions(data: bytes, now: datetime, limits: Limits = DEFAULT) -> tuple[Addition, ...]:
    """Return the additions of a TOML text that are in force at `now`; raises ConfigError for anything unclear.

    Each `[[allow]]` names all of `name`, `files`, `expires` (a date; the last day it holds), `owner` and `reason`.
    """
    entries = parse_toml(data, "the allow-list", limits).get("allow", [])
    if not isinstance(entries, list):
        raise ConfigError("the allow-list has no [[allow]] tables")
    return tuple(found for entry in entries if (found := _addition(entry, now)) is not None)


def _addition(entry: Any, now: datetime) -> Addition | None:
    if not isinstance(entry, dict) or set(entry) != _KEYS:
        raise ConfigError(f"an [[allow]] entry needs exactly {', '.join(sorted(_KEYS))}")
    expires = entry["expires"]
    if not isinstance(expires, date) or isinstance(expires, datetime):
        raise ConfigError("expires of an [[allow]] entry is no date", hint="expires = 2027-01-31")
    texts = [entry[key] for key in ("name", "files", "owner", "reason")]
    if not all(isinstance(text, str) and text.strip() for text in texts):
        raise ConfigError("name, files, owner and reason of an [[allow]] entry are texts")
    return Addition(entry["name"], entry["files"]) if now.astimezone(UTC).date() <= expires else None


def spelled(name: str) -> str:
    """Return a name as it can be printed and typed: a long or unprintable one is cut, and bound by its digest."""
    if len(name) <= _LONGEST and printable(name) == name:
        return name
    return f"{printable(name, _SHOWN).rstrip('…')}~{hashlib.sha256(as_bytes(name)).hexdigest()[:32]}"


def names_for(path: str, additions: Iterable[str | Addition]) -> frozenset[str]:
    """Return the dotted names that are allowed in the file at `path`; a plain string holds for every file.

    It may be the subject of a finding, which names the archive member before the name.
    """
    found = set[str]()
    for addition in additions:
        if isinstance(addition, str):
            found |= {addition, addition.rpartition("|")[2]}
        elif addition.covers(path):
            found.add(addition.name)
    return frozenset(found)
