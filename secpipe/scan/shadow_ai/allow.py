"""The allow-list of a policy: which AI may be used, by whom, where, why and until when."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from secpipe.core import times
from secpipe.core.errors import ConfigError
from secpipe.core.finding import Confidence
from secpipe.core.text import did_you_mean
from secpipe.scan.shadow_ai.signal import REGIONS

DEFAULT_REGIONS = ("code", "config", "example")


@dataclass(frozen=True, slots=True)
class Approval:
    """One `[[shadow_ai.allow]]` entry: everything that is given must match; `expires` is the first moment it no
    longer holds.
    """

    owner: str
    reason: str
    expires: datetime
    provider: str = ""
    host: str = ""
    models: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    jurisdiction: tuple[str, ...] = ()
    team: str = ""
    ticket: str = ""
    data_classes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Allow:
    """The `[shadow_ai]` section. `gateways` not empty = all remote AI traffic must go through one of them."""

    default: str = "deny"
    gateways: tuple[str, ...] = ()
    regions: tuple[str, ...] = DEFAULT_REGIONS
    min_confidence: Confidence = Confidence.MEDIUM
    unknown_destination: str = "deny"
    local_only: bool = False  # nothing outside this machine or a private network, whoever approved it
    inline_waivers: bool = False  # comments in the code may waive; only a policy from outside the tree should say so
    approvals: tuple[Approval, ...] = ()


class Misplaced(ConfigError):
    """A mistake in the section, and the `path` of keys (entries by number, from 0) at which it stands."""

    def __init__(self, path: tuple[str | int, ...], message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.path = path


@dataclass(frozen=True, slots=True)
class _Row:
    """A table of the section: its values, what errors call it, and where it stands."""

    values: Mapping[str, Any]
    what: str = "[shadow_ai]"
    path: tuple[str | int, ...] = ()

    def wrong(self, key: str, message: str, *, hint: str = "") -> Misplaced:
        """Return the error about a key, or about the whole table ("")."""
        return Misplaced((*self.path, key) if key else self.path, f"{self.what}{message}", hint=hint)


def _key(kind: str, doc: str, default: Any = (), **rest: Any) -> dict[str, Any]:
    return {"kind": kind, "doc": doc, "default": default, **rest}


_ALLOWS = ("allow", "deny")
_SURE = ("high", "medium", "low")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d([Tt ].*)?")  # other forms of ISO 8601 are not RFC 3339
#: Keys of `[shadow_ai]`: kind (`word`, `words`, `flag`, `tables`, `day`), what absence means, which way is tighter (as
#: in `secpipe.gate.policies.policy.key`). A gateway both forbids and approves, so no two can be compared.
KEYS: dict[str, dict[str, Any]] = {
    "default": _key("word", "uses that nobody approved", "deny", choice=_ALLOWS, tighter="more"),
    "gateway": _key("words", "hosts through which all remote AI traffic must go; they need no approval of their own"),
    "regions": _key(
        "words", "kinds of text that are judged", DEFAULT_REGIONS, empty=DEFAULT_REGIONS, among=REGIONS,
        tighter="superset",
    ),
    "min_confidence": _key(
        "word", "less sure signs are not judged", "medium", choice=_SURE, tighter="more"
    ),
    "unknown_destination": _key(
        "word", "calls whose address cannot be told from the code", "deny", choice=_ALLOWS, tighter="more"
    ),
    "local_only": _key("flag", "no approval covers a use that leaves this machine or network", False, tighter="more"),
    "inline_waivers": _key("flag", "comments in the code may waive", False, choice=(True, False), tighter="more"),
    "allow": _key("tables", "approved uses", tighter="shorter"),
}  # fmt: skip
#: Keys of `[[shadow_ai.allow]]`.
ENTRY_KEYS: dict[str, dict[str, Any]] = {
    "provider": _key("word", "id of the provider in the catalogue", ""),
    "host": _key("word", "host that is called; `*.corp` is any name below", ""),
    "model": _key("words", "globs over model names"),
    "models": _key("words", "the same"),
    "path": _key("words", "globs over paths"),
    "paths": _key("words", "the same"),
    "env": _key("words", "environments; none: all"),
    "team": _key("word", "who uses it", ""),
    "owner": _key("word", "who answers for it", "", required=True),
    "reason": _key("word", "why it is approved", "", required=True),
    "ticket": _key("word", "where it was discussed", ""),
    "expires": _key("day", "last day on which it holds", None, required=True),
    "data_classes": _key("words", "what data may go there"),
    "jurisdiction": _key("words", "where the provider must be at home"),
}


def parse_allow(section: Mapping[str, Any]) -> Allow:
    """Return the allow-list of a policy's `[shadow_ai]` table.

    `owner`, `reason` and `expires` (a date ends at its midnight UTC after the day, a time at that time) are mandatory
    in
    every entry, and one of `provider`, `host`, `model`. Raises ConfigError for an unknown key or a wrong type.
    """
    row = _Row(section)
    _known(row, KEYS)
    regions = _words(row, "regions") or DEFAULT_REGIONS
    for region in regions:
        if region not in REGIONS:
            hint = did_you_mean(region, REGIONS) or f"known: {', '.join(REGIONS)}"
            raise row.wrong("regions", f' regions: "{region}" is no region', hint=hint)
    entries = section.get("allow", ())
    if not isinstance(entries, list | tuple) or not all(isinstance(item, Mapping) for item in entries):
        raise row.wrong("allow", " allow is not a list of tables", hint="[[shadow_ai.allow]]")
    return Allow(
        local_only=_flag(row, "local_only"),
        inline_waivers=_flag(row, "inline_waivers"),
        default=_choice(row, "default", ("deny", "allow"), "deny"),
        gateways=tuple(host.lower() for host in _words(row, "gateway")),
        regions=tuple(regions),
        min_confidence=Confidence(Confidence.parse(_choice(row, "min_confidence", _SURE, "medium"))),
        unknown_destination=_choice(row, "unknown_destination", ("deny", "allow"), "deny"),
        approvals=tuple(
            _approval(_Row(item, f"[[shadow_ai.allow]] entry {nth + 1}", ("allow", nth)))
            for nth, item in enumerate(entries)
        ),
    )


def _approval(row: _Row) -> Approval:
    _known(row, ENTRY_KEYS)
    for key in ("owner", "reason", "expires"):
        if not row.values.get(key):
            hint = "every approval names an owner, a reason and a date"
            raise row.wrong(key, f' lacks "{key}"', hint=hint)
    if not any(row.values.get(key) for key in ("provider", "host", "model", "models")):
        raise row.wrong("", " approves everything", hint="name a provider, a host or a model")
    return Approval(
        owner=_word(row, "owner"),
        reason=_word(row, "reason"),
        expires=_moment(row, "expires"),
        provider=_word(row, "provider"),
        host=_word(row, "host").lower(),
        models=_words(row, "model") + _words(row, "models"),
        paths=_words(row, "path") + _words(row, "paths"),
        env=_words(row, "env"),
        jurisdiction=_words(row, "jurisdiction"),
        team=_word(row, "team"),
        ticket=_word(row, "ticket"),
        data_classes=_words(row, "data_classes"),
    )


def _flag(row: _Row, key: str) -> bool:
    value = row.values.get(key, False)
    if not isinstance(value, bool):
        raise row.wrong(key, f" {key} is neither true nor false")
    return value


def _known(row: _Row, known: Mapping[str, Any]) -> None:
    for key in row.values:
        if key not in known:
            hint = did_you_mean(key, known) or f"known: {', '.join(sorted(known))}"
            raise row.wrong(key, f': unknown key "{key}"', hint=hint)


def _word(row: _Row, key: str) -> str:
    value = row.values.get(key, "")
    if not isinstance(value, str):
        raise row.wrong(key, f": {key} is not a text")
    return value


def _words(row: _Row, key: str) -> tuple[str, ...]:
    value = row.values.get(key, ())
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) and item for item in value):
        raise row.wrong(key, f": {key} is not a text or a list of texts")
    return tuple(value)


def _choice(row: _Row, key: str, choices: tuple[str, ...], default: str) -> str:
    value = row.values.get(key, default)
    if value not in choices:
        hint = did_you_mean(str(value), choices)
        raise row.wrong(key, f" {key} = {value!a} is none of {', '.join(choices)}", hint=hint)
    return str(value)


def _moment(row: _Row, key: str) -> datetime:
    """A date holds until the end of that day, UTC; a time until then."""
    value = row.values[key]
    try:
        if isinstance(value, str) and _MOMENT.fullmatch(value):
            value = times.day(value) if len(value) == 10 else times.instant(value)
        if isinstance(value, datetime):
            return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
        if isinstance(value, date):
            # From the next midnight on; the last representable day has no next.
            day = datetime(value.year, value.month, value.day, 23, 59, 59, tzinfo=UTC)
            return day.replace(microsecond=999_999)
    except (ValueError, OverflowError):
        pass
    raise row.wrong(key, f": {key} is not a date", hint="expires = 2027-03-31")
