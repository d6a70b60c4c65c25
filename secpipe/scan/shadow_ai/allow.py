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
    _known(section, KEYS, "[shadow_ai]")
    regions = _words(section, "regions", "[shadow_ai]") or DEFAULT_REGIONS
    for region in regions:
        if region not in REGIONS:
            raise ConfigError(
                f'[shadow_ai] regions: "{region}" is no region',
                hint=did_you_mean(region, REGIONS) or f"known: {', '.join(REGIONS)}",
            )
    entries = section.get("allow", ())
    if not isinstance(entries, list | tuple) or not all(isinstance(item, Mapping) for item in entries):
        raise ConfigError("[shadow_ai] allow is not a list of tables", hint="[[shadow_ai.allow]]")
    return Allow(
        local_only=_flag(section, "local_only"),
        inline_waivers=_flag(section, "inline_waivers"),
        default=_choice(section, "default", ("deny", "allow"), "deny"),
        gateways=tuple(host.lower() for host in _words(section, "gateway", "[shadow_ai]")),
        regions=tuple(regions),
        min_confidence=Confidence(Confidence.parse(_choice(section, "min_confidence", _SURE, "medium"))),
        unknown_destination=_choice(section, "unknown_destination", ("deny", "allow"), "deny"),
        approvals=tuple(_approval(item, index) for index, item in enumerate(entries, 1)),
    )


def _approval(row: Mapping[str, Any], index: int) -> Approval:
    what = f"[[shadow_ai.allow]] entry {index}"
    _known(row, ENTRY_KEYS, what)
    for key in ("owner", "reason", "expires"):
        if not row.get(key):
            raise ConfigError(f'{what} lacks "{key}"', hint="every approval names an owner, a reason and a date")
    if not any(row.get(key) for key in ("provider", "host", "model", "models")):
        raise ConfigError(f"{what} approves everything", hint="name a provider, a host or a model")
    return Approval(
        owner=_word(row, "owner", what),
        reason=_word(row, "reason", what),
        expires=_moment(row["expires"], what),
        provider=_word(row, "provider", what),
        host=_word(row, "host", what).lower(),
        models=_words(row, "model", what) + _words(row, "models", what),
        paths=_words(row, "path", what) + _words(row, "paths", what),
        env=_words(row, "env", what),
        jurisdiction=_words(row, "jurisdiction", what),
        team=_word(row, "team", what),
        ticket=_word(row, "ticket", what),
        data_classes=_words(row, "data_classes", what),
    )


def _flag(section: Mapping[str, Any], key: str) -> bool:
    value = section.get(key, False)
    if not isinstance(value, bool):
        raise ConfigError(f"[shadow_ai] {key} is neither true nor false")
    return value


def _known(row: Mapping[str, Any], known: Mapping[str, Any], what: str) -> None:
    for key in row:
        if key not in known:
            raise ConfigError(
                f'{what}: unknown key "{key}"', hint=did_you_mean(key, known) or f"known: {', '.join(sorted(known))}"
            )


def _word(row: Mapping[str, Any], key: str, what: str) -> str:
    value = row.get(key, "")
    if not isinstance(value, str):
        raise ConfigError(f"{what}: {key} is not a text")
    return value


def _words(row: Mapping[str, Any], key: str, what: str) -> tuple[str, ...]:
    value = row.get(key, ())
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) and item for item in value):
        raise ConfigError(f"{what}: {key} is not a text or a list of texts")
    return tuple(value)


def _choice(row: Mapping[str, Any], key: str, choices: tuple[str, ...], default: str) -> str:
    value = row.get(key, default)
    if value not in choices:
        raise ConfigError(
            f"[shadow_ai] {key} = {value!a} is none of {', '.join(choices)}", hint=did_you_mean(str(value), choices)
        )
    return str(value)


def _moment(value: Any, what: str) -> datetime:
    """A date holds until the end of that day, UTC; a time until then."""
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
    raise ConfigError(f"{what}: expires is not a date", hint="expires = 2027-03-31")
