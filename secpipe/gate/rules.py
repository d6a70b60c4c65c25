"""One predicate a check: what the policy demands of it. The explicit table of all rules is at the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

from secpipe.core.evidence import Evidence, State
from secpipe.core.finding import Finding, Severity
from secpipe.core.text import plural
from secpipe.core.verdict import Effect, Reason
from secpipe.gate.ruling import Ruling, Situation, judge_findings, rule_on
from secpipe.scan.shadow_ai.judge import judge, parse_allow


#: kind in `signatures.cover` -> the check that finds what is of that kind
_KINDS = {"models": "models", "prompts": "sbom", "datasets": "sbom"}


def files(situation: Situation) -> Ruling:
    """Every file of the release could be read."""
    evidence = situation.of("files")
    summary = plural(int(evidence.facts.get("files", 0)), "file")
    return rule_on(situation, evidence, "Every file was read", required=True, findings=(), summary=summary)


def signatures(situation: Situation) -> Ruling:
    """Everything in `cover` is signed, by someone with the authority, with the halves the policy requires."""
    policy, evidence = situation.policy.signatures, situation.of("signatures")
    findings = list(evidence.findings)
    if policy.required and evidence.state in (State.OK, State.FAILED):
        findings += _unsigned(situation, evidence)
    unknown = _unknown_cover(situation) if policy.required else []
    signed = len(_list(evidence, "artifacts"))
    judged = judge_findings(situation, findings, block="low", warn="info")
    fix = "secpipe check --trust keys --trust-pin sha256:..."
    return rule_on(
        situation, evidence, "Signed by people we trust", required=policy.required, findings=judged,
        extra=unknown, summary=plural(signed, "signed artifact"), fix=fix,
    )  # fmt: skip


def _unsigned(situation: Situation, evidence: Evidence) -> list[Finding]:
    policy = situation.policy.signatures
    covered = _mapping(evidence, "covered")
    wrong = [
        a for a in _list(evidence, "artifacts") if policy.identities and a.get("identity") not in policy.identities
    ]
    distrusted = {str(artifact.get("identity")) for artifact in wrong}
    findings = []
    for path in sorted(_to_cover(situation)):
        identity = covered.get(path)
        if identity is None:
            message, subject = f"{path} is not covered by any signature", "unsigned"
        elif identity in distrusted:
            message, subject = f"{path} is signed by {identity}, which the policy does not accept", f"signer {identity}"
        else:
            continue
        where = path.rpartition("/")[0] or path
        findings.append(
            Finding("gate/unsigned-artifact", message, Severity.HIGH, path=path, subject=subject,
                    fix=f"secpipe sign {where}", details={"package": f"unsigned {where}"})
        )  # fmt: skip
    return findings


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


def _to_cover(situation: Situation) -> set[str]:
    """Return the paths that need a signature: by kind, as the other checks found them, or by glob."""
    names = {"models": "files", "prompts": "prompts", "datasets": "datasets"}
    kinds = {kind: _mapping(situation.of(check), names[kind]) for kind, check in _KINDS.items()}
    wanted: set[str] = set()
    for item in situation.policy.signatures.cover:
        if item in kinds:
            wanted |= set(kinds[item])
        else:
            wanted |= {path for path in situation.paths if fnmatchcase(path, item)}
    return wanted


def models(situation: Situation) -> Ruling:
    """Model files hold no code, and are of an accepted format."""
    policy, evidence = situation.policy.models, situation.of("models")
    found = _mapping(evidence, "files")
    findings = list(evidence.findings)
    for path, about in sorted(found.items()):
        kind = str(about.get("format", "unknown"))
        if policy.formats and kind not in policy.formats:
            message = f"{path} is {kind}; the policy accepts {', '.join(policy.formats)}"
            findings.append(Finding("gate/format-not-allowed", message, Severity.HIGH, path=path, subject=kind))
    bad = sum(about.get("outcome") == "malicious" for about in found.values())
    summary = plural(len(found), "model file") + (f", {bad} malicious" if bad else "")
    judged = judge_findings(situation, findings, block=policy.block, warn=policy.warn)
    return rule_on(
        situation, evidence, "Models hold no code", required=policy.required, findings=judged, summary=summary
    )


def shadow_ai(situation: Situation) -> Ruling:
    """Every AI service the code talks to has an approval that is not expired."""
    evidence = situation.of("shadow-ai")
    uses = _list(evidence, "uses")
    allow = parse_allow(situation.policy.shadow_ai)
    findings = [*evidence.findings, *judge(uses, allow, env=situation.environment, now=situation.now)]
    judged = judge_findings(situation, findings, block="medium", warn="low")
    return rule_on(
        situation,
        evidence,
        "AI services are approved",
        required=True,
        findings=judged,
        summary=plural(len(uses), "use"),
    )


def vulnerabilities(situation: Situation) -> Ruling:
    """No dependency has a known vulnerability at the blocking severity, judged on data fresh enough."""
    policy, evidence = situation.policy.vulnerabilities, situation.of("audit")
    extra = list(_advisory_age(situation, evidence))
    unjudged = int(evidence.facts.get("unjudged", 0))
    if policy.complete and unjudged:
        what = f"{plural(unjudged, 'component')} without a version could not be judged"
        extra.append(
            Reason("gate/incomplete", Effect.UNDECIDED, what, "audit", "pin every dependency", situation.policy.owner)
        )
    judged = judge_findings(situation, evidence.findings, block=policy.block, warn=policy.warn)
    date = str(_mapping(evidence, "advisories").get("date", ""))[:10]
    summary = plural(int(evidence.facts.get("packages", 0)), "package") + (f", advisories of {date}" if date else "")
    return rule_on(
        situation, evidence, "No known vulnerabilities", required=policy.required, findings=judged, extra=extra,
        summary=summary, fix="secpipe advisories update --from URL",
    )  # fmt: skip


def _advisory_age(situation: Situation, evidence: Evidence) -> list[Reason]:
    """Return why the advisory data is too old, below the pinned minimum, or from the future."""
    policy, minimum = situation.policy.vulnerabilities, situation.policy.minimum.advisories
    if evidence.state is not State.OK:
        return []
    owner, fix = situation.policy.owner, "secpipe advisories update --from URL"
    text = str(_mapping(evidence, "advisories").get("date", ""))
    try:
        date = datetime.fromisoformat(text)
    except ValueError:
        what = "the advisory data bears no date"
        return [Reason("gate/stale-advisories", Effect.UNDECIDED, what, "audit", fix, owner)]
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    age = situation.now - date
    what = f"the advisory data is of {date:%Y-%m-%d}, {plural(age.days, 'day')} old"
    if age < timedelta(days=-1):
        return [
            Reason(
                "gate/clock",
                Effect.UNDECIDED,
                f"the advisory data is of {date:%Y-%m-%d}, in the future",
                "audit",
                "check the clock",
                owner,
            )
        ]
    if minimum and date.date() < minimum:
        return [
            Reason(
                "gate/stale-advisories",
                Effect.UNDECIDED,
                f"{what}; the policy wants {minimum} or newer",
                "audit",
                fix,
                owner,
            )
        ]
    if policy.max_age_days and age > timedelta(days=policy.max_age_days):
        return [
            Reason(
                "gate/stale-advisories",
                Effect.UNDECIDED,
                f"{what}; the policy allows {policy.max_age_days}",
                "audit",
                fix,
                owner,
            )
        ]
    if not policy.max_age_days and age > timedelta(days=30):
        return [Reason("gate/stale-advisories", Effect.WARN, what, "audit", fix, owner)]
    return []


def sbom(situation: Situation) -> Ruling:
    """There is an AI-BOM, it is valid, not empty, and complete enough for the profiles the policy names."""
    policy, evidence = situation.policy.sbom, situation.of("sbom")
    extra = []
    scores = _mapping(evidence, "profiles")
    for profile, minimum in sorted(policy.profiles.items()):
        score = scores.get(profile)
        if score is None:
            what = f'the AI-BOM was not scored against "{profile}"'
            extra.append(Reason("gate/missing-evidence", Effect.UNDECIDED, what, "sbom", owner=situation.policy.owner))
        elif score < minimum:
            what = f'the AI-BOM reaches {score}% of "{profile}"; the policy wants {minimum}%'
            fix = f"secpipe sbom score --profile {profile} PATH"
            extra.append(Reason("gate/incomplete-sbom", Effect.DENY, what, "sbom", fix, situation.policy.owner))
    judged = judge_findings(situation, evidence.findings, block="high", warn="low")
    summary = plural(int(evidence.facts.get("components", 0)), "component")
    return rule_on(
        situation, evidence, "AI-BOM is valid", required=policy.required, findings=judged, extra=extra, summary=summary
    )


def licenses(situation: Situation) -> Ruling:
    """No component has a denied licence; those to review are not decided until waived."""
    policy, evidence = situation.policy.licenses, situation.of("sbom")
    asked = bool(policy.allow or policy.review or policy.deny)
    findings = []
    for license_, names in sorted(_mapping(evidence, "licenses").items()):
        effect = _license_effect(license_, policy.allow, policy.review, policy.deny)
        if effect:
            rule = "gate/license-denied" if effect == "denied" else "gate/license-review"
            message = f"{', '.join(map(str, names[:3]))}: licence {license_} is {effect}"
            findings.append(Finding(rule, message, Severity.HIGH, subject=license_))
    state = State.OK if evidence.state is State.FAILED else evidence.state
    own = Evidence("licenses", state, evidence.reason if state is not State.OK else "", since=evidence.since)
    judged = judge_findings(situation, findings, block="high", warn="low")
    if not asked:
        own = Evidence("licenses", State.SKIPPED, "the policy sets no licence rules")
    return rule_on(situation, own, "Licences are accepted", required=asked, findings=judged)


def _license_effect(license_: str, allow: tuple[str, ...], review: tuple[str, ...], deny: tuple[str, ...]) -> str:
    def among(globs: tuple[str, ...]) -> bool:
        return any(fnmatchcase(license_.lower(), glob.lower()) for glob in globs)

    if among(deny):
        return "denied"
    if among(review):
        return "to be reviewed by a person"
    return "not on the list of accepted licences" if allow and not among(allow) else ""


def provenance(situation: Situation) -> Ruling:
    """Models come with signed provenance from an accepted builder."""
    policy = situation.policy.provenance
    evidence = situation.of("attestation:provenance") if policy.required else _not_asked("provenance")
    extra = []
    builder = str(evidence.facts.get("builder", ""))
    if (
        evidence.state is State.OK
        and policy.builders
        and not any(fnmatchcase(builder, glob) for glob in policy.builders)
    ):
        what = f'built by "{builder or "nobody named"}", which the policy does not accept'
        extra.append(
            Reason("gate/builder-not-allowed", Effect.DENY, what, evidence.check, owner=situation.policy.owner)
        )
    return rule_on(situation, evidence, "Origin is known", required=policy.required, findings=(), extra=extra)


def attestations(situation: Situation) -> Ruling:
    """Every test result the policy demands exists, passed, and is fresh."""
    demands = situation.policy.attestations.require
    extra = []
    for demand in demands:
        evidence = situation.of(f"attestation:{demand.type}")
        made = evidence.since
        if evidence.state is State.FAILED:
            extra.append(
                Reason("gate/test-failed", Effect.DENY, evidence.reason, "attestations", owner=situation.policy.owner)
            )
        elif evidence.state is not State.OK:
            what = f'no "{demand.type}" result: {evidence.reason}'
            fix = f"secpipe attest --type test-result --predicate {demand.type}.json PATH"
            extra.append(
                Reason("gate/missing-evidence", Effect.UNDECIDED, what, "attestations", fix, situation.policy.owner)
            )
        elif demand.max_age_days and (made is None or situation.now - made > timedelta(days=demand.max_age_days)):
            age = plural(demand.max_age_days, "day")
            what = f'the "{demand.type}" result is older than {age} or bears no trusted time'
            extra.append(
                Reason("gate/missing-evidence", Effect.UNDECIDED, what, "attestations", owner=situation.policy.owner)
            )
    own = Evidence("attestations", State.OK) if demands else _not_asked("attestations")
    return rule_on(
        situation, own, "Tests were passed", required=bool(demands), findings=(), extra=extra,
        summary=plural(len(demands), "result") if demands else "",
    )  # fmt: skip


def trust(situation: Situation) -> Ruling:
    """Policy and trust root come pinned from outside the tree, are in force, and not below the pinned minimum."""
    policy, evidence = situation.policy, situation.of("trust")
    extra = []
    if situation.self_judged:
        fix = "secpipe check --policy FILE --policy-ref sha256:... --trust DIR --trust-pin sha256:..."
        extra.append(Reason("gate/self-judged", Effect.UNDECIDED, situation.self_judged, "trust", fix, policy.owner))
    if policy.expires and situation.now.date() > policy.expires:
        what = f'the policy "{policy.name}" expired on {policy.expires}'
        extra.append(Reason("gate/policy-expired", Effect.UNDECIDED, what, "trust", "renew the policy", policy.owner))
    for word, minimum in (("root", policy.minimum.root), ("ring", policy.minimum.ring)):
        version = evidence.facts.get(f"{word}_version")
        if minimum and (not isinstance(version, int) or version < minimum):
            what = f"the trust {word} is version {version or 'unknown'}; the policy wants {minimum} or newer"
            extra.append(
                Reason(
                    "gate/trust-below-minimum", Effect.UNDECIDED, what, "trust", "secpipe trust update", policy.owner
                )
            )
    required = policy.signatures.required and bool(_to_cover(situation))  # otherwise nothing rests on it
    return rule_on(situation, evidence, "Judged by pinned rules", required=required, findings=(), extra=extra)


def _not_asked(check: str) -> Evidence:
    return Evidence(check, State.SKIPPED, "the policy does not ask for it")


def _mapping(evidence: Evidence, name: str) -> Mapping[str, Any]:
    value = evidence.facts.get(name)
    return value if isinstance(value, Mapping) else {}


def _list(evidence: Evidence, name: str) -> list[Any]:
    value = evidence.facts.get(name)
    return list(value) if isinstance(value, list | tuple) else []


#: The rules in the order of the report.
RULES: tuple[Callable[[Situation], Ruling], ...] = (
    trust,
    files,
    signatures,
    models,
    shadow_ai,
    vulnerabilities,
    sbom,
    licenses,
    provenance,
    attestations,
)
