"""The AI-BOM and the licences it lists."""

from __future__ import annotations

from fnmatch import fnmatchcase

from secpipe.core.evidence import Evidence, State
from secpipe.core.finding import Finding, Severity
from secpipe.core.text import plural
from secpipe.core.verdict import Effect, Reason
from secpipe.gate.facts import mapping
from secpipe.gate.rules.shipped import shipped
from secpipe.gate.ruling import Ruling, Situation, judge_findings, rule_on


def sbom(situation: Situation) -> Ruling:
    """There is an AI-BOM, it is valid, not empty, and complete enough for the profiles the policy names."""
    policy, evidence = situation.policy.sbom, situation.of("sbom")
    extra = []
    scores = mapping(evidence, "profiles")
    for profile, minimum in sorted(policy.profiles.items()):
        score = scores.get(profile)
        if score is None:
            what = f'the AI-BOM was not scored against "{profile}"'
            extra.append(Reason("gate/missing-evidence", Effect.UNDECIDED, what, "sbom", owner=situation.policy.owner))
        elif score < minimum:
            what = f'the AI-BOM reaches {score}% of "{profile}"; the policy wants {minimum}%'
            extra.append(Reason("gate/incomplete-sbom", Effect.DENY, what, "sbom", situation.policy.owner))
    extra += shipped(situation, evidence)
    judged = judge_findings(situation, evidence.findings, block="high", warn="low")
    summary = plural(int(evidence.facts.get("components", 0)), "component")
    return rule_on(
        situation,
        evidence,
        "AI-BOM is valid",
        required=policy.required or policy.shipped,
        findings=judged,
        extra=extra,
        summary=summary,
        complete=situation.policy.vulnerabilities.complete,
    )


def licenses(situation: Situation) -> Ruling:
    """No component has a denied licence; those to review are not decided until waived."""
    policy, evidence = situation.policy.licenses, situation.of("sbom")
    asked = bool(policy.allow or policy.review or policy.deny)
    findings = []
    for expression, names in sorted(mapping(evidence, "licenses").items()):
        license_ = expression or "NOASSERTION"  # SPDX's word for a licence nobody stated
        effect = _license_effect(license_, policy.allow, policy.review, policy.deny)
        if effect:
            rule = "gate/license-denied" if effect == "denied" else "gate/license-review"
            message = f"{', '.join(map(str, names[:3]))}: licence {license_} is {effect}"
            findings.append(Finding(rule, message, Severity.HIGH, subject=license_))
    state = State.OK if evidence.state is State.FAILED else evidence.state
    why = evidence.reason if state is not State.OK else ""
    own = Evidence("licenses", state, why, since=evidence.since, skips=evidence.skips, accepted=evidence.accepted)
    judged = judge_findings(situation, findings, block="high", warn="low")
    if not asked:
        own = Evidence("licenses", State.SKIPPED, "the policy sets no licence rules")
    complete = situation.policy.vulnerabilities.complete
    return rule_on(situation, own, "Licences are accepted", required=asked, findings=judged, complete=complete)


def _license_effect(license_: str, allow: tuple[str, ...], review: tuple[str, ...], deny: tuple[str, ...]) -> str:
    def among(globs: tuple[str, ...]) -> bool:
        return any(fnmatchcase(license_.lower(), glob.lower()) for glob in globs)

    if among(deny):
        return "denied"
    if among(review):
        return "to be reviewed by a person"
    return "not on the list of accepted licences" if allow and not among(allow) else ""


RULES = {70: sbom, 80: licenses}
