"""Opening the trust root: as it stands, against what this machine has seen before, and against the clock.

A fresh runner remembers nothing: there the policy's `[minimum]` says what is too old. A machine that has judged before
refuses an older or another ring, and a clock that was set back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from secpipe.core import times
from secpipe.core.errors import InputError, SecpipeError, TrustError
from secpipe.core.evidence import Evidence, State, skipped
from secpipe.core.trust import SKEW, Freshness, Trust
from secpipe.keystore import memory
from secpipe.system import places

if TYPE_CHECKING:
    from secpipe.keystore.trusted import Opened

_FORGET = "set the clock; if it was ahead before, remove $SECPIPE_HOME/seen/{}.json"


@dataclass(frozen=True, slots=True)
class Anchor:
    """What everything verified rests on.

    `clock` says why the clock of this machine cannot be right, `mend` what to do about it; `note` why its memory could
    not be used. All are "" where all is well.
    """

    trust: Trust | None
    evidence: Evidence
    opened: Opened | None = None
    clock: str = ""
    mend: str = ""
    note: str = ""


def no_anchor() -> Anchor:
    """Return the anchor of a release that has no trust root."""
    return Anchor(None, skipped("trust", "there is no trust root, so no signature can be verified"))


def open_anchor(folder: Path, pin: str, now: datetime, *, recall: bool) -> Anchor:
    """Return the trust root in `folder`; one that does not hold is evidence, never an exception.

    `recall` holds it against this machine's memory and clock: not where a time is only simulated.
    """
    from secpipe.keystore import trusted  # brings cryptography

    try:
        opened = trusted.open_folder(folder, pin=pin, now=None)
        seen, note = _recall(opened) if recall else (None, "")
        clock, mend = _clock(opened, seen, now) if recall else ("", "")
    except SecpipeError as error:
        return Anchor(None, _refused(error))
    try:
        trust = trusted.assemble(folder, opened.roots, opened.ring, pin, now).trust
    except SecpipeError as error:
        evidence = skipped("trust", clock) if clock else _refused(error)
        return Anchor(None, evidence, None, clock, mend, note)
    facts = {
        "root_version": trust.root_version,
        "ring_version": trust.ring_version,
        "identities": len(trust.identities),
        "root_algorithms": list(trust.root_algorithms),
    }
    if (fresh := trust.freshness) != Freshness():
        known = (("issued", fresh.issued), ("expires", fresh.expires))
        stated = {name: times.rfc3339(when) for name, when in known if when} | {"problem": fresh.problem}
        facts["ring_stated"] = stated
    return Anchor(trust, Evidence("trust", State.OK, facts=facts), opened, clock, mend, note)


def with_policy_clock(anchor: Anchor, policy: str, now: datetime) -> Anchor:
    """Return the anchor with the clock held against the last verdict by this policy (its digest), if no trust tells."""
    try:
        last = memory.last_time(places.home(), policy)
    except InputError as error:
        return replace(anchor, clock=f"when this machine last judged cannot be read: {error.message}")
    except OSError as error:
        return replace(anchor, note=_unusable(error))
    if last is None or now >= last - SKEW:
        return anchor
    return replace(anchor, clock=_before(now, "last verdict", last), mend=_FORGET.format(memory.policy_name(policy)))


def remember(anchor: Anchor, policy: str, now: datetime) -> str:
    """Remember the trust root, or without one the policy (its digest), and the time; return why not, or ""."""
    try:
        if anchor.opened is not None:
            memory.remember(places.home(), anchor.opened, now)
        elif policy:
            memory.remember_time(places.home(), policy, now)
    except OSError as error:
        return _unusable(error)
    except SecpipeError as error:
        return f"nothing is remembered: {error.message}"
    return ""


def _recall(opened: Opened) -> tuple[memory.Seen | None, str]:
    """Return what this machine remembers; raises TrustError for a rollback or fork, InputError for damage."""
    try:
        return memory.guard(places.home(), opened), ""
    except OSError as error:
        return None, _unusable(error)


def _clock(opened: Opened, seen: memory.Seen | None, now: datetime) -> tuple[str, str]:
    newest = max(opened.root.envelope.issued, opened.ring.newest.issued, opened.ring.targets.issued)
    if now < newest - SKEW:
        return _before(now, "key ring", newest), "set the clock"
    if seen is not None and now < seen.time - SKEW:
        return _before(now, "last verdict", seen.time), _FORGET.format(opened.anchor)
    return "", ""


def _before(now: datetime, what: str, then: datetime) -> str:
    return f"the clock says {times.rfc3339(now)}, before the {what} of {times.rfc3339(then)}"


def _refused(error: SecpipeError) -> Evidence:
    if isinstance(error, TrustError):
        return Evidence("trust", State.FAILED, error.message)
    return skipped("trust", error.message)


def _unusable(error: OSError) -> str:
    return f"the memory of this machine cannot be used: {(error.strerror or type(error).__name__).lower()}"
