"""Recorded evidence as it would be today: the audit made again, signing keys held against today's ring.

What needs the files themselves (model scan, AI use, the digests that signatures cover) stays as it was recorded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from secpipe.core import times
from secpipe.core.errors import InputError, SecpipeError
from secpipe.core.evidence import Evidence, State, skipped
from secpipe.core.finding import Finding
from secpipe.core.inventory import Inventory
from secpipe.core.text import plural, printable
from secpipe.core.trust import KeyVersion, Trust
from secpipe.gate.after.past import Past
from secpipe.gate.anchor import open_anchor
from secpipe.gate.facts import each, listing, mapping
from secpipe.scan.vulnerabilities.audit import audit
from secpipe.scan.vulnerabilities.local import open_store
from secpipe.scan.vulnerabilities.store import AdvisoryStore
from secpipe.sign.acceptance import check_authority, check_dates
from secpipe.sign.refusal import COMPROMISED, INVALID, SUSPENDED, UNKNOWN_KEY, Refused, finding

_ATTESTATION = "attestation:"


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What is known today. Without `trust` signatures stay as recorded, unless `no_trust` says why it cannot be had."""

    advisories: AdvisoryStore | None
    trust: Trust | None = None
    no_trust: str = ""
    no_advisories: str = ""
    clock: str = ""  # why the clock of this machine cannot be right


def gather(advisories: Path | None, trust: Path | None, pin: str, now: datetime, *, recall: bool = False) -> Knowledge:
    """Return what can be known today; what cannot be had is said, and judged as not known.

    `recall` holds the trust root against what this machine has seen: not where a time is only simulated. Raises
    InputError where `trust` names no trust root.
    """
    store: AdvisoryStore | None = None
    without = ""
    try:
        store = open_store(advisories, now=now)
    except SecpipeError as error:
        without = error.message
    if trust is None and not pin:
        return Knowledge(store, no_advisories=without)
    folder = trust or Path("keys")
    if not (folder / "root").is_dir():
        raise InputError(f"there is no trust root in {folder}", hint="--trust FOLDER with root/ and ring/ in it")
    anchor = open_anchor(folder, pin, now, recall=recall)
    no_trust = "" if anchor.trust else anchor.evidence.reason
    return Knowledge(store, anchor.trust, no_trust, without, anchor.clock)


def evidence(verdict: Past, known: Knowledge, now: datetime) -> dict[str, Evidence]:
    """Return the verdict's evidence with what is known today in place of what was known then."""
    made = {name: one for name, one in verdict.record.evidence.items() if name != "clock"}
    if known.clock:
        made["clock"] = skipped("clock", known.clock)
    if "audit" in made:
        made["audit"] = _audit(verdict, known, now)
    if known.trust is None and not known.no_trust:
        return made
    why = known.no_trust or _other_root(verdict, known.trust)
    environment = verdict.record.environment
    for name, one in made.items():
        if one.state is not State.OK:
            continue  # it proved nothing then, and time does not mend it
        if name == "signatures" and listing(one, "artifacts"):
            made[name] = skipped(name, why) if why or not known.trust else _signed(one, known.trust, environment, now)
        elif name.startswith(_ATTESTATION):
            made[name] = skipped(name, why) if why or not known.trust else _attested(one, known.trust, environment, now)
    if known.trust is not None and not why and "trust" in made:
        made["trust"] = replace(
            made["trust"],
            facts={
                **made["trust"].facts,
                "root_version": known.trust.root_version,
                "ring_version": known.trust.ring_version,
            },
        )
    return made


def _audit(verdict: Past, known: Knowledge, now: datetime) -> Evidence:
    if known.advisories is None:
        return skipped("audit", known.no_advisories or "there is no advisory data")
    sbom = verdict.record.evidence.get("sbom")
    unread = tuple(skip for skip in (sbom.skips if sbom else ()) if not skip.soft)
    return audit(Inventory(verdict.record.components, skipped=unread), known.advisories, now=now)


