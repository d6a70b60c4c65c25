"""From a judgement to the document `secpipe.verdict/2`, whose first sentence anyone understands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from secpipe.core import times
from secpipe.core.text import plural, printable
from secpipe.core.trust import Trust
from secpipe.core.verdict import SCHEMA, Decision, Effect, Judgement
from secpipe.core.version import __version__
from secpipe.gate.policies.policy import Policy
from secpipe.gate.request import ADOPTING


@dataclass(frozen=True, slots=True)
class Frame:
    """What surrounds a judgement: who was judged, by which rules, when."""

    now: datetime
    simulated: bool
    environment: str
    subject: Mapping[str, Any]
    policy: Policy
    policy_source: str
    policy_digest: str
    policy_pin: str
    policy_resolved: str
    trust: Trust | None
    self_judged: str
    valid_until: datetime
    warn_until: date | None = None
    unused: tuple[str, ...] = ()
    digests: Mapping[str, str] = field(default_factory=dict)  # SHA-256 of the files, by path


def document(judgement: Judgement, frame: Frame) -> dict[str, Any]:
    """Return the verdict document; every string that came from the tree is escaped."""
    policy, trust = frame.policy, frame.trust
    return {
        "schema": SCHEMA,
        "tool": {"name": "secpipe", "version": __version__},
        "at": times.rfc3339(frame.now),
        "simulated": frame.simulated,
        "environment": printable(frame.environment),
        "mode": policy.mode,
        **({"warn_until": str(frame.warn_until)} if frame.warn_until else {}),
        "decision": str(judgement.decision),
        "exit_code": judgement.decision.exit_code,
        "sentence": sentence(judgement, frame),
        "self_judged": bool(frame.self_judged),
        "subject": dict(frame.subject),
        "policy": {
            "name": printable(policy.name),
            "digest": {"sha256": frame.policy_digest},
            "resolved": {"sha256": frame.policy_resolved},
            "source": printable(frame.policy_source),
            "pinned": bool(frame.policy_pin),
            "pin": printable(frame.policy_pin),
            "owner": printable(policy.owner),
            "expires": str(policy.expires or ""),
        },
        "trust": None
        if trust is None
        else {
            "root_version": trust.root_version,
            "ring_version": trust.ring_version,
            "digest": {"sha256": trust.root_digest},
            "pinned": trust.pinned,
        },
        "valid_until": times.rfc3339(frame.valid_until),
        "reasons": [reason.to_dict() for reason in judgement.reasons],
        "checks": [clean(check.to_dict()) for check in judgement.checks],
        "left_out": [clean(one) for check in judgement.checks for one in check.facts.get("left_out", ())],
        "unused": [printable(text) for text in frame.unused],
        "findings": [
            clean(item.to_dict()) | {"sha256": frame.digests.get(item.finding.path, "")} for item in judgement.findings
        ],
        "skipped": [
            skip.to_dict() | {"path": printable(skip.path), "check": check, "sha256": frame.digests.get(skip.path, "")}
            for check, skip in judgement.skipped
        ],
        "waivers": [waiver.to_dict() for waiver in judgement.waivers],
        "accepted": [one.to_dict() for one in judgement.accepted],
        "counts": judgement.counts(),
    }


def clean(value: Any) -> Any:
    """Return plain JSON with every string escaped: facts and details hold names taken from the tree."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, Mapping):
        return {printable(str(key)): clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [clean(item) for item in value]
    return value if isinstance(value, bool | int | float | None) else printable(str(value))


def sentence(judgement: Judgement, frame: Frame) -> str:
    """Return the one line that says it all: verdict, environment, how many things, and the first of them."""
    place = printable(frame.environment) + (" (self-judged)" if frame.self_judged else "")
    if frame.policy_pin.startswith(ADOPTING):
        place += f" by {frame.policy_source}, {printable(frame.policy_pin.removeprefix(ADOPTING))}"
    until = f" until {frame.warn_until}" if frame.warn_until and frame.policy.mode == "warn" else ""
    worst = [reason for reason in judgement.reasons if reason.effect is not Effect.WARN]
    denies = [reason for reason in worst if reason.effect is Effect.DENY]
    lead = ". First: " if len(worst) > 1 else ": "
    first = f"{lead}{printable(worst[0].what, 300).rstrip('.')}." if worst else "."
    if judgement.would_be is Decision.DENY:
        must = f"{plural(len(denies), 'thing')} must change"
        if judgement.decision is Decision.WARN:
            return f"WOULD BE BLOCKED for {place}, but only warns{until}: {must}{first}"
        return f"BLOCKED for {place}: {must}{first}"
    if judgement.would_be is Decision.UNDECIDED:
        open_ = f"{plural(len(worst), 'thing')} could not be decided"
        if judgement.decision is Decision.WARN:
            return f"WOULD NOT PASS for {place}, but only warns{until}: {open_}{first}"
        return f"NOT DECIDED for {place}: {open_}{first}"
    place += f" (only warns{until})" if until else ""
    looked = f"{plural(int(frame.subject.get('files', 0)), 'file')} checked{_left_out(judgement)}{_packages(judgement)}"
    if judgement.would_be is Decision.WARN:
        count = sum(reason.effect is Effect.WARN for reason in judgement.reasons)
        return f"PASS for {place}, with {plural(count, 'warning')}: {looked}, nothing blocks."
    return f"PASS for {place}: {looked}, nothing stands against it."


def _packages(judgement: Judgement) -> str:
    """Return how many packages were judged by data of when, and who answers for what was not."""
    said = next((check.summary for check in judgement.checks if check.check == "audit"), "")
    if " judged by " not in said:
        return ""
    who = [
        f"{printable(one.owner, 60)} until {one.expires}"
        for one in judgement.accepted
        if one.paths and "audit" in one.checks
    ]
    return f", {said}" + (f" (accepted by {' and '.join(dict.fromkeys(who))})" if who else "")


def _left_out(judgement: Judgement) -> str:
    """Return how many paths somebody left out, git's own store aside."""
    facts = (check.facts for check in judgement.checks if check.check == "files")
    asked = sum(one.get("by", "") != "" for each in facts for one in each.get("left_out", ()))
    return f", {plural(asked, 'path')} left out on request" if asked else ""
