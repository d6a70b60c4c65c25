"""`keys/rotation.toml`: how often keys rotate, and which algorithms sign and are accepted when."""

from __future__ import annotations

import hashlib
import re
import tomllib
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from secpipe.core.errors import ConfigError
from secpipe.core.text import did_you_mean
from secpipe.core.trust import FLOORS
from secpipe.keys.schemes import scheme

SCHEMA = "secpipe.rotation/1"
_DURATION = re.compile(r"P(?:([0-9]{1,5})W)?(?:([0-9]{1,5})D)?(?:T(?:([0-9]{1,5})H)?(?:([0-9]{1,5})M)?)?\Z")
_KNOWN = {"schema", "period", "lead", "overlap", "jitter", "ring_validity", "late", "snapshot", "algorithms"}
_STAGE = {"halves", "accept_from", "sign_from", "sign_until", "accept_until", "require"}


@dataclass(frozen=True, slots=True)
class Stage:
    """One algorithm set with two windows: when it makes new keys, and when its signatures are accepted.

    `require` is the floor that those who verify ask for by then (`verify --require`, a policy's `require`).
    """

    halves: tuple[str, ...]
    accept_from: datetime
    sign_from: datetime
    sign_until: datetime | None = None
    accept_until: datetime | None = None
    require: str = "classical+pq"

    @property
    def withheld(self) -> str:
        """Why no key of this set may be made: its verifiers could not use it; or ""."""
        if FLOORS[self.require] <= {scheme.get(name).half for name in self.halves}:
            return ""
        return (
            f"verifiers that require {self.require} could not use {self.name}; if they take such keys by then, say "
            f'so in its [[algorithms]]: require = "{scheme.get(self.halves[0]).half}"'
        )

    @property
    def name(self) -> str:
        return "+".join(self.halves)


@dataclass(frozen=True, slots=True)
class Schedule:
    """When rotations are due. A version signs for `period` plus `overlap`; its successor is published `lead` before.

    `jitter` moves each identity's date earlier by a fixed share of itself, so that a fleet does not rotate at once.
    """

    period: timedelta = timedelta(days=90)
    lead: timedelta = timedelta(days=14)
    overlap: timedelta = timedelta(days=14)
    jitter: timedelta = timedelta(days=3)
    ring_validity: timedelta = timedelta(days=400)
    stages: tuple[Stage, ...] = ()
    late: timedelta | None = None  # how long after a version stopped signing it may endorse; None: ring_validity

    snapshot: timedelta | None = None  # how long a statement of the newest ring holds; None: none is made

    def early(self, identity: str, version: int) -> timedelta:
        """Return how much earlier than the period this version hands over; the same on every machine."""
        share = int.from_bytes(hashlib.sha256(f"{identity}/{version}".encode()).digest()[:4], "big") / 2**32
        return timedelta(seconds=int(self.jitter.total_seconds() * share))

    def withheld_at(self, now: datetime) -> bool:
        """Whether a set of algorithms is due, or will be within the lead, and may make no keys."""
        return any(stage.withheld and stage.sign_from <= now + self.lead for stage in self.stages)

    def stage(self, now: datetime) -> Stage | None:
        """Return the algorithm set that makes new keys at `now`: the one that started last, and is not withheld."""
        signing = [
            stage
            for stage in self.stages
            if stage.sign_from <= now and (stage.sign_until is None or now < stage.sign_until) and not stage.withheld
        ]
        return max(signing, key=lambda stage: stage.sign_from, default=None)


def parse_duration(text: str) -> timedelta:
    """Return an ISO 8601 duration in weeks, days, hours and minutes (`P90D`, `P2W`, `PT6H`); raises ConfigError."""
    match = _DURATION.match(text)
    numbers = [int(group or 0) for group in match.groups()] if match else [0]
    if not any(numbers):
        raise ConfigError(f'"{text}" is not a duration', hint="P90D is ninety days, P2W two weeks, PT6H six hours")
    weeks, days, hours, minutes = numbers
    return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes)


