"""Who signed what: coverage of everything the policy wants signed, by keys that count, reviewed by other people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

from secpipe.core.evidence import Evidence, State
from secpipe.core.finding import Finding, Severity
from secpipe.core.text import plural, printable
from secpipe.core.verdict import Effect, Reason
from secpipe.gate.facts import listing, mapping
from secpipe.gate.grouping import UNSIGNED
from secpipe.gate.rules.signed import (
    About,
    Signatures,
    Statement,
    bundles,
    is_no_model,
    objection,
    stamps_asked,
    statements,
    unstamped,
)
from secpipe.gate.ruling import Ruling, Situation, judge_findings, rule_on

#: kind in `cover` -> the check that finds what is of that kind
_KINDS = {"models": "models", "prompts": "sbom", "datasets": "sbom"}


def signatures(situation: Situation) -> Ruling:
    """Everything in `cover` is signed with the halves and keys the policy requires, by someone with the authority, and
    vouched for by as many other people as each role asks."""
    policy, evidence = situation.policy.signatures, situation.of("signatures")
    findings = list(evidence.findings)
    roles = {role: count for role, count in sorted(policy.roles.items()) if count}
    required = policy.required or bool(roles)
    # Without a trust root no signature is accepted, whatever stands beside a file: a junk one betters nothing.
    rootless = evidence.state is State.SKIPPED and situation.of("trust").state is not State.OK
    if required and (rootless or evidence.state in (State.OK, State.FAILED)):
        made = Signatures(situation)
        findings += _unsigned(situation, evidence, made) if policy.required else []
        findings += _unvouched(situation, evidence, made, roles)
    unknown = [*_unknown_cover(situation), *_not_there(situation)] if required else []
    unknown += _unstamped(situation, evidence)
    signed = len(listing(evidence, "artifacts"))
    judged = judge_findings(situation, findings, block="low", warn="info")
    return rule_on(
        situation, evidence, "Signed by people we trust", required=required, findings=judged,
        extra=unknown, summary=plural(signed, "signed artifact"), fails_by_findings=True,
    )  # fmt: skip


def _unstamped(situation: Situation, evidence: Evidence) -> list[Reason]:
    """Warn of signatures by keys that no longer sign, until the policy's `[keys] stamped_from` refuses them."""
    policy, now = situation.policy, situation.now
    if stamps_asked(policy, now):
        return []
    facts = [fact for fact in listing(evidence, "artifacts") if isinstance(fact, Mapping) and fact.get("sign_until")]
    held = [fact for fact in facts if fact.get("verified") is not False]
    old = [(str(fact.get("path") or "the release"), words) for fact in held if (words := unstamped(fact, now))]
    if not old:
        return []
    rest = f"; {plural(len(old) - 1, 'other')} likewise" if len(old) > 1 else ""
    since = policy.keys.stamped_from
    soon = f"; from {since} on that does not count" if since else ""
    what = f"{printable(old[0][0])} {old[0][1]}{rest}{soon}"
    return [Reason("gate/key-too-old", Effect.WARN, what, "signatures", policy.owner)]


def _unsigned(situation: Situation, evidence: Evidence, made: Signatures) -> list[Finding]:
    """Return a finding for every file that no single signature covers with an accepted signer and accepted keys."""
    covered = mapping(evidence, "covered")
    findings: dict[str, Finding] = {}
    for path in sorted(to_cover(situation)):
        signer = covered.get(path)
        problem = _unaccepted(situation, path, str(signer), made) if signer is not None else None
        if signer is None:
            which = "" if evidence.state in (State.OK, State.FAILED) else " that can be verified"
            problem = Finding(UNSIGNED, f"{path} is not covered by any signature{which}", Severity.HIGH, path=path)
        if problem is None:
            continue
        if problem.rule == UNSIGNED:
            subject = problem.subject or "unsigned"
            problem = Finding(UNSIGNED, problem.message, Severity.HIGH, path=path, subject=subject)
        findings.setdefault(problem.id, problem)
    return list(findings.values())


