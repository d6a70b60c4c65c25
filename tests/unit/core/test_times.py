"""Times: RFC 3339 in and out, and nothing else, whatever a file claims to be one."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secpipe.core import times

WRONG = (
    "", "now", "NaN", "nan", "Infinity", "0", "-1", "1e9", "2026-11-21", "2026-11-21T12:00:00", "2026-11-21T12:00Z",
    "2026-11-21 12:00:00Z", "2026-W48-1T12:00:00Z", "20261121T120000Z", "2026-325T12:00:00Z", "10000-01-01T00:00:00Z",
    "+10000-01-01T00:00:00Z", "0000-01-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-11-21T24:00:01Z",
    "2026-11-21T12:00:00+99:00", "2026-11-21T12:00:00Z\n", " 2026-11-21T12:00:00Z", "٢٠٢٦-11-21T12:00:00Z",
    "9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00+01:00",
    None, 7, 1.5, float("nan"), True, [], {}, b"2026-11-21T12:00:00Z", date(2026, 11, 21),
)  # fmt: skip


@pytest.mark.parametrize("text", WRONG, ids=ascii)
def test_what_is_no_time_is_an_error(text: object) -> None:
    with pytest.raises(ValueError):
        times.instant(text)
    assert times.maybe_instant(text) is None


@pytest.mark.parametrize(
    ("text", "hour"),
    [("2026-11-21T12:00:00Z", 12), ("2026-11-21t12:00:00z", 12), ("2026-11-21T14:30:00+02:30", 12),
     ("2026-11-21T12:00:00.123456789Z", 12), ("2026-11-20T23:00:00-13:00", 12)],
)  # fmt: skip
def test_every_form_of_rfc_3339_is_read(text: str, hour: int) -> None:
    assert times.instant(text).replace(microsecond=0) == datetime(2026, 11, 21, hour, tzinfo=UTC)


@pytest.mark.parametrize("text", ["2026-W48-1", "20261121", "2026-1-1", "2026-02-30", "+026-01-01", "", None, 7])
def test_what_is_no_day_is_an_error(text: object) -> None:
    with pytest.raises(ValueError):
        times.day(text)
    assert times.maybe_day(text) is None
    assert times.maybe_moment(text) is None


def test_a_day_is_its_midnight() -> None:
    assert times.moment("2026-11-21") == datetime(2026, 11, 21, tzinfo=UTC)
    assert times.day("2026-11-21") == date(2026, 11, 21)


@given(
    st.datetimes(timezones=st.timezones() | st.builds(timezone, st.timedeltas(timedelta(-1, 60), timedelta(0, 86340))))
)
def test_what_is_written_is_read(when: datetime) -> None:
    try:
        text, whole = times.rfc3339(when), times.exact(when)
    except ValueError:
        assert when.year in (1, 9999)
        return
    assert len(text) == 20
    assert times.instant(text) == when.astimezone(UTC).replace(microsecond=0)
    assert times.instant(whole) == when


def test_a_time_without_a_zone_is_not_written() -> None:
    for write in (times.rfc3339, times.exact):
        with pytest.raises(ValueError):
            write(datetime(2026, 11, 21))
