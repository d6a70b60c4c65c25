"""Which rotations this machine could not make, and why: said before they are due, without opening a private key."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from secpipe.core.errors import SecpipeError
from secpipe.core.text import printable
from secpipe.core.trust import Identity, KeyVersion
from secpipe.keys.plan import Plan
from secpipe.keystore import home as store
from secpipe.keystore.commit import LOST_ROTATION, OWN_ROTATION, own_rotation
from secpipe.keystore.custody.custody import ROTATING
from secpipe.keystore.newkey import is_there
from secpipe.keystore.trusted import Opened


def obstacles(found: Opened, home: Path) -> dict[str, str]:
    """Return identity -> why its newest version cannot be followed by this machine; empty where it does not rotate.

    Only a machine that holds the rotation key is asked: elsewhere it says nothing that a key is absent.
    """
    rotating = {key.public.pem for key in found.ring.delegation.quorum.keys}
    records = store.find(home, "rotation", "rotation", found.anchor)
    if not any({half.pem for half in record.halves} <= rotating for record in records):
        return {}
    ours = [one for one in found.ring.identities if not one.origin]
    reasons = {one.name: _reason(one.name, one.versions[-1], home) or _own(found, one, home) for one in ours}
    return {name: reason for name, reason in reasons.items() if reason}


def _own(found: Opened, identity: Identity, home: Path) -> str:
    if not identity.rotation or own_rotation(found, home, identity):
        return ""
    return f"{OWN_ROTATION.format(identity.name)} ({LOST_ROTATION.format(identity.name)})"


def _reason(name: str, newest: KeyVersion, home: Path) -> str:
    try:
        record = store.read_record(home, newest.id)
    except SecpipeError as error:
        return error.message
    if record is None:
        return (
            f"the private key of version {newest.version} is not on this machine"
            f" (its holder rotates it, or secpipe keys restore FILE; lost: secpipe keys replace {name})"
        )
    for half, place in zip(record.halves, record.custody, strict=True):
        kind = place.partition(":")[0]
        if kind not in ROTATING:
            return (
                f"its {half.algorithm} half lives in {printable(kind, 20)}: custody, where secpipe makes no key"
                f" (make one there, then secpipe keys replace {name})"
            )
        if not is_there(home, place):
            return f"the file of its {half.algorithm} half is gone (secpipe keys restore FILE)"
    return ""


def with_obstacles(plan: Plan, found: Opened, home: Path) -> Plan:
    """Return the plan with each step blocked that this machine cannot make."""
    known = obstacles(found, home)
    steps = (replace(step, blocked=step.blocked or known.get(step.identity, "")) for step in plan.steps)
    return replace(plan, steps=tuple(steps))
