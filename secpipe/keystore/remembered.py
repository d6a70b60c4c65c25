"""Trust for who acts on it: as it stands in its folder, and held against what this machine has seen before."""

from __future__ import annotations

import contextlib
from datetime import datetime
from pathlib import Path

from secpipe.core.errors import InputError, SecpipeError
from secpipe.core.trust import Trust
from secpipe.keystore.trusted import Opened, demand_fresh, open_folder

_DAMAGED = "secpipe trust forget --all, then secpipe trust update SOURCE"


def open_remembered(
    folder: Path, home: Path, *, pin: str = "", now: datetime, max_ring_age: int = 0, keep: bool = True
) -> Trust:
    """Return the trust in `folder` as `open_trust` does, unless `home` has seen a newer one, or another line of it.

    With `keep` the ring is remembered. A home that is not there or cannot be used has seen nothing. Raises TrustError
    for a rollback or a fork, InputError where the memory is damaged, and what `open_trust` raises.
    """
    opened = open_folder(folder, pin=pin, now=now)
    demand_fresh(opened.trust, now, max_ring_age)
    if keep or (home / "seen" / f"{opened.anchor}.json").is_file():  # who only looks does not pay for what is not there
        _hold(opened, home, keep=keep)
    return opened.trust


def _hold(opened: Opened, home: Path, *, keep: bool) -> None:
    from secpipe.keystore import memory

    try:
        seen = memory.guard(home, opened)
    except OSError:
        return
    except InputError as error:
        raise InputError(error.message, hint=error.hint or _DAMAGED) from None
    if keep and (
        seen is None or (seen.ring_digest, seen.root_version) != (opened.ring.newest.digest, opened.root.version)
    ):
        with contextlib.suppress(SecpipeError, OSError):
            memory.remember(home, opened, max(opened.root.envelope.issued, opened.ring.newest.issued))