def _other_root(verdict: Past, trust: Trust | None) -> str:
    """Return why today's trust says nothing about keys of then: it does not descend from the root of then."""
    told = verdict.head.verdict.get("trust")
    digest = told.get("digest", {}).get("sha256") if isinstance(told, Mapping) else None
    if digest is None or trust is None or digest in trust.pins:
        return ""
    return "the signatures were verified under another trust root than the one given"


def _signed(one: Evidence, trust: Trust, environment: str, now: datetime) -> Evidence:
    """Return the evidence `signatures`, less what rests on a key that no longer counts."""
    covered = dict(mapping(one, "covered"))
    artifacts, problems = [], []
    for fact in listing(one, "artifacts"):
        problem = _judge(fact, trust, environment, now) if fact.get("verified") else None
        if problem is None:
            artifacts.append(fact)
            continue
        problems.append(problem)
        artifacts.append({**fact, "verified": False})
        path = str(fact.get("path", ""))
        covered = {name: who for name, who in covered.items() if not _within(name, path)}
    if not problems:
        return one
    return replace(_failed(one, problems), facts={**one.facts, "artifacts": artifacts, "covered": covered})


def _within(name: str, path: str) -> bool:
    """Whether the file `name` is the artifact at `path` (as it was recorded, printable) or a part of it."""
    return not path or printable(name) == path or printable(name).startswith(f"{path}/")


def _attested(one: Evidence, trust: Trust, environment: str, now: datetime) -> Evidence:
    """Return the evidence of one kind of attestation, those failed whose keys no longer count."""
    told = each(one)
    if not told:
        problem = _judge(one.facts, trust, environment, now)
        return one if problem is None else _failed(one, [problem])
    rows, problems = [], []
    for fact in told:
        problem = _judge(fact, trust, environment, now)
        rows.append(fact if problem is None else {**fact, "state": str(State.FAILED), "reason": problem.message})
        problems += [problem] if problem else []
    return replace(_failed(one, problems), facts={**one.facts, "each": rows}) if problems else one


def _failed(one: Evidence, problems: list[Finding]) -> Evidence:
    more = f" (and {plural(len(problems) - 1, 'more')})" if len(problems) > 1 else ""
    return replace(one, state=State.FAILED, reason=f"{problems[0].message}{more}", findings=(*one.findings, *problems))


def _judge(fact: Mapping[str, Any], trust: Trust, environment: str, now: datetime) -> Finding | None:
    """Return why a signature made by the key version that `fact` names no longer counts, or None."""
    name, number = str(fact.get("identity", "")), fact.get("key_version")
    path, subject = str(fact.get("path", "")), f"{name} {number} {fact.get('name', '')}"
    identity = next((one for one in trust.identities if one.name == name), None)
    if identity is None:
        return finding(UNKNOWN_KEY, f"{printable(name) or 'the signer'} is not in today's key ring", path, subject)
    version = next((one for one in identity.versions if one.version == number), None)
    if version is None:
        what = f"key version {number} of {printable(name)} is not in today's key ring"
        return finding(UNKNOWN_KEY, what, path, subject)
    try:
        signed = times.instant(fact["trusted_time"]) if fact.get("trusted_time") else None
        check_dates(f"key version {number} of {printable(name)}", version, signed, timedelta(0), now)
        check_authority(identity, str(fact.get("purpose", "")), str(fact.get("name", "")), environment)
    except Refused as refused:
        return finding(refused.rule, refused.message, path, subject, refused.hint, since=_since(refused.rule, version))
    except (TypeError, ValueError):
        return finding(INVALID, "what was recorded of the signature is damaged", path, subject)
    return None


def _since(rule: str, version: KeyVersion) -> str:
    """Return since when a key does not count, where the ring says so."""
    at = {COMPROMISED: version.compromised_since, SUSPENDED: version.suspended_since}.get(rule)
    return times.rfc3339(at) if at else ""
