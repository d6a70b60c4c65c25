"""Times as RFC 3339 writes them, in and out: the one place that reads or writes a time or a day as text."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)


def instant(text: object) -> datetime:
    """Return the UTC instant that an RFC 3339 date-time names.

    Raises ValueError for everything else: no text, no time zone (nobody knows which is meant), a year beyond 9999 in
    UTC, a week date, a leap second.
    """
    if not isinstance(text, str) or not _INSTANT.fullmatch(text):
        raise ValueError("no RFC 3339 time with its time zone")
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except OverflowError:
        raise ValueError("a time beyond the years 1 to 9999") from None


def maybe_instant(text: object) -> datetime | None:
    """Return what `instant` does, or None where it raises."""
    try:
        return instant(text)
    except ValueError:
        return None


def day(text: object) -> date:
    """Return the day that an RFC 3339 full-date (`2026-11-21`) names; raises ValueError for everything else."""
    if not isinstance(text, str) or not _DAY.fullmatch(text):
        raise ValueError("no RFC 3339 day")
    return date.fromisoformat(text)


def moment(text: object) -> datetime:
    """Return the instant that a time names, or midnight UTC of a day; raises ValueError for everything else."""
    if isinstance(text, str) and len(text) == 10:
        return datetime.combine(day(text), datetime.min.time(), UTC)
    return instant(text)


def maybe_moment(text: object) -> datetime | None:
    """Return what `moment` does, or None where it raises."""
    try:
        return moment(text)
    except ValueError:
        return None


def maybe_day(text: object) -> date | None:
    """Return what `day` does, or None where it raises."""
    try:
        return day(text)
    except ValueError:
        return None


def rfc3339(moment: datetime) -> str:
    """Return an instant as `2026-11-21T12:00:00Z`, to the second: such texts sort as the times do.

    Raises ValueError for a time without a zone, or one that is beyond the years 1 to 9999 in UTC.
    """
    return _utc(moment).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def exact(moment: datetime) -> str:
    """Return an instant in UTC with nothing lost, for what is read back. Raises ValueError as `rfc3339` does."""
    return _utc(moment).isoformat()


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a time without a time zone")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("a time beyond the years 1 to 9999") from None
