"""What this machine has signed or seen signed, by path: what is bare, renamed or older now was exchanged."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from secpipe.core import times
from secpipe.core.shape import Fields
from secpipe.keys.wire import pretty, read
from secpipe.system import files, locks

_LIMIT = 4 << 20
#: The oldest are forgotten first: what signs and verifies daily stays.
MOST = 10_000


@dataclass(frozen=True, slots=True)
class Before:
    """The subject name and version (or "") that a path was signed under, and when this machine saw that."""

    name: str
    version: str
    seen: datetime


def recall(home: Path, anchor: str) -> dict[str, Before]:
    """Return absolute path -> what was signed there under the trust root `anchor`.

    Raises InputError for a damaged file.
    """
    place = _place(home, anchor)
    if not place.is_file():
        return {}
    what = "the memory of signed artifacts"
    table = read(files.read_bytes(place, _LIMIT, follow=False), what)
    return {path: _row(value, what) for path, value in Fields(table, what).mapping("artifacts").items()}


def remember(home: Path, anchor: str, seen: Mapping[str, Before], forgotten: Collection[str] = ()) -> None:
    """Add what was seen and drop the paths in `forgotten`, durably; raises SecpipeError for a home not writable."""
    if not seen and not forgotten:
        return
    files.make_folder(home, mode=0o700)
    files.make_folder(home / "seen", mode=0o700)
    with locks.lock(home / "seen" / ".lock"):
        known = recall(home, anchor)
        old = {path: one for path, one in known.items() if path not in forgotten}
        if len(old) == len(known) and all(path in old and _same(old[path], new) for path, new in seen.items()):
            return
        newest = sorted((old | dict(seen)).items(), key=lambda item: item[1].seen, reverse=True)[:MOST]
        rows = {
            path: {"name": one.name, "version": one.version, "seen": times.rfc3339(one.seen)} for path, one in newest
        }
        files.write_atomic(_place(home, anchor), pretty({"artifacts": rows}), mode=0o600)


def _same(old: Before, new: Before) -> bool:
    return (old.name, old.version) == (new.name, new.version)


def _row(value: object, what: str) -> Before:
    fields = Fields(value, what)
    return Before(fields.text("name"), fields.text("version"), fields.time("seen"))


def _place(home: Path, anchor: str) -> Path:
    return home / "seen" / f"signed-{anchor}.json"
