"""VEX out: the findings of an audit as OpenVEX 0.2.0 or CycloneDX 1.6 statements, answered ones with their answer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from secpipe.core import times
from secpipe.core.finding import Finding
from secpipe.scan.vulnerabilities.findings import MALICIOUS, UNCLEAR, VULNERABLE
from secpipe.scan.vulnerabilities.vex import EXPIRES, SUPPRESSED

_RULES = {VULNERABLE, UNCLEAR, MALICIOUS, SUPPRESSED}
_JUSTIFICATIONS = {  # OpenVEX -> CycloneDX
    "component_not_present": "code_not_present",
    "vulnerable_code_not_present": "code_not_present",
    "vulnerable_code_not_in_execute_path": "code_not_reachable",
    "vulnerable_code_cannot_be_controlled_by_adversary": "requires_environment",
    "inline_mitigations_already_exist": "protected_by_mitigating_control",
}
_STATES = {"not_affected": "not_affected", "fixed": "resolved"}


def to_openvex(findings: Iterable[Finding], author: str, now: datetime) -> str:
    """Return an OpenVEX document; the same findings give the same `@id`."""
    statements = [_openvex(finding) for finding in findings if finding.rule in _RULES]
    digest = hashlib.sha256(json.dumps(statements, sort_keys=True).encode()).hexdigest()
    return _dump(
        {
            "@context": "https://openvex.dev/ns/v0.2.0",
            "@id": f"https://openvex.dev/docs/public/vex-{digest}",
            "author": author,
            "timestamp": times.rfc3339(now),
            "version": 1,
            "statements": statements,
        }
    )


def to_cyclonedx(findings: Iterable[Finding], author: str, now: datetime) -> str:
    """Return a CycloneDX 1.6 document of vulnerabilities only."""
    rows = [_cyclonedx(finding) for finding in findings if finding.rule in _RULES]
    return _dump(
        {
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "version": 1,
            "metadata": {"timestamp": times.rfc3339(now), "authors": [{"name": author}]},
            "vulnerabilities": rows,
        }
    )


def _openvex(finding: Finding) -> dict[str, Any]:
    details = finding.details
    statement: dict[str, Any] = {
        "vulnerability": {"name": details["id"], "aliases": list(details["aliases"])},
        "products": [{"@id": finding.subject.rpartition(" ")[0]}],
    }
    if finding.rule == SUPPRESSED:
        answer = details["vex"]
        statement["status"] = "not_affected" if answer["status"] in {"not_affected", "false_positive"} else "fixed"
        known = answer["justification"] in _JUSTIFICATIONS
        statement["justification" if known else "impact_statement"] = answer["justification"]
        statement |= {"supplier": answer["author"], "expires": answer["expires"]}
    elif finding.rule == UNCLEAR:
        statement["status"] = "under_investigation"
    else:
        statement |= {"status": "affected", "action_statement": finding.fix}
    return statement


def _cyclonedx(finding: Finding) -> dict[str, Any]:
    details = finding.details
    row: dict[str, Any] = {
        "id": details["id"],
        "references": [{"id": alias, "source": {"name": alias.partition("-")[0]}} for alias in details["aliases"]],
        "affects": [{"ref": finding.subject.rpartition(" ")[0]}],
        "recommendation": finding.fix,
    }
    if details["cvss"] is not None:
        row["ratings"] = [{"score": details["cvss"], "severity": details["severity"], "vector": details["vector"]}]
    if finding.rule == SUPPRESSED:
        answer = details["vex"]
        analysis = {"state": _STATES.get(answer["status"], answer["status"]), "detail": answer["justification"]}
        if answer["justification"] in _JUSTIFICATIONS:
            analysis["justification"] = _JUSTIFICATIONS[answer["justification"]]
        row |= {"analysis": analysis, "properties": [{"name": EXPIRES, "value": answer["expires"]}]}
    else:
        row["analysis"] = {"state": "in_triage" if finding.rule == UNCLEAR else "exploitable"}
    return row


def _dump(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
