"""What a policy is known by: the SHA-256 of its canonical form, which comments, layout and key order do not change."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from secpipe.core.errors import ConfigError
from secpipe.gate.policies.policy import Policy

_SAFE = 2**53 - 1  # beyond it a JSON number is not exact (RFC 8785, 3.2.2.3)


def canonical(value: Any) -> bytes:
    """Return the canonical JSON (RFC 8785) of plain TOML values; dates and times stand as RFC 3339 text.

    Keys are sorted by UTF-16 code units, there is no white space, text is UTF-8. Raises ConfigError for what no policy
    may hold and JSON cannot say exactly: fractions, times of day, whole numbers beyond 2**53-1.
    """
    return json.dumps(_plain(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8")


def identity(value: Any) -> str:
    """Return the hex SHA-256 of the canonical form."""
    return hashlib.sha256(canonical(value)).hexdigest()


def resolved(policy: Policy) -> str:
    """Return the hex SHA-256 of a policy as it decides: profiles, environment and every default put together."""
    return identity(asdict(policy))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(value[key]) for key in sorted(value, key=lambda key: key.encode("utf-16-be"))}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, datetime | date):
        return value.isoformat()
    if value is None or isinstance(value, str | bool) or (isinstance(value, int) and abs(value) <= _SAFE):
        return value
    raise ConfigError(f"a policy cannot hold {value!r}", hint="text, whole numbers, true, false, dates")
