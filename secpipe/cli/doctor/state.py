"""The user's state as `secpipe doctor` sees it: folders and their permissions, trust, advisory data."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from secpipe.cli.doctor.item import Item
from secpipe.core import times
from secpipe.core.text import plural, printable

if TYPE_CHECKING:
    from secpipe.core.trust import Trust
    from secpipe.keys.schedule import Schedule
    from secpipe.keystore.trusted import Opened

_SOON = timedelta(days=30)
_OLD = timedelta(days=30)
_UPDATE = "secpipe advisories update --from URL"


def folders() -> Iterator[Item]:
    """Private keys must be readable by their owner only; the cache must be writable."""
    from secpipe.keystore.home import keys_folder, records
    from secpipe.system.places import cache_folder, home

    yield _private("SECPIPE_HOME", home())
    keys = keys_folder(home())
    if keys.is_dir():
        yield _private("private keys", keys)
        loose = [file for file in sorted(keys.iterdir()) if _others(file)]
        for file in loose:
            said = f"{printable(str(file))} can be read by others"
            yield Item("your folders", "private keys", "broken", said, f"chmod 600 {printable(str(file))}")
        yield Item("your folders", "private keys", "ok", f"{plural(len(list(records(home()))), 'key')} on this machine")
    cache = cache_folder()
    nearest = next(folder for folder in (cache, *cache.parents) if folder.exists())
    writable = os.access(nearest, os.W_OK)
    said = printable(str(cache)) + ("" if writable else " cannot be written: every check starts afresh")
    yield Item("your folders", "SECPIPE_CACHE", "ok" if writable else "attention", said)


def _private(name: str, folder: Path) -> Item:
    shown = printable(str(folder))
    if not folder.exists():
        return Item("your folders", name, "absent", f"{shown} does not exist yet", "secpipe keys init makes it")
    if _others(folder):
        return Item("your folders", name, "broken", f"{shown} is open to others", f"chmod 700 {shown}")
    return Item("your folders", name, "ok", shown)


def _others(path: Path) -> bool:
    """Whether group or others have any right (POSIX; Windows relies on its ACLs)."""
    return sys.platform != "win32" and bool(stat.S_IMODE(path.stat().st_mode) & 0o077)


def trusted(folder: Path, now: datetime) -> Iterator[Item]:
    """The trust root and ring in `folder`, how long they last, and when keys rotate."""
    from secpipe.cli.keys.rotate import schedule_of
    from secpipe.keystore.foresight import obstacles
    from secpipe.keystore.trusted import open_folder
    from secpipe.system import places

    shown = printable(str(folder))
    if not (folder / "root").is_dir():
        said = f"there is no trust root in {shown}, so no signature can be verified"
        yield Item("trust", "trust root", "absent", said, "secpipe keys init, or --trust FOLDER")
        return
    opened = open_folder(folder, now=None)
    trust = opened.trust
    yield _until("trust root", f"version {trust.root_version} in {shown}", trust.root_expires, now)
    yield _until("key ring", f"version {trust.ring_version}", trust.ring_expires, now)
    yield from _unverifiable(trust)
    yield _rotation(opened, schedule_of(str(folder)), now)
    for name, why in obstacles(opened, places.home()).items():
        yield Item("trust", f"rotation of {name}", "attention", f"will not rotate here: {why}")


def _unverifiable(trust: Trust) -> Iterator[Item]:
    """Which keys of the ring no library here can verify: what they signed is undecided on this machine."""
    from secpipe.keystore.backends import unable

    lost = [
        (f"{identity.name} version {version.version} ({half.algorithm})", why)
        for identity in trust.identities
        for version in identity.versions
        for half in version.halves
        if (why := unable(half.algorithm))
    ]
    if not lost:
        return
    names, more = ", ".join(name for name, _ in lost[:5]), f" and {len(lost) - 5} more" * (len(lost) > 5)
    hint = "OpenSSL 3.5 or newer (SECPIPE_LIBCRYPTO), or liboqs (OQS_INSTALL_PATH)"
    yield Item("trust", "keys", "broken", f"this machine cannot verify {names}{more}: {printable(lost[0][1])}", hint)


def _rotation(opened: Opened, schedule: Schedule, now: datetime) -> Item:
    """When the schedule wants the next key version, or what is due already."""
    from secpipe.keys.plan import plan_ring

    plan = plan_ring(opened.ring, schedule, now)
    if plan.steps:
        names = ", ".join(printable(step.identity, 60) for step in plan.steps)
        return Item("trust", "next rotation", "attention", f"due now: {names}", "secpipe keys rotate --if-due")
    said = f"on {plan.next_due:%Y-%m-%d}" if plan.next_due else "never: the ring holds no identity"
    return Item("trust", "next rotation", "ok", said)


def _until(name: str, said: str, end: datetime, now: datetime) -> Item:
    if now >= end:
        return Item("trust", name, "broken", f"{said}, EXPIRED on {end:%Y-%m-%d}", "secpipe trust update")
    left = f"{said}, until {end:%Y-%m-%d} ({plural((end - now).days, 'day')})"
    return (
        Item("trust", name, "attention", left, "secpipe trust update")
        if end - now < _SOON
        else Item("trust", name, "ok", left)
    )


def advisories(now: datetime) -> Iterator[Item]:
    """How old the knowledge about vulnerabilities is."""
    from secpipe.scan.vulnerabilities.local import open_store

    about = open_store(now=now).about
    date, source = str(about["date"])[:10], printable(str(about["source"]), 80)
    said = f"{about['records']:,} records of {date or 'no date'}, {source}"
    if about.get("note"):
        yield Item("advisories", "local store", "attention", printable(str(about["note"]), 300))
    known = times.maybe_day(date)
    if known is None:
        yield Item("advisories", "data", "attention", said, _UPDATE)
        return
    age = now.date() - known
    if age < timedelta(days=-1):
        yield Item(
            "advisories", "data", "broken", f"{said}: in the future, so this machine's clock is wrong", "set the clock"
        )
    elif age > _OLD:
        yield Item(
            "advisories",
            "data",
            "attention",
            f"{said}, {plural(age.days, 'day')} old",
            _UPDATE,
        )
    else:
        yield Item("advisories", "data", "ok", said)
