"""What ends or begins by a day: the policy and all that it dates, trust and keys, advisory data, verdicts, law."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from secpipe.core import times
from secpipe.core.documents import parse_toml
from secpipe.core.shape import Table
from secpipe.core.text import plural, printable
from secpipe.core.trust import Trust
from secpipe.gate.policies.policy import Policy
from secpipe.keys.deadlines import Profile
from secpipe.scan.vulnerabilities.store import Feed

LAW = "secpipe.law/1"
#: Days that say when something began, and end nothing.
_BEGAN = frozenset({"accepted"})
_NAMES = ("id", "item", "kind", "providers", "provider", "hosts", "name")


@dataclass(frozen=True, slots=True)
class Due:
    """One dated thing. `of` is policy, trust, key, advisories, verdict, deadline or law; `owner` may be ""."""

    at: datetime
    of: str
    what: str
    owner: str = ""
    do: str = ""

    def to_dict(self, now: datetime) -> dict[str, Any]:
        """Return the JSON row: the time, in how many days (negative: since), and who acts."""
        return {
            "at": times.rfc3339(self.at), "days": (self.at - now).days, "of": self.of, "what": self.what,
            "owner": self.owner, "do": self.do,
        }  # fmt: skip


def within(found: Iterable[Due], now: datetime, days: int) -> list[Due]:
    """Return what falls due within `days`, and what is past and is not law, earliest first."""
    end = now + timedelta(days=days)
    kept = (one for one in found if one.at <= end and (one.at > now or one.of not in ("law", "deadline")))
    return sorted(kept, key=lambda one: (one.at, one.of, one.what))


def of_policy(policy: Policy) -> Iterator[Due]:
    """Yield each date in a resolved policy, wherever it stands: no new key can be forgotten here."""
    yield from _dates(policy, "", policy.owner)


def _dates(value: Any, place: str, owner: str) -> Iterator[Due]:
    owner = str(getattr(value, "owner", "") or owner)
    for field in dataclasses.fields(value):
        inner, name = getattr(value, field.name), f"{place}.{field.name}".lstrip(".")
        if isinstance(inner, date) and field.name not in _BEGAN:
            yield Due(_end(inner), "policy", f"{_called(value)}{name}".strip(), owner, _mend(name))
        elif dataclasses.is_dataclass(inner):
            yield from _dates(inner, name, owner)
        elif isinstance(inner, tuple):
            for each in inner:
                if dataclasses.is_dataclass(each):
                    yield from _dates(each, name, owner)


def _called(value: Any) -> str:
    for name in _NAMES:
        told = getattr(value, name, "")
        text = ", ".join(map(str, told)) if isinstance(told, tuple) else str(told)
        if text and not isinstance(value, Policy):
            return f"{printable(text, 120)}: "
    return ""


def _mend(name: str) -> str:
    heads = {"waiver": "secpipe waive", "shadow_ai.allow": "secpipe approve", "agents.allow": "secpipe approve agent",
             "ledger.accept": "secpipe accept"}  # fmt: skip
    return next((command for head, command in heads.items() if name.startswith(head)), "")


def _end(day: date) -> datetime:
    """Return the last moment of a day (UTC), or the moment itself."""
    if isinstance(day, datetime):
        return day if day.tzinfo else day.replace(tzinfo=UTC)
    return datetime.combine(day, time(23, 59, 59), UTC)


def of_trust(trust: Trust) -> Iterator[Due]:
    """Yield the ends of root and ring, and of each identity's newest key."""
    rotate = "secpipe keys rotate --if-due"
    yield Due(trust.root_expires, "trust", f"root {trust.root_version} expires", do="secpipe keys renew --root")
    yield Due(trust.ring_expires, "trust", f"ring {trust.ring_version} must be renewed", do=rotate)
    if trust.freshness.expires:
        yield Due(trust.freshness.expires, "trust", "the statement of the newest ring ends", do=rotate)
    for one in trust.identities:
        newest = one.versions[-1]
        if not one.origin and newest.compromised_since is None:
            what = f"{one.name} version {newest.version} signs no more"
            yield Due(newest.sign_until, "key", what, one.holder, f"secpipe keys rotate {one.name}")


def of_deadlines(profiles: Sequence[Profile], trust: Trust) -> Iterator[Due]:
    """Yield the dates of authorities that mean a key in use, with how many they mean."""
    keys = [(one.name, [half.algorithm for half in one.versions[-1].halves]) for one in trust.identities]
    for profile in profiles:
        for rule in profile.rules:
            meant = [name for name, halves in keys if rule.touches(halves)]
            if meant:
                who = f"{plural(len(meant), 'identity', 'identities')}: {meant[0]}"
                yield Due(rule.at, "deadline", f"{profile.name}: {rule.what} ({who})")


def of_feeds(feeds: Iterable[Feed]) -> Iterator[Due]:
    """Yield the ends of feeds that name one."""
    for feed in feeds:
        end = times.maybe_instant(feed.expires) if feed.expires else None
        if end:
            yield Due(end, "advisories", f"{printable(feed.name, 80)} expires", do="secpipe advisories update")


def of_verdicts(documents: Iterable[dict[str, Any]]) -> Iterator[Due]:
    """Yield until when the newest verdict of each release and environment holds."""
    newest: dict[tuple[str, str], tuple[str, datetime]] = {}
    for document in documents:
        table = Table(document)
        end = times.maybe_instant(table.text("valid_until", optional=True))
        about = (table.table("subject").text("name", optional=True), table.text("environment", optional=True))
        at = table.text("at", optional=True)
        if end and document.get("exit_code") == 0 and at >= newest.get(about, ("", end))[0]:
            newest[about] = (at, end)
    for (name, environment), (_, end) in newest.items():
        yield Due(end, "verdict", f"the verdict on {name} for {environment} ends", do="secpipe check")


def of_law(data: bytes, what: str) -> Iterator[Due]:
    """Yield the dates of one `policies/law/*.toml`; raises InputError."""
    table = Table(parse_toml(data, what), "")
    if table.text("schema") != LAW:
        raise table.refuse("schema", f"is not {LAW}")
    for row in table.tables("date"):
        day = row.values.get("at")
        if not isinstance(day, date):
            raise row.refuse("at", "is no day")
        begins = datetime.combine(day, time(), UTC)
        yield Due(begins, "law", f"{table.text('name')}, article {row.text('article')}: {row.text('what')}")
