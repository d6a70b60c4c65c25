"""How old the advisory data is that judged each ecosystem, and which of it is too old for a policy. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from secpipe.core import shape, times
from secpipe.core.artifact import Skip
from secpipe.core.evidence import Evidence, State
from secpipe.core.text import plural, printable
from secpipe.gate.facts import mapping
from secpipe.gate.policies.policy import Policy
from secpipe.scan.vulnerabilities import SNAPSHOT

#: Data older than this is worth a warning, whatever the policy allows.
WARNS = timedelta(days=7)
#: The path under which data that is too old is accepted; behind it stand ecosystem and day.
PLACE = "advisories/"


@dataclass(frozen=True, slots=True)
class Data:
    """The advisory data that judged the packages of one ecosystem ("": nothing says which)."""

    ecosystem: str
    made: datetime
    embedded: bool = False  # came with secpipe

    @property
    def path(self) -> str:
        """What an acceptance names: data of another day asks again."""
        return f"{PLACE}{self.ecosystem or 'all'}/{self.made:%Y-%m-%d}"

    def told(self, now: datetime) -> str:
        """Return of when it is and how old."""
        home = f" for {self.ecosystem}" if self.ecosystem else ""
        return f"the advisory data{home} is of {self.made:%Y-%m-%d}, {plural((now - self.made).days, 'day')} old"


def used(evidence: Evidence) -> Iterator[Data]:
    """Yield the data that judged, the oldest of each ecosystem; what has no date is not here."""
    about = mapping(evidence, "advisories")
    before = {**about, "embedded": about.get("source") == SNAPSHOT}  # evidence of before ecosystems were told apart
    rows = shape.listing(about.get("used")) if "used" in about else [before]
    oldest: dict[str, Data] = {}
    for row in map(shape.mapping, rows):
        made = times.maybe_moment(row.get("date"))
        home = printable(str(row.get("ecosystem", "")), 40)
        if made is not None and (home not in oldest or made < oldest[home].made):
            oldest[home] = Data(home, made, row.get("embedded") is True)
    yield from oldest.values()


def too_old(evidence: Evidence, policy: Policy, now: datetime) -> dict[Skip, Data]:
    """Return the data that is older than the policy allows, by how it is told; empty where any age will do."""
    most = policy.vulnerabilities.max_age_days
    if not most or evidence.state is not State.OK:
        return {}
    late = (one for one in used(evidence) if _is_late(one, most, now) and not spared(one, policy, now))
    return {Skip(one.path, f"{one.told(now)}; the policy allows {most}"): one for one in late}


def spared(one: Data, policy: Policy, now: datetime) -> bool:
    """Whether data counts, though it is too old, because it came with secpipe and the policy says until when."""
    most, until = policy.vulnerabilities.max_age_days, policy.vulnerabilities.embedded_until
    old = most > 0 and _is_late(one, most, now)
    return old and one.embedded and until is not None and now.date() <= until


def _is_late(one: Data, most: int, now: datetime) -> bool:
    return now - one.made > timedelta(days=min(most, timedelta.max.days))


def day(made: datetime, now: datetime) -> str:
    """Return the day as people say it."""
    near: dict[date, str] = {now.date(): "today", now.date() - timedelta(days=1): "yesterday"}
    return near.get(made.date(), f"{made:%Y-%m-%d}")
