"""Uses against the allow-list: what nobody approved, in plain sentences. Pure: no clock, no disk, no network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from secpipe.core.finding import Confidence, Finding, Severity, sort_key
from secpipe.scan.shadow_ai.allow import Approval, ShadowAI
from secpipe.scan.shadow_ai.hosts import is_local
from secpipe.scan.shadow_ai.signal import LOCAL, UNKNOWN, UNLISTED

_SEVERITY = {
    "model-api": Severity.HIGH,
    "cloud": Severity.HIGH,
    "inference-host": Severity.HIGH,
    "gateway": Severity.HIGH,
    "embedding": Severity.HIGH,
    "speech": Severity.HIGH,
    "image": Severity.HIGH,
    "coding-agent": Severity.MEDIUM,
    "agent-tool": Severity.MEDIUM,
    "mcp": Severity.MEDIUM,
    "framework": Severity.LOW,
    "vector-db": Severity.LOW,
    "llm-observability": Severity.MEDIUM,
    "local-runtime": Severity.LOW,
    LOCAL: Severity.LOW,
    UNKNOWN: Severity.HIGH,
    UNLISTED: Severity.HIGH,
}
#: kinds that are code to run, not a service to call: where they go is told by another use
_NO_SERVICE = {"framework", "vector-db"}
_DOES = {
    "sdk": "calls", "http": "calls", "env": "is set up for", "config": "is configured for",
    "model": "calls a model of", "cli": "runs",
    "sql": "calls", "iac": "provisions", "image": "runs a container of", "mcp": "gives an agent a tool by",
    "download": "downloads a model from",
    "action": "runs an AI action of", "agent": "is set up for", "manifest": "depends on",
}  # fmt: skip


def judge(uses: Iterable[Mapping[str, Any]], allow: ShadowAI, *, env: str, now: datetime) -> list[Finding]:
    """Return a finding for every use that the allow-list does not cover in environment `env` at `now`, worst first.

    `uses` are entries of the evidence's `uses`. Uses outside the policy's regions, below its confidence, or that only
    say that AI is near (`context`) are not judged.
    """
    grouped: dict[str, Finding] = {}
    for use in uses:
        finding = _judge(use, allow, env, now)
        if finding is not None:
            grouped[finding.id] = _with(grouped[finding.id], finding) if finding.id in grouped else finding
    return sorted(grouped.values(), key=sort_key)


def approved(uses: Iterable[Mapping[str, Any]], allow: ShadowAI, *, env: str, now: datetime) -> list[Finding]:
    """Return a finding of severity info for every use that an entry of the allow-list covers: the inventory."""
    grouped: dict[str, Finding] = {}
    for use in uses:
        entry, _ = approval_of(use, allow, env=env, now=now)
        if entry is not None and _judge(use, allow, env, now) is None:
            words = f"approved by {entry.owner} until {entry.until:%Y-%m-%d}: {entry.reason}"
            finding = replace(_finding(use, "approved-use", words, owner=entry.owner), severity=Severity.INFO, fix="")
            grouped[finding.id] = _with(grouped[finding.id], finding) if finding.id in grouped else finding
    return sorted(grouped.values(), key=sort_key)


def _with(first: Finding, other: Finding) -> Finding:
    """One finding for one destination of a file, whichever models it asks for."""
    models = list(dict.fromkeys([*first.details["models"], *other.details["models"]]))
    return replace(
        first, details={**first.details, "models": models}, line=min(filter(None, (first.line, other.line)), default=0)
    )


def approval_of(
    use: Mapping[str, Any], allow: ShadowAI, *, env: str, now: datetime
) -> tuple[Approval | None, Approval | None]:
    """Return the entry that approves a use, and one that did but has expired; None where there is none."""
    matching = [entry for entry in allow.allow if _matches(entry, use, env)]
    valid = next((entry for entry in matching if now <= entry.until), None)
    expired = max((entry for entry in matching if now > entry.until), key=lambda entry: entry.until, default=None)
    return valid, expired


def _judge(use: Mapping[str, Any], allow: ShadowAI, env: str, now: datetime) -> Finding | None:
    if use["region"] not in allow.regions or use["context"] or use.get("basis") == "came along":
        return None
    if Confidence.parse(use["confidence"]) < Confidence.parse(allow.min_confidence):
        return None
    if allow.inline_waivers and use.get("waiver"):
        return None
    if allow.local_only and _leaves(use):
        found = _finding(use, "not-local", "which leaves this machine, and the policy allows local AI only")
        return replace(found, severity=Severity.HIGH)
    if use["host"] and _is_gateway(use["host"], allow):
        return None
    valid, expired = approval_of(use, allow, env=env, now=now)
    if valid is not None and not (allow.gateway and not use["local"] and not valid.host):
        return None
    if expired is not None and valid is None:
        words = f"whose approval by {expired.owner} expired on {expired.until:%Y-%m-%d} ({expired.reason})"
        return _finding(use, "expired-approval", words, owner=expired.owner)
    if use["provider"] == UNKNOWN:
        if allow.unknown_destination == "allow":
            return None
        return _finding(use, "unknown-destination", "at an address that cannot be told from the code")
    if allow.gateway and not use["local"] and use["mechanism"] != "manifest":
        return _finding(use, "not-through-gateway", f"and not through {', '.join(allow.gateway)}")
    if allow.default == "allow":
        return None
    return _finding(use, "unapproved-host" if use["host"] else "unapproved-provider", "which nobody approved")


def _leaves(use: Mapping[str, Any]) -> bool:
    """Whether a use goes outside the machine and its private network, or cannot be shown not to."""
    if use["mechanism"] == "download":
        return True
    if use["host"]:
        return "*" in use["host"] or not is_local(use["host"])
    return not use["local"] and use["kind"] not in _NO_SERVICE


def _is_gateway(host: str, allow: ShadowAI) -> bool:
    name = host.partition(":")[0]
    return any(_host_matches(pattern, host) or _host_matches(pattern, name) for pattern in allow.gateway)


def _matches(entry: Approval, use: Mapping[str, Any], env: str) -> bool:
    """Whether every scope the entry gives covers the use; what is not known about a use is not covered."""
    if entry.provider and entry.provider != use["provider"]:
        return False
    if entry.provider == "mcp" == use["mechanism"] and not entry.host:
        return False  # a protocol is nobody: an approval of a server says whose it is
    if entry.host and not _host_matches(entry.host, use["host"]):
        return False
    models, paths = entry.model + entry.models, entry.path + entry.paths
    if models and not (use["model"] and any(_glob(use["model"], pattern) for pattern in models)):
        return False
    if paths and not any(_path_matches(use["path"], pattern) for pattern in paths):
        return False
    if entry.env and env not in entry.env:
        return False
    return not entry.jurisdiction or use["jurisdiction"] in entry.jurisdiction


def _host_matches(pattern: str, host: str) -> bool:
    """`gw.corp` is that host on any port; `*.corp` any name below it, and only whole labels."""
    pattern, host = pattern.lower(), host.lower()
    bare = host.partition(":")[0]
    if "*" in host:  # a host with open parts matches only the same words
        return pattern == host
    if pattern.startswith("*."):
        return bare.endswith(pattern[1:]) and len(bare) > len(pattern) - 1
    return pattern in {host, bare}


def _glob(text: str, pattern: str) -> bool:
    """A model glob covers the bare name and the name behind a router's prefix."""
    return fnmatchcase(text, pattern) or fnmatchcase(text.rpartition("/")[2], pattern)


