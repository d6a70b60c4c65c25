"""Who signed what: coverage of everything the policy wants signed."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from secpipe.core.evidence import Evidence, State
from secpipe.core.finding import Finding, Severity
from secpipe.core.text import plural
from secpipe.core.verdict import Effect, Reason
from secpipe.gate.grouping import UNSIGNED
from secpipe.gate.rules.facts import listing, mapping
from secpipe.gate.ruling import Ruling, Situation, judge_findings, rule_on

#: formats of the model scan that are no models: archives, configurations, templates
_NO_MODELS = {
    "gzip", "zip", "tar", "bzip2", "bz2", "xz", "lzma", "zlib", "lz4", "zstd", "7z",
    "config", "chat-template", "modelfile", "xml", "text",
}  # fmt: skip
#: kind in `cover` -> the check that finds what is of that kind
_KINDS = {"models": "models", "prompts": "sbom", "datasets": "sbom"}


def signatures(situation: Situation) -> Ruling:
    """Everything in `cover` is signed, by someone with the authority, with the halves the policy requires."""
    policy, evidence = situation.policy.signatures, situation.of("signatures")
    findings = list(evidence.findings)
    if policy.required and evidence.state in (State.OK, State.FAILED):
        findings += _unsigned(situation, evidence)
    unknown = _unknown_cover(situation) if policy.required else []
    signed = len(listing(evidence, "artifacts"))
    judged = judge_findings(situation, findings, block="low", warn="info")
    fix = "secpipe check --trust keys --trust-pin sha256:..."
    return rule_on(
        situation, evidence, "Signed by people we trust", required=policy.required, findings=judged,
        extra=unknown, summary=plural(signed, "signed artifact"), fix=fix, fails_by_findings=True,
    )  # fmt: skip


def _unsigned(situation: Situation, evidence: Evidence) -> list[Finding]:
    policy = situation.policy.signatures
    covered = mapping(evidence, "covered")
    findings = []
    for path in sorted(to_cover(situation)):
        identity = covered.get(path)
        if identity is None:
            message, subject = f"{path} is not covered by any signature", "unsigned"
        elif policy.identities and identity not in policy.identities:
            message, subject = f"{path} is signed by {identity}, which the policy does not accept", f"signer {identity}"
        else:
            continue
        about = mapping(situation.of("models"), "files").get(path)
        blocked = isinstance(about, Mapping) and about.get("outcome") == "malicious"
        details = {"blocked": blocked}  # nobody is told to sign what the model scan refuses
        findings.append(Finding(UNSIGNED, message, Severity.HIGH, path=path, subject=subject, details=details))
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


def to_cover(situation: Situation) -> set[str]:
    """Return the paths that need a signature: by kind, as the other checks found them, or by glob."""
    names = {"models": "files", "prompts": "prompts", "datasets": "datasets"}
    kinds = {kind: mapping(situation.of(check), names[kind]) for kind, check in _KINDS.items()}
    wanted: set[str] = set()
    for item in situation.policy.signatures.cover:
        if item in kinds:
            wanted |= set(kinds[item])
        else:
            wanted |= {path for path in situation.paths if fnmatchcase(path, item)}
    return wanted - {path for path, about in kinds["models"].items() if _is_no_model(about)}


def _is_no_model(about: Any) -> bool:
    """Archives without a model in them, configurations and templates need no signature of their own."""
    if not isinstance(about, Mapping):
        return False
    met = {*str(about.get("format", "")).split("+"), *map(str, about.get("holds") or ())}
    return met <= _NO_MODELS
