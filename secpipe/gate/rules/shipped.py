"""The SBOM file that a release ships: there, of an accepted format, fresh, and true of the tree."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from secpipe.core import times
from secpipe.core.evidence import Evidence
from secpipe.core.text import plural
from secpipe.core.verdict import Effect, Reason
from secpipe.gate.facts import listing
from secpipe.gate.ruling import Situation

_WANTED = re.compile(r"([A-Za-z]+)\s*(?:>=\s*([0-9.]+))?")
_SKEW = timedelta(minutes=5)


def shipped(situation: Situation, evidence: Evidence) -> list[Reason]:
    """Return what stands against the shipped SBOM: one file must meet every demand, whatever the others are.

    Absent, or naming nothing that could be compared: not decided. Otherwise the file that came furthest speaks.
    """
    policy, owner = situation.policy.sbom, situation.policy.owner
    if not policy.shipped:
        return []
    rows = [row for row in listing(evidence, "shipped") if isinstance(row, Mapping)]
    if not rows:
        asked = "shipped" in evidence.facts
        what = "the release ships no SBOM file" if asked else "nobody looked for a shipped SBOM file"
        return [Reason("gate/missing-evidence", Effect.UNDECIDED, what, "sbom", owner)]
    judged = [_against(situation, row) for row in rows]
    if any(verdict is None for verdict in judged):
        return []
    _, rule, effect, words, path = max((one for one in judged if one), key=lambda one: one[0])
    return [Reason(rule, effect, f"{path} {words}", "sbom", owner, path)]


def _against(situation: Situation, row: Mapping[str, Any]) -> tuple[int, str, Effect, str, str] | None:
    """Return (how far it came, rule, effect, words, path) of what an SBOM file fails first, or None."""
    policy, path = situation.policy.sbom, str(row.get("path", ""))
    if row.get("agrees") is None:
        problem = row.get("problem")
        words = f"was not read: {problem}" if problem else "names no file and no package that could be compared"
        return 0, "gate/missing-evidence", Effect.UNDECIDED, words, path
    if row.get("agrees") is not True:
        return 1, "gate/sbom-disagrees", Effect.DENY, f"is not true of the release: {row.get('problem')}", path
    name, version = str(row.get("spec")), str(row.get("version"))
    if policy.spec and not any(_is(wanted, name, version) for wanted in policy.spec):
        words = f"is {name} {version}; the policy accepts {', '.join(policy.spec)}"
        return 2, "gate/sbom-format", Effect.DENY, words, path
    if not policy.max_age_days:
        return None
    made = times.maybe_moment(row.get("made"))
    if made is None:
        return 3, "gate/sbom-too-old", Effect.UNDECIDED, "does not say when it was made", path
    age = situation.now - made
    if age < -_SKEW:
        return 3, "gate/sbom-too-old", Effect.DENY, f"says that it was made on {made:%Y-%m-%d}, in the future", path
    if age > timedelta(days=policy.max_age_days):
        words = f"was made on {made:%Y-%m-%d}; the policy allows {plural(policy.max_age_days, 'day')}"
        return 3, "gate/sbom-too-old", Effect.DENY, words, path
    return None


def example(spec: Sequence[str]) -> tuple[str, str] | None:
    """Return (name, version) of a format that one of the accepted ones is met by, or None where none can be read."""
    if not spec:
        return "CycloneDX", "1.7"
    for name, version in (("CycloneDX", "1.7"), ("CycloneDX", "1.6"), ("SPDX", "3.0.1")):
        if any(_is(wanted, name, version) for wanted in spec):
            return name, version
    for wanted in spec:
        match = _WANTED.fullmatch(wanted.strip())
        if match is not None and _is(wanted, match[1], match[2] or "0"):
            return match[1], match[2] or "0"
    return None


def command(spec: Sequence[str], under: Callable[[str], str]) -> tuple[str, ...]:
    """Return the words of the command that makes an SBOM of an accepted format; `under` finds a path of the release."""
    name, version = example(spec) or ("", "")
    if name.lower() == "spdx":
        return ("secpipe", "sbom", "generate", under(""), "-f", "spdx-json", "-o", under("bom.spdx.json"))
    more = ("--spec", "1.6") if version == "1.6" else ()
    return ("secpipe", "sbom", "generate", under(""), "-o", under("bom.cdx.json"), *more)


def _is(wanted: str, name: str, version: str) -> bool:
    """Whether a format is `CycloneDX>=1.6`; a wish that cannot be read is met by nothing."""
    match = _WANTED.fullmatch(wanted.strip())
    if match is None or match[1].lower() != name.lower():
        return False
    have, least = _numbers(version), _numbers(match[2] or "0")
    return have is not None and least is not None and have >= least


def _numbers(version: str) -> tuple[int, ...] | None:
    parts = version.split(".")
    return (
        tuple(map(int, parts))
        if len(parts) <= 4 and all(part.isdecimal() and part.isascii() for part in parts)
        else None
    )
