"""Dated profiles: until when a standard or an authority accepts an algorithm. They are data with a source, not code."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from secpipe.core.errors import ConfigError
from secpipe.core.trust import HalfClass
from secpipe.keys.schemes import scheme

SCHEMA = "secpipe.deadlines/1"
#: which key versions a rule speaks of: by their algorithms
_SCOPES = ("classical-only", "contains", "not-hybrid")


@dataclass(frozen=True, slots=True)
class Rule:
    """From `at` on, keys in `scope` are deprecated, or with `breaks` not accepted."""

    at: datetime
    scope: str
    algorithms: tuple[str, ...]
    what: str
    breaks: bool

    def touches(self, halves: Sequence[str]) -> bool:
        """Return whether a key version with these algorithms is meant."""
        classes = {scheme.get(name).half for name in halves}
        if self.scope == "classical-only":
            return classes == {HalfClass.CLASSICAL}
        if self.scope == "not-hybrid":
            return len(classes) == 1
        return any(name in self.algorithms for name in halves)


@dataclass(frozen=True, slots=True)
class Profile:
    """The dates of one authority, as read on `reviewed`."""

    name: str
    title: str
    source: str
    reviewed: date
    rules: tuple[Rule, ...]


def parse_profile(data: bytes, what: str) -> Profile:
    """Read one `policies/deadlines/*.toml`; raises ConfigError."""
    try:
        table = tomllib.loads(data.decode("utf-8"))
        if table["schema"] != SCHEMA:
            raise ConfigError(f'{what} does not say schema = "{SCHEMA}"')
        rules = tuple(_rule(item, what) for item in table["rule"])
        return Profile(table["name"], table["title"], table["source"], table["reviewed"], rules)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise ConfigError(f"{what} is not a deadlines profile: {error}") from None


def _rule(item: dict[str, object], what: str) -> Rule:
    at, algorithms = item["at"], item.get("algorithms", [])
    if not isinstance(at, date) or item["scope"] not in _SCOPES or not isinstance(algorithms, list):
        raise ConfigError(f"{what}: a rule needs a date, a scope ({', '.join(_SCOPES)}) and a list of algorithms")
    midnight = datetime(at.year, at.month, at.day, tzinfo=UTC)
    names = tuple(str(name) for name in algorithms)
    return Rule(midnight, str(item["scope"]), names, str(item["what"]), bool(item["breaks"]))
