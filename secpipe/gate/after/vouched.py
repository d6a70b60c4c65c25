"""Who vouches for an entry of the store: with a trust root only what is signed counts, and what people overruled."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from secpipe.core.errors import SecpipeError
from secpipe.core.trust import Trust
from secpipe.gate.after.past import Head
from secpipe.gate.policies.policy import BreakGlass
from secpipe.gate.verdicts import override, signed
from secpipe.gate.verdicts.override import Grant
from secpipe.gate.verdicts.signed import About, Broken, Held
from secpipe.system import files

#: What the verdict was signed with says how many people and hours; nothing here asks for less than two people.
_RULES = BreakGlass(holders=override.LEAST, max_hours=0)


@dataclass(frozen=True, slots=True)
class Overruled:
    """A no that people overruled. `holders` is empty and `until` None where nothing verified it."""

    until: datetime | None = None
    holders: tuple[str, ...] = ()


class Unvouched:
    """Without a trust root: the store is taken by its word, and what it says can be verified is not."""

    def doubt(self, head: Head) -> str:
        """Return why an entry does not count, or ""."""
        return ""

    def overruled(self, head: Head) -> Overruled | None:
        """Return whether the entry claims that people overruled it."""
        return Overruled() if _claims(head) else None


class Vouched:
    """With a trust root: only verdicts and overrides whose signatures hold today."""

    def __init__(self, trust: Trust, now: datetime) -> None:
        self._trust = trust
        self._now = now

    def doubt(self, head: Head) -> str:
        """Return why an entry does not count, or ""."""
        found = self._held(head)
        return found.error.message if isinstance(found, Broken) else ""

    def overruled(self, head: Head) -> Overruled | None:
        """Return the last override of the verdict that enough people signed and that has begun, or None."""
        found = self._held(head) if _claims(head) else None
        if not isinstance(found, Held) or found.summary.passed or found.summary.self_judged:
            return None
        agreed: dict[Grant, list[str]] = {}
        for one, holder in override.holders_of(found, head.entry.digest, self._trust, self._now):
            span = one.not_after - one.not_before
            if one.not_before <= self._now and span <= timedelta(hours=override.hours_of(found, _RULES)):
                agreed.setdefault(one, []).append(holder)
        enough = override.people(found, _RULES)
        good = [Overruled(one.not_after, tuple(sorted(who))) for one, who in agreed.items() if len(who) >= enough]
        return max(good, key=lambda each: each.until or self._now, default=None)

    def _held(self, head: Head) -> Held | Broken:
        about = About(head.entry.digest, None, head.entry.environment)
        return signed.attempt(head.entry.folder, signed.stamp_of(head.entry), about, self._trust, self._now)


Voucher = Unvouched | Vouched


def _claims(head: Head) -> bool:
    try:
        names: Iterable[str] = files.names(head.entry.folder)
    except SecpipeError:
        return False
    return any(name.startswith(f"{override.PURPOSE}.") for name in names)
