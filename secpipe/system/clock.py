"""The real clock and the one that `--at` simulates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from secpipe.core import times
from secpipe.core.errors import ConfigError


class SystemClock:
    """Now, in UTC, to the second."""

    def now(self) -> datetime:
        return datetime.now(UTC).replace(microsecond=0)


@dataclass(frozen=True, slots=True)
class FixedClock:
    """Always the same instant."""

    instant: datetime

    def now(self) -> datetime:
        return self.instant


def parse_day(text: str) -> date:
    """Return the day that `text` (YYYY-MM-DD) names; raise ConfigError."""
    if (day := times.maybe_day(text)) is None:
        raise ConfigError(f'"{text}" is not a day', hint="2026-11-21")
    return day


def parse_time(text: str) -> datetime:
    """Return the UTC instant of an RFC 3339 time, or midnight UTC of a date; raise ConfigError."""
    if (instant := times.maybe_moment(text)) is None:
        raise ConfigError(f'"{text}" is not a time', hint="2026-11-21 or 2026-11-21T12:00:00Z")
    return instant.replace(microsecond=0)