def parse_schedule(data: bytes, what: str) -> Schedule:
    """Read `rotation.toml`; unknown keys are errors. Raises ConfigError."""
    try:
        table = tomllib.loads(data.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{what} is not TOML: {error}") from None
    if table.get("schema") != SCHEMA:
        raise ConfigError(f'{what} does not say schema = "{SCHEMA}"')
    _refuse_unknown(table, _KNOWN, what)
    spans = {
        name: parse_duration(_string(table, name, what))
        for name in ("period", "lead", "overlap", "jitter", "ring_validity", "late", "snapshot")
        if name in table
    }
    stages = table.get("algorithms", [])
    if not isinstance(stages, list):
        raise ConfigError(f"{what}: algorithms is a list of tables: [[algorithms]]")
    schedule = Schedule(**spans, stages=tuple(_stage(item, what) for item in stages))
    check_schedule(schedule, what)
    return schedule


def key_days(schedule: Schedule) -> int:
    """Return how many days automation may let a key version sign: twice what the schedule plans, and a month."""
    return 2 * (schedule.period + schedule.overlap).days + 30


def check_schedule(schedule: Schedule, what: str) -> None:
    """Raise ConfigError for a schedule that would break verifiers or leave a gap."""
    if schedule.period < timedelta(hours=1):
        raise ConfigError(f"{what}: a period under one hour leaves verifiers no time to learn of new keys")
    if schedule.lead + schedule.jitter >= schedule.period:
        raise ConfigError(f"{what}: lead and jitter together must be shorter than the period")
    if schedule.overlap > schedule.period:
        raise ConfigError(f"{what}: an overlap longer than the period keeps three keys signing")
    if schedule.ring_validity <= schedule.period:
        raise ConfigError(f"{what}: the keyring would expire before the next rotation")


def _stage(item: object, what: str) -> Stage:
    if not isinstance(item, dict):
        raise ConfigError(f"{what}: algorithms is a list of tables: [[algorithms]]")
    _refuse_unknown(item, _STAGE, what)
    halves = item.get("halves")
    if not isinstance(halves, list) or not 1 <= len(halves) <= 2:
        raise ConfigError(f"{what}: halves is a list of one or two algorithms")
    classes = [scheme.get(str(name)).half for name in halves]
    if classes != sorted(set(classes)):
        raise ConfigError(f"{what}: halves are one classical, then one post-quantum algorithm")
    accept_from, sign_from = _time(item, "accept_from", what), _time(item, "sign_from", what)
    if accept_from is None or sign_from is None:
        raise ConfigError(f"{what}: an algorithm set needs accept_from and sign_from")
    require = item.get("require", "classical+pq")
    if not isinstance(require, str) or require not in FLOORS:
        raise ConfigError(f"{what}: require is one of {', '.join(FLOORS)}")
    stage = Stage(
        tuple(halves), accept_from, sign_from, _time(item, "sign_until", what), _time(item, "accept_until", what),
        require,
    )  # fmt: skip
    order = [stage.accept_from, stage.sign_from, stage.sign_until or stage.accept_until, stage.accept_until]
    known = [time for time in order if time is not None]
    if known != sorted(known) or (stage.accept_until and not stage.sign_until):
        raise ConfigError(
            f"{what}: {stage.name} must be accepted before it signs, and stop signing before it stops being accepted"
        )
    return stage


def _string(table: dict[str, Any], name: str, what: str) -> str:
    value = table[name]
    if not isinstance(value, str):
        raise ConfigError(f'{what}: {name} is a duration such as "P90D"')
    return value


def _time(table: dict[str, Any], name: str, what: str) -> datetime | None:
    value = table.get(name)
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC).replace(microsecond=0)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    if value is not None:
        raise ConfigError(f"{what}: {name} is a TOML date such as 2032-01-01")
    return None


def _refuse_unknown(table: dict[str, Any], known: set[str], what: str) -> None:
    for name in table:
        if name not in known:
            raise ConfigError(f'{what}: unknown key "{name}"', hint=did_you_mean(name, known))
