"""Endorsements that this machine has verified before, so that a long chain costs its signatures once.

A proof says one thing for ever: these bytes of a key version carry the signatures of that predecessor and of its own
key. No date, state, place in the ring or root rests on it; those are judged every time. Kept as other results are
(docs/adr/0018-kept-results.md): under a key of the user's own, and never where a foreign change may run.
"""

from __future__ import annotations

import os
from pathlib import Path

import cryptography

from secpipe.core.version import __version__
from secpipe.keys.successor import Proofs
from secpipe.system import diskcache, places
from secpipe.system.believable import may_carry_a_foreign_change
from secpipe.system.links import is_judged

_WORTH = 16  # fewer are verified faster than they are looked up
_MOST = 100_000


def recall(folder: Path, anchor: str) -> Proofs:
    """Return what was proven of the trust root `anchor` (hex SHA-256 of root 1); nothing where it may not be known."""
    place = _place(folder, anchor)
    kept = diskcache.find(place) if place else None
    return Proofs(frozenset(kept) if isinstance(kept, list) else frozenset())


def keep(folder: Path, anchor: str, proofs: Proofs) -> None:
    """Keep what a ring rests on that was accepted; that it cannot be kept is no error."""
    fresh = proofs.used - proofs.known
    place = _place(folder, anchor) if len(fresh) >= _WORTH else None
    if place:
        diskcache.keep(place, sorted(proofs.used)[:_MOST])


def _place(folder: Path, anchor: str) -> Path | None:
    """Where the proofs lie, by the library that verified them; None where whoever made the folder could have them."""
    stores = (places.home(), places.cache_folder())
    around = folder.resolve().parent
    if may_carry_a_foreign_change(os.environ) or any(
        is_judged(store) or store.resolve().is_relative_to(around) for store in stores
    ):
        return None
    return places.cache_folder() / f"proofs-{__version__}-{cryptography.__version__}" / anchor
