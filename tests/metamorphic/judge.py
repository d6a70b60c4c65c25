"""One project judged in this process, by a policy held against it from outside."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from secpipe.core.errors import ConfigError
from secpipe.gate.pipeline import check
from secpipe.gate.policies import policy_file
from secpipe.gate.request import Request

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
#: Decisions, the mildest first.
ORDER = ("pass", "warn", "undecided", "deny")
POLICY: Mapping[str, Any] = {
    "schema": "secpipe.policy/1",
    "name": "metamorphic",
    "owner": "ann@example.org",
    "expires": date(2027, 6, 30),
    "profile": "baseline",
    "signatures": {"required": False},
    "sbom": {"required": False},
    "vulnerabilities": {"warn": "info"},
    "shadow_ai": {
        "allow": [
            {"provider": "openai", "owner": "ann@example.org", "reason": "the twin", "expires": date(2027, 6, 30)}
        ]
    },
}
_ADVISORIES = (
    ("GHSA-meta-morp-0001", "jinja2", [{"introduced": "0"}, {"fixed": "2.11.3"}], "HIGH"),
    ("MAL-2026-0001", "evil-metamorph", [{"introduced": "0"}], "CRITICAL"),
    ("GHSA-meta-morp-0002", "odd-metamorph", [{"introduced": "0"}, {"fixed": "main"}], "HIGH"),
    ("GHSA-meta-morp-0003", "requests", [{"introduced": "0"}, {"fixed": "1.0"}], "HIGH"),
)


@dataclass(frozen=True, slots=True)
class Judged:
    """What one project came to: the decision, the rules that were told, and why."""

    decision: str
    rules: frozenset[str]
    reasons: tuple[str, ...]
    do: tuple[str, ...]
    labelled: bool  # the first screen says that uses are left to a label

    @property
    def rank(self) -> int:
        return ORDER.index(self.decision)

    def __str__(self) -> str:
        return f"{self.decision}: {'; '.join(self.reasons) or 'no reasons'}"


def advisories(folder: Path) -> Path:
    """Write a few advisories, once, so that opening them costs little; returns the folder."""
    if folder.is_dir():
        return folder
    folder.mkdir()
    for number, (identity, name, events, severity) in enumerate(_ADVISORIES):
        affected = {"package": {"ecosystem": "PyPI", "name": name}, "ranges": [{"type": "ECOSYSTEM", "events": events}]}
        record = {
            "id": identity, "modified": "2026-11-28T00:00:00Z", "affected": [affected],
            "database_specific": {"severity": severity},
        }  # fmt: skip
        (folder / f"{number}.json").write_text(json.dumps(record))
    return folder


def write(root: Path, files: Mapping[str, bytes | str]) -> None:
    """Write a project; a str is a link's target."""
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(data, str):
            path.symlink_to(data)
        else:
            path.write_bytes(data)


def judge(place: Path, files: Mapping[str, bytes | str], policy: Mapping[str, Any]) -> Judged:
    """Judge a project by the shared policy and what is added to it; `place` is a folder for this one alone."""
    shutil.rmtree(place, ignore_errors=True)
    root = place / "project"
    write(root, files)
    rules = place / "policy.toml"
    rules.write_text(toml(merged(POLICY, policy)))
    pin = f"sha256:{policy_file.load(str(rules)).digest}"
    store = advisories(place.parent / "advisories")
    try:
        found = check(Request(root, NOW, policy=str(rules), policy_ref=pin, cache=False, advisories=store)).document
    except ConfigError as error:  # exit 2: a policy in the tree that nobody can read
        return Judged("undecided", frozenset(), (error.message,), (error.hint or "mend the policy",), False)
    told = frozenset(str(one["rule"]) for one in (*found["findings"], *found["reasons"]))
    reasons = tuple(f"{one['rule']} {one['what']}" for one in found["reasons"])
    shutil.rmtree(place)
    labels = any(one["facts"].get("left_to_labels") for one in found["checks"])
    return Judged(found["decision"], told, reasons, tuple(one["fix"] for one in found["reasons"]), labels)


def merged(base: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Return two tables as one: tables are merged, lists are joined, other values are replaced."""
    out = dict(base)
    for key, value in more.items():
        before = out.get(key)
        if isinstance(before, Mapping) and isinstance(value, Mapping):
            out[key] = merged(before, value)
        else:
            out[key] = [*before, *value] if isinstance(before, list) and isinstance(value, list) else value
    return out


def toml(table: Mapping[str, Any]) -> str:
    """Return a table as TOML, each value on the line of its key."""
    return "".join(f"{key} = {_inline(value)}\n" for key, value in table.items())


def _inline(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {_inline(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    return value.isoformat() if isinstance(value, date) else json.dumps(value)
