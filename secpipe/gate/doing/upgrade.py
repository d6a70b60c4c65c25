"""The package manager's own command that raises one package in the lock file it came from."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Mapping
from fnmatch import fnmatchcase
from functools import cache, lru_cache
from typing import Any

from secpipe.core.do import Do, fix
from secpipe.gate.doing.call import Call
from secpipe.system import files, places

#: Names that no manager takes for an option, a path, an address or a file: `-r`, `../x` and `git+https://` are none.
_NAME = re.compile(r"(?:@[A-Za-z0-9][\w.-]*/)?[A-Za-z0-9](?:[\w.-]|/(?=[A-Za-z0-9]))*", re.ASCII)
_VERSION = re.compile(r"[0-9][0-9A-Za-z.+!_-]*", re.ASCII)
_SLASHED = ("npm", "Go")  # whose names may hold a slash


def command(package: Mapping[str, Any], version: str, lock: str, paths: Collection[str], call: Call) -> Do | None:
    """Return the command that brings `package` (an audit finding's details) to `version` in `lock`, or None.

    None where the manager has no such command, or where name or version is of a form that it could misread. `paths`
    are the files of the release.
    """
    folder, _, base = lock.rpartition("/")
    name, now, ecosystem = (str(package.get(key) or "") for key in ("package", "version", "ecosystem"))
    version, now = version.removeprefix("v"), now.removeprefix("v")
    plain = "/" not in name or ecosystem in _SLASHED
    if not (plain and _NAME.fullmatch(name) and _VERSION.fullmatch(version) and _VERSION.fullmatch(now)):
        return None
    stem = base.rpartition(".")[0]
    for row in _rows(base):
        inputs = "/".join(filter(None, (folder, row["needs"].replace("{stem}", stem)))) if "needs" in row else folder
        if "needs" in row and inputs not in paths:
            continue
        words = row.get("indirect", row["run"]) if package.get("direct") is False else row["run"]
        values = {
            "folder": call.under(folder), "file": call.under(lock), "inputs": call.under(inputs),
            "name": name, "version": version, "now": now,
        }  # fmt: skip
        return fix(*(word.format_map(values) for word in words))
    return None


@lru_cache(256)
def _rows(base: str) -> list[dict[str, Any]]:
    """Return the managers that write a lock file of this name."""
    return [row for row in _table() if fnmatchcase(base, row["lock"])]


@cache
def _table() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = tomllib.loads(
        files.read_bytes(places.shipped() / "upgrades" / "upgrades.toml", 1 << 20).decode()
    )["upgrade"]
    return rows