def _path_matches(path: str, pattern: str) -> bool:
    """Globs as in `fnmatch`; `a/**` is everything below `a`, `*` does not cross a folder."""
    parts, wanted = path.split("/"), pattern.strip("/").split("/")
    return _parts_match(parts, wanted)


def _parts_match(parts: list[str], wanted: list[str]) -> bool:
    reached = {0}
    for part in wanted:
        if part == "**":
            reached = set(range(min(reached), len(parts) + 1)) if reached else set()
        else:
            reached = {index + 1 for index in reached if index < len(parts) and fnmatchcase(parts[index], part)}
        if not reached:
            return False
    return len(parts) in reached


def _finding(use: Mapping[str, Any], rule: str, words: str, *, owner: str = "") -> Finding:
    place = f"{use['path']}:{use['line']}" if use["line"] else use["path"]
    host, name = use["host"], use["name"]
    does = (
        "uses"
        if use["kind"] in {"framework", "mcp"} and use["mechanism"] == "sdk"
        else _DOES.get(use["mechanism"], "uses")
    )
    if use["provider"] == UNKNOWN:
        what = "calls an AI service"
        does = ""
    elif use["provider"] in {UNLISTED, LOCAL}:
        what = f"an AI service on {host} ({name})"
        does = "calls"
    else:
        what = f"{host} ({name})" if host and does == "calls" else name
    if use["model"] and use["mechanism"] in {"model", "download"}:
        what = f"{what} ({use['model']})"
    joint = " " if rule in {"unknown-destination", "not-through-gateway"} else ", "
    severity = _SEVERITY.get(use["kind"], Severity.MEDIUM)
    if use.get("basis") == "import" or use["mechanism"] == "env":
        severity = min(severity, Severity.MEDIUM)
    if use.get("basis") == "dependency":
        severity = min(severity, Severity.LOW)
    if use["mechanism"] == "agent" and "an agent" in " ".join(map(str, use["evidence"])):
        severity = Severity.INFO  # that a page of rules is there says nothing of what it says: the agents wing reads it
    return Finding(
        rule=f"shadow-ai/{rule}",
        message=f"{place} {does} {what}{joint}{words}".replace("  ", " "),
        severity=Severity(severity),
        confidence=Confidence(Confidence.parse(use["confidence"])),
        path=use["path"],
        line=use["line"],
        subject=" ".join(filter(None, (use["provider"], host, use["mechanism"]))),
        fix=_fix(use, rule),
        owner=owner,
        details={
            "use": use["id"],
            "provider": use["provider"],
            "name": use["name"],
            "host": host,
            "mechanism": use["mechanism"],
            "basis": use.get("basis", "use"),  # older records do not say
            "model": use["model"],
            "models": [use["model"]] if use["model"] else [],
            "evidence": list(use["evidence"]),
        },
    )


def _fix(use: Mapping[str, Any], rule: str) -> str:
    if rule == "expired-approval":
        return "renew the approval with a new date, or remove the call"
    if rule == "not-through-gateway":
        return "point the client at the gateway"
    if rule == "not-local":
        return "run the model on this machine or its private network, or remove the call"
    if rule == "unknown-destination":
        return "write the address down where the scan can read it, or approve it by path"
    name = (
        f'host = "{use["host"]}"'
        if use["host"] and use["provider"] in {UNLISTED, LOCAL}
        else f'provider = "{use["provider"]}"'
    )
    return f"approve it with [[shadow_ai.allow]] {name}, owner, reason and expires, or remove the call"
