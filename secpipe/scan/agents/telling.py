"""The findings of this wing: one sentence of ours; what the file says is quoted as data, never as words of ours."""

from __future__ import annotations

from typing import Any

from secpipe.core.finding import Confidence, Finding, Severity
from secpipe.core.foreign import as_data
from secpipe.core.text import printable
from secpipe.system.redaction import redact

#: rule -> (severity, what to do). The pages are `policies/rules/agents.toml`.
RULES: dict[str, tuple[Severity, str]] = {
    "agents/hidden-text": (Severity.HIGH, "take out what a reader cannot see, and read what it says"),
    "agents/fetch-and-run": (Severity.HIGH, "install it at one version, with its digest, and start what was installed"),
    "agents/hostile-command": (
        Severity.HIGH,
        "remove the item that brings the command, and look at where it came from",
    ),
    "agents/floating-package": (Severity.MEDIUM, "name one version: name@1.2.3, name==1.2.3, image@sha256:..."),
    "agents/wide-permission": (Severity.HIGH, "name what may be run, and let it ask before anything else"),
    "agents/secret-in-configuration": (Severity.HIGH, "revoke the secret, and name it by a variable: ${NAME}"),
    "agents/credential-theft": (Severity.CRITICAL, "remove the item; change the credentials if it ever ran"),
    "agents/lethal-combination": (Severity.MEDIUM, "take one of the three away, or give them to agents of their own"),
    "agents/instruction-to-conceal": (Severity.HIGH, "remove the sentence, and look at who wrote it"),
    "agents/instruction-to-disable": (Severity.HIGH, "remove the sentence: no check is switched off by prose"),
    "agents/look-alike-name": (Severity.HIGH, "write the name of the one you meant, or remove it"),
    "agents/redirected-traffic": (Severity.HIGH, "remove the address, or approve the host that it names"),
    "agents/leaves-project": (
        Severity.HIGH,
        "put the file into the project: what a link outside shows is decided there",
    ),
    "agents/changed-description": (
        Severity.HIGH,
        "compare the tool with its lock (secpipe agents diff), and pin it anew",
    ),
}


def told(
    rule: str,
    message: str,
    path: str,
    *,
    line: int = 0,
    subject: str = "",
    said: str = "",
    severity: Severity | None = None,
    **details: Any,
) -> Finding:
    """Return a finding; `said` is text of the file, which only stands in the details, marked as data."""
    usual, fix = RULES[rule]
    quoted = {"quoted": as_data(printable(redact(said), 160))} if said else {}
    return Finding(
        rule=rule,
        message=message,
        severity=usual if severity is None else severity,
        confidence=Confidence.HIGH,
        path=path,
        line=line,
        subject=printable(redact(subject), 200),
        fix=fix,
        details={**details, **quoted},
    )


def name_of(text: str) -> str:
    """Return a name out of a file for a sentence of ours: short, printable, no secret in it."""
    return printable(redact(" ".join(text.split())), 80)


def line_of(text: str, at: int) -> int:
    """Return the line (from 1) of a place in a text."""
    return text.count("\n", 0, max(at, 0)) + 1
