"""What a user allows beyond the shipped list: one name, for some files, until a day, with a reason and an owner."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from fnmatch import fnmatchcase
from typing import Any

from secpipe.core.documents import parse_toml
from secpipe.core.errors import ConfigError
from secpipe.core.limits import DEFAULT, Limits

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


def names_for(path: str, additions: Iterable[str | Addition]) -> frozenset[str]:
    """Return the dotted names that are allowed in the file at `path`; a plain string holds for every file.

    It may be the subject of a finding, which names the archive member before the name.
    """
    found = set()
    for addition in additions:
        if isinstance(addition, str):
            found.add(addition.rpartition("|")[2])
        elif addition.covers(path):
            found.add(addition.name)
    return frozenset(found)
