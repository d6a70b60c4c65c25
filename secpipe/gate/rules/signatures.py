"""Who signed what: coverage of everything the policy wants signed, by keys that count, reviewed by other people."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase

from secpipe.core.evidence import Evidence, State
from secpipe.core.finding import Finding, Severity
from secpipe.core.text import plural, printable
from secpipe.core.verdict import Effect, Reason
from secpipe.gate.facts import listing, mapping
from secpipe.gate.grouping import UNSIGNED
from secpipe.gate.rules.packs import files_of
from secpipe.gate.rules.signed import (
    About,
    Signatures,
    bundles,
    is_no_model,
    lacking,
    objection,
    stamps_asked,
    statements,
    unstamped,
)
from secpipe.gate.ruling import Ruling, Situation, judge_findings, rule_on

#: kind in `cover` -> the check that finds what is of that kind
_KINDS = {"models": "models", "prompts": "sbom", "datasets": "sbom", "skills": "agents", "plugins": "agents"}
#: kind in `cover` -> the purposes that a signature over it may have: a key for one thing vouches for no other
_PURPOSES = {
    "models": {"model", "file", "dataset"}, "prompts": {"prompt", "file", "model", "dataset"},
    "datasets": {"dataset", "file", "model"}, "skills": {"skill", "plugin"}, "plugins": {"plugin"},
}  # fmt: skip


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
    for path, kinds in sorted(wanted(situation).items()):
        signer = covered.get(path)
        problem = _unaccepted(situation, path, str(signer), made, kinds) if signer is not None else None
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


def _unaccepted(
    situation: Situation, path: str, signer: str, made: Signatures, kinds: Iterable[str] = ()
) -> Finding | None:
    """Return why none of the signatures over a covered file counts: one must meet every demand by itself."""
    accepted = situation.policy.signatures.identities
    keys, first = situation.policy.keys, None
    known = made.of(path)
    for fact in known or [{"identity": signer}]:
        name = str(fact.get("identity"))
        if accepted and name not in accepted:
            message = f"{path} is signed by {name}, which the policy does not accept"
            problem: Finding | None = Finding(UNSIGNED, message, Severity.HIGH, path=path, subject=f"signer {name}")
        elif wrong := [kind for kind in kinds if fact.get("purpose", "file") not in _PURPOSES[kind]]:
            purpose = printable(str(fact.get("purpose")), 40)
            message = f"{path} is signed as {purpose}, which vouches for no {wrong[0]}"
            problem = Finding(UNSIGNED, message, Severity.HIGH, path=path, subject=f"purpose {purpose}")
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
            problem = lacking(situation, theirs[role].of(path), signers, count)
            if path in covered and (not known or "" in signers):
                problem = "and who signed it cannot be told"
            if problem and (subject, role) not in told:
                told.add((subject, role))
                message = (
                    f"{subject or 'the release'} needs {plural(count, role)} by other people than its signer: {problem}"
                )
                yield Finding("gate/review-missing", message, Severity.HIGH, path=subject, subject=role)


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
    return set(wanted(situation))


def wanted(situation: Situation) -> dict[str, set[str]]:
    """Return each path that needs a signature, with the kinds of thing for which it does; none for one by glob."""
    names = {"models": "files", "prompts": "prompts", "datasets": "datasets"}
    kinds: dict[str, Collection[str]] = {
        kind: mapping(situation.of(_KINDS[kind]), name) for kind, name in names.items()
    } | {kind: files_of(situation, kind) for kind in ("skills", "plugins")}
    left_out = {path for path, about in mapping(situation.of("models"), "files").items() if is_no_model(about)}
    found: dict[str, set[str]] = {}
    for item in situation.policy.signatures.cover:
        if item not in kinds:
            for path in situation.paths:
                if fnmatchcase(path, item) or _is_below(path, item):
                    found.setdefault(path, set())
            continue
        for path in kinds[item]:
            if item in {"skills", "plugins"} or path not in left_out:
                found.setdefault(path, set()).add(item)
    signs = bundles(situation)
    own = situation.policy.signatures.cover
    return {
        path: why for path, why in found.items()
        if path not in signs and (why or path not in left_out or path in own)
    }  # fmt: skip


RULES = {30: signatures}
