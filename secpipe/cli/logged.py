"""The one hook by which acts reach a log: where `SECPIPE_LOG` or a pinned policy names one, they are logged first."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from secpipe.gate.policies.policy import Policy

VARIABLE = "SECPIPE_LOG"


def log_folder(policy: Policy | None = None, *, pinned: bool = False) -> Path | None:
    """Return the folder of the log that acts go to, or None.

    The user's own environment comes first. A policy that nothing pins names no place to write to: whoever proposes a
    change could send the entries anywhere.
    """
    if given := os.environ.get(VARIABLE):
        return Path(given)
    return Path(policy.log.folder) if policy is not None and pinned and policy.log.folder else None


def logged(folder: Path | None, kind: str, digest: str, now: datetime, **about: str) -> None:
    """Log an act durably before it takes effect, and say so; does nothing where no log is configured.

    No key is needed. Raises SecpipeError where a log is configured and cannot be written: what must be logged and is
    not does not happen.
    """
    if folder is None:
        return
    from secpipe.log.entry import Entry
    from secpipe.log.folder import Log
    from secpipe.system.outputs import tell

    done = Log(folder).append([Entry(kind, now, digest, about).encode()])
    if done.torn:
        tell(f"secpipe: repaired: {done.torn}")
    tell(f"secpipe: logged as entry {done.first}: {kind}")


def logged_ring(kind: str, trust: str, **about: str) -> None:
    """Log that the keyring in the folder `trust` is what it is now, as `logged` does; the ring names its own past."""
    folder = log_folder()
    if folder is None:
        return
    from secpipe.keystore.trusted import open_folder
    from secpipe.system.clock import SystemClock

    now = SystemClock().now()
    found = open_folder(Path(trust), now=now)
    ring = found.ring
    logged(
        folder, kind, ring.newest.digest, now,
        ring=str(ring.version), root=str(found.root.version), anchor=found.anchor, **about,
    )  # fmt: skip
