"""What `secpipe verify` says: evidence of several paths as one, as a document and as sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from secpipe.core.errors import EXIT_DENY, EXIT_PASS, EXIT_UNDECIDED
from secpipe.core.evidence import Evidence, State
from secpipe.core.finding import Finding
from secpipe.core.text import plural, printable

_WORST = (State.FAILED, State.SKIPPED, State.STALE, State.OK)


def combine(parts: Sequence[tuple[str, Evidence]]) -> Evidence:
    """Return one evidence over several paths: the worst state with its reason; paths get the given one in front."""
    if len(parts) == 1:
        return parts[0][1]
    worst = min((evidence for _, evidence in parts), key=lambda evidence: _WORST.index(evidence.state))
    artifacts: list[dict[str, Any]] = []
    covered: dict[str, str] = {}
    findings: list[Finding] = []
    for path, evidence in parts:
        artifacts += [fact | {"path": _join(path, fact["path"])} for fact in evidence.facts.get("artifacts", [])]
        covered |= {_join(path, name): who for name, who in evidence.facts.get("covered", {}).items()}
        findings += [replace(finding, path=_join(path, finding.path)) for finding in evidence.findings]
    skips = tuple(skip for _, evidence in parts for skip in evidence.skips)
    facts: dict[str, Any] = {"artifacts": artifacts, "covered": covered}
    if "pinned" in worst.facts:
        facts["pinned"] = worst.facts["pinned"]
    return replace(worst, findings=tuple(findings), facts=facts, skips=skips)


def exit_code(evidence: Evidence) -> int:
    """0 everything holds, 1 something does not, 3 nothing is known."""
    if evidence.state is State.FAILED:
        return EXIT_DENY
    return EXIT_PASS if evidence.state is State.OK and not evidence.skips else EXIT_UNDECIDED


def human(evidence: Evidence, paths: Sequence[str], *, simulated: bool) -> str:
    """Return what a person reads: the answer first, then who signed what, then what is wrong and how to mend it."""
    lines = ["SIMULATED: judged as of another time"] if simulated else []
    what = printable(paths[0]) if len(paths) == 1 else plural(len(paths), "path")
    if evidence.state is State.OK:
        lines.append(f"VERIFIED  {what}")
    else:
        word = "NOT VERIFIED" if evidence.state is State.FAILED else "UNDECIDED"
        lines.append(f"{word}  {what}: {printable(evidence.reason)}")
    for fact in evidence.facts.get("artifacts", []):
        if fact["verified"]:
            lines += _signer(fact, evidence.facts)
    if evidence.check.startswith("attestation:") and evidence.facts:
        facts = evidence.facts
        told = f", result {facts['result']}" if "result" in facts else ""
        lines.append(f"  {facts['purpose']} by {facts['identity']}, made {facts['made']}{told}")
    if evidence.state is State.OK and evidence.facts.get("pinned") is False:
        lines.append("  note: the trust root is not pinned; who can change it can change this answer (--trust-pin)")
    for finding in evidence.findings:
        mark = "note" if str(finding.severity) == "info" else "fail"
        place = "" if not finding.path or finding.path in finding.message else f"{printable(finding.path)}: "
        lines.append(f"  {mark}: {place}{printable(finding.message)} [{finding.rule}]")
        if finding.fix:
            lines.append(f"        {printable(finding.fix)}")
    return "\n".join(lines) + "\n"


def _signer(fact: dict[str, Any], facts: Any) -> list[str]:
    name = f'{fact["purpose"]} "{fact["name"]}"' + (f" version {fact['version']}" if fact.get("version") else "")
    count = sum(1 for path in facts.get("covered", {}) if path.startswith(fact["path"]))
    when = f"before {fact['trusted_time']}" if fact.get("trusted_time") else "no trusted time"
    key = f"key version {fact['key_version']} ({' + '.join(fact['halves'])})"
    return [
        f"  {name} signed by {fact['identity']}, {key}, {when}",
        f"  {plural(count, 'file')}, digest {fact['digest']}",
    ]


def _join(path: str, inner: str) -> str:
    return f"{path.rstrip('/')}/{inner}" if inner and not path.endswith(inner) else path