def _unaccepted(situation: Situation, path: str, signer: str, made: Signatures) -> Finding | None:
    """Return why none of the signatures over a covered file counts: one must meet every demand by itself."""
    accepted = situation.policy.signatures.identities
    keys, first = situation.policy.keys, None
    known = made.of(path)
    for fact in known or [{"identity": signer}]:
        name = str(fact.get("identity"))
        if accepted and name not in accepted:
            message = f"{path} is signed by {name}, which the policy does not accept"
            problem: Finding | None = Finding(UNSIGNED, message, Severity.HIGH, path=path, subject=f"signer {name}")
        elif not known and not (keys.algorithms or keys.max_age_days or keys.stamped_from):
            problem = None
        else:
            problem = objection({"path": path, **fact}, situation.policy, situation.now)
        if problem is None:
            return None
        first = first or problem
    return first


def _unvouched(
    situation: Situation, evidence: Evidence, made: Signatures, roles: Mapping[str, int]
) -> Iterator[Finding]:
    """Say which artifacts lack attestations of a role by enough other people; once for each artifact and role."""
    covered, told = mapping(evidence, "covered"), set()
    theirs = {role: About(one for one in statements(situation) if one.purpose == role) for role in roles}
    for path in sorted(to_cover(situation)) if roles else ():
        known = made.of(path)
        subject = str(known[0].get("path")) if known else path
        signers = {str(fact.get("holder", "")) for fact in known}
        for role, count in roles.items():
            problem = _lacking(situation, theirs[role].of(path), signers, count)
            if path in covered and (not known or "" in signers):
                problem = "and who signed it cannot be told"
            if problem and (subject, role) not in told:
                told.add((subject, role))
                message = (
                    f"{subject or 'the release'} needs {plural(count, role)} by other people than its signer: {problem}"
                )
                yield Finding("gate/review-missing", message, Severity.HIGH, path=subject, subject=role)


def _lacking(situation: Situation, found: list[Statement], signers: set[str], count: int) -> str:
    """Return why the attestations of a role are not enough, or "". One person counts once, the signer never."""
    refused = next((one for one in found if one.state is State.FAILED), None)
    if refused is not None:
        return f"one of them does not hold ({refused.reason})"
    counted = [
        one for one in found
        if one.state is State.OK and objection(one.facts, situation.policy, situation.now) is None
    ]  # fmt: skip
    others = {one.holder for one in counted if one.holder} - signers
    if len(others) >= count:
        return ""
    own = {one.holder for one in counted} & signers
    return f"there {'is' if len(others) == 1 else 'are'} {len(others)}" + (
        f", and what {', '.join(sorted(own))} says of their own work does not count" if own else ""
    )


def _unknown_cover(situation: Situation) -> list[Reason]:
    """Say which kinds must be signed while the check that would find them did not look everywhere."""
    reasons = []
    for kind in situation.policy.signatures.cover:
        source = situation.of(_KINDS[kind]) if kind in _KINDS else None
        if source is not None and source.state in (State.SKIPPED, State.STALE):
            what = f"which {kind} need a signature is not known: {source.reason}"
            reasons.append(
                Reason("gate/not-checked", Effect.UNDECIDED, what, "signatures", owner=situation.policy.owner)
            )
    return reasons


def _is_below(path: str, folder: str) -> bool:
    return path.startswith(f"{folder.rstrip('/')}/")


def _not_there(situation: Situation) -> Iterator[Reason]:
    """Say which single file or folder must be signed and is not there: a demand that meets nothing is not met."""
    for item in situation.policy.signatures.cover:
        if item in _KINDS or set(item) & set("*?["):
            continue
        if not any(path == item or _is_below(path, item) for path in situation.paths):
            what = f"the policy wants {printable(item, 200)} signed, and it is not there"
            yield Reason("gate/missing-evidence", Effect.UNDECIDED, what, "signatures", situation.policy.owner, item)


def to_cover(situation: Situation) -> set[str]:
    """Return the paths that need a signature: by kind, as the other checks found them, or by glob."""
    names = {"models": "files", "prompts": "prompts", "datasets": "datasets"}
    kinds = {kind: mapping(situation.of(check), names[kind]) for kind, check in _KINDS.items()}
    wanted: set[str] = set()
    for item in situation.policy.signatures.cover:
        if item in kinds:
            wanted |= set(kinds[item])
        else:
            wanted |= {path for path in situation.paths if fnmatchcase(path, item) or _is_below(path, item)}
    wanted -= {path for path, about in kinds["models"].items() if is_no_model(about)}
    return wanted - bundles(situation)


RULES = {30: signatures}
