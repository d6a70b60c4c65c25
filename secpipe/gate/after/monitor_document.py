"""From a survey of what is out to the document `secpipe.monitor/1` (docs/spec/monitor.md)."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from secpipe.core import times
from secpipe.core.text import plural, printable
from secpipe.core.trust import Trust
from secpipe.core.version import __version__
from secpipe.gate.after.monitor import Release, Survey
from secpipe.gate.after.past import Head
from secpipe.gate.after.today import Knowledge
from secpipe.gate.policies.policy_file import Loaded
from secpipe.gate.verdicts.verdict import clean

SCHEMA = "secpipe.monitor/1"


@dataclass(frozen=True, slots=True)
class Frame:
    """What surrounds a survey. `options` are those that a check of a rollback target needs too, as typed."""

    now: datetime
    simulated: bool
    store: str
    environment: str
    known: Knowledge
    policy: Loaded | None = None
    policy_pinned: bool = False
    options: tuple[str, ...] = ()
    everything: bool = False


def document(survey: Survey, frame: Frame) -> dict[str, Any]:
    """Return the document; every string that came from the store is escaped."""
    known, policy = frame.known, frame.policy
    return {
        "schema": SCHEMA,
        "tool": {"name": "secpipe", "version": __version__},
        "at": times.rfc3339(frame.now),
        "simulated": frame.simulated,
        "exit_code": survey.exit_code,
        "sentence": _sentence(survey, everything=frame.everything),
        "store": printable(frame.store),
        "environment": printable(frame.environment),
        "all": frame.everything,
        "policy": None
        if policy is None
        else {
            "name": printable(str(policy.values.get("name", ""))),
            "digest": {"sha256": policy.digest},
            "source": printable(policy.source),
            "pinned": frame.policy_pinned,
        },
        "trust": _trust(known.trust),
        "advisories": None if known.advisories is None else clean(known.advisories.about),
        "releases": [_release(release, frame) for release in survey.releases],
        "damaged": _rows(survey.damaged),
        "unproven": _rows((*survey.doubted, *survey.unheard)),
        "not_judged_again": _not_again(known),
        "counts": dict(Counter(release.state for release in survey.releases)) | {"verdicts": survey.verdicts},
    }


def _release(release: Release, frame: Frame) -> dict[str, Any]:
    head, judgement = release.head, release.judgement
    return {
        **_about(head),
        "environment": head.entry.environment,
        "mode": head.mode,
        "then": str(head.decision),
        "now": str(judgement.decision) if judgement else "undecided",
        "state": release.state,
        "newest": release.newest,
        "why": printable(release.why),
        "reasons": [reason.to_dict() | {"since": since} for reason, since in release.reasons],
        "override": None
        if release.overruled is None
        else {
            "until": times.rfc3339(release.overruled.until) if release.overruled.until else "",
            "holders": [printable(holder) for holder in release.overruled.holders],
        },
        "rollback": None if release.back is None else _about(release.back) | {"check": _command(release.back, frame)},
    }


def _about(head: Head) -> dict[str, Any]:
    return {
        "subject": {"name": head.name, "digest": {"dirHash": head.entry.digest}},
        "entry": head.place,
        "at": times.rfc3339(head.at),
    }


def _command(head: Head, frame: Frame) -> str:
    """Return what to type in the folder of the release, once there is one again."""
    words = ["secpipe", "check", ".", "--env", head.entry.environment, *frame.options]
    return printable(shlex.join(words))


def _trust(trust: Trust | None) -> dict[str, Any] | None:
    if trust is None:
        return None
    return {
        "root_version": trust.root_version,
        "ring_version": trust.ring_version,
        "digest": {"sha256": trust.root_digest},
        "pinned": trust.pinned,
    }


def _not_again(known: Knowledge) -> list[str]:
    """Return what stands as it was recorded, in words."""
    said = ["model files and AI services: they need the files themselves"]
    if known.no_trust:
        said.append(f"signatures: {printable(known.no_trust)}")
    elif known.trust is None:
        said.append("signatures and who signed the verdicts: no --trust was given")
    if known.no_advisories:
        said.append(f"known vulnerabilities: {printable(known.no_advisories)}")
    return said


def _rows(rows: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"entry": printable(place), "reason": printable(why)} for place, why in rows]


def _sentence(survey: Survey, *, everything: bool) -> str:
    states = Counter(release.state for release in survey.releases)
    noun = "release that passed" if everything else "deployed release"
    total = plural(len(survey.releases), noun, noun.replace("release", "releases"))
    unread = len(survey.damaged) + len(survey.doubted)
    also = f" {plural(unread, 'entry', 'entries')} of the store could not be used." if unread else ""
    also += f" {plural(len(survey.unheard), 'signal')} could not be verified." if survey.unheard else ""
    if states["affected"]:
        unknown = f", {states['unknown']:,} could not be judged" if states["unknown"] else ""
        return f"AFFECTED: {states['affected']:,} of {total} would no longer pass{unknown}.{also}"
    if not survey.verdicts:
        return "NOT JUDGED: there is no verdict in the store."
    if states["unknown"]:
        return f"NOT JUDGED: {states['unknown']:,} of {total} could not be judged.{also}"
    if also:
        return f"NOT JUDGED WHOLE: {total} would still pass, but{also.lower()}"
    if not survey.releases:
        return "Nothing is out: no verdict in the store let anything pass."
    warns = f", {states['warns']:,} with reasons that only warn" if states["warns"] else ""
    warns += f", {states['overridden']:,} by an override that still holds" if states["overridden"] else ""
    return f"{total[:1].upper()}{total[1:]} would still pass{warns}."
