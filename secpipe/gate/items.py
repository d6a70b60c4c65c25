"""What a condition sees: six kinds of items, each with declared fields that are always there (null: not known)."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from secpipe.core.finding import Finding
from secpipe.core.inventory import Component
from secpipe.core.limits import DEFAULT, Limits
from secpipe.core.verdict import Effect, JudgedFinding
from secpipe.gate.rules.facts import listing, mapping
from secpipe.gate.ruling import Situation


@dataclass(frozen=True, slots=True)
class Field:
    """A field of an item: its type (`?`: may be null) and what it says."""

    kind: str
    doc: str


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that a condition looks at: its raw values by field, and how people and waivers name it.

    `key` is what it is found by in its evidence: a finding id, a component's ref, a path or a use's id.
    """

    values: Mapping[str, Any]
    key: str
    label: str
    subject: str
    path: str = ""
    line: int = 0


_ABOUT_FINDING = {
    "id": Field("string", "stable id, 20 hex digits"),
    "rule": Field("string", "rule id, such as `models/unlisted-call`"),
    "severity": Field("string", "`critical`, `high`, `medium`, `low` or `info`"),
    "level": Field("int", "the severity as a number: 4 is critical, 0 is info"),
    "confidence": Field("string", "`high`, `medium` or `low`"),
    "path": Field("string", "file, relative to the project; may be empty"),
    "message": Field("string", "one sentence"),
    "waived": Field("bool", "a waiver holds for it"),
}

FIELDS: dict[str, dict[str, Field]] = {
    "finding": _ABOUT_FINDING
    | {
        "line": Field("int?", "line in the file"),
        "subject": Field("string", "what it is about: a package, a host, a call"),
        "owner": Field("string?", "who acts"),
        "fix": Field("string?", "what ends it"),
    },
    "vulnerability": _ABOUT_FINDING
    | {
        "id": Field("string", "id of the advisory, such as `GHSA-...` or `CVE-...`"),
        "aliases": Field("list", "its other ids"),
        "package": Field("string", "name of the package"),
        "version": Field("string?", "version in use"),
        "ecosystem": Field("string", "`PyPI`, `npm`, `Go`, `crates.io`, `Maven`, ..."),
        "fixed": Field("list", "versions that are not affected; empty: none is known"),
        "upgrade": Field("string?", "version that clears the package as far as it can be cleared"),
        "score": Field("double?", "CVSS base score, 0.0 to 10.0"),
        "vector": Field("string?", "CVSS vector"),
        "epss": Field("double?", "probability of exploitation within 30 days, 0.0 to 1.0"),
        "kev": Field("string?", "day it entered CISA's list of exploited vulnerabilities; null: not listed there"),
        "malicious": Field("bool", "the package itself is malicious"),
        "direct": Field("bool", "the project names the package itself"),
        "imported": Field("bool?", "shipped code imports it"),
        "weaknesses": Field("list", "CWE ids"),
        "priority": Field("string?", "what to mend first, as the audit orders it"),
    },
    "component": {
        "kind": Field("string", "`library`, `machine-learning-model`, `data`, `prompt`, `service`, ..."),
        "name": Field("string", "name"),
        "version": Field("string?", "version"),
        "purl": Field("string?", "package URL, where it is proven"),
        "ecosystem": Field("string?", "package index"),
        "path": Field("string?", "file it was read from"),
        "direct": Field("bool", "the project names it itself"),
        "licenses": Field("list?", "SPDX expressions, or the words of a model card; not known where nobody states one"),
        "licensed": Field("bool", "somebody states a licence"),
        "supplier": Field("string?", "who supplies it"),
        "sha256": Field("string?", "digest of the file"),
    },
    "model": {
        "path": Field("string", "file"),
        "format": Field("string", "format, told by its content: `safetensors`, `gguf`, `pickle`, ..."),
        "outcome": Field("string", "what the scan says: `ok`, `review` or `malicious`"),
        "holds": Field("list", "formats met in it at any depth"),
    },
    "ai_use": {
        "provider": Field("string", "provider by its catalogue id; `unknown`, `unlisted`, `local`"),
        "name": Field("string?", "name of the provider or service"),
        "kind": Field("string?", "`model-api`, `cloud`, `gateway`, `coding-agent`, `mcp`, ..."),
        "host": Field("string?", "host it talks to; null: the provider's own"),
        "mechanism": Field("string", "`sdk`, `http`, `cli`, `mcp`, `env`, `manifest`, ..."),
        "model": Field("string?", "model it asks for"),
        "path": Field("string", "file"),
        "line": Field("int?", "line in the file"),
        "region": Field("string", "`code`, `config`, `test`, `docs`, `comment`, `vendored`, `example`"),
        "confidence": Field("string", "`high`, `medium` or `low`"),
        "jurisdiction": Field("string?", "where the provider answers to the law"),
        "sdk": Field("string?", "provider whose client library carries the call"),
        "local": Field("bool", "this machine or a private network"),
        "context": Field("bool", "says only that AI is near, not that a model is called"),
    },
    "artifact": {
        "path": Field("string", "the signed file or folder"),
        "kind": Field("string", "`model` (a folder) or `file`"),
        "verified": Field("bool", "every signature, date and file holds"),
        "require_met": Field("bool", "the halves that the policy requires verified"),
        "name": Field("string?", "name in the signed statement"),
        "version": Field("string?", "version in the signed statement"),
        "purpose": Field("string?", "what was signed: `model`, `file`, ..."),
        "digest": Field("string?", "SHA-256 or dirHash"),
        "identity": Field("string?", "who signed"),
        "key_version": Field("int?", "version of the signer's key"),
        "halves": Field("list?", "algorithms that verified"),
        "trusted_time": Field("string?", "time of signing by a trusted source"),
    },
}

#: kind of item -> the check whose evidence it comes from; findings come from all of them.
SOURCES = {
    "vulnerability": "audit",
    "component": "sbom",
    "model": "models",
    "ai_use": "shadow-ai",
    "artifact": "signatures",
}


def items(situation: Situation, on: str, judged: Iterable[JudgedFinding]) -> list[Item]:
    """Return the items of one kind; `judged` are the findings of all rules, with what waivers made of them."""
    if on == "finding":
        return [_finding(one) for one in _all_findings(situation, judged)]
    if on == "vulnerability":
        known = {"audit/known-vulnerability", "audit/malicious-package", "audit/unclear-advisory"}
        waived = {one.finding.id for one in judged if one.waiver}
        return [_vulnerability(one, waived) for one in situation.of("audit").findings if one.rule in known]
    if on == "component":
        return [_component(one) for one in situation.components]
    source = situation.of(SOURCES[on])
    if on == "model":
        return [_model(path, about) for path, about in mapping(source, "files").items()]
    if on == "ai_use":
        return [_use(about) for about in listing(source, "uses")]
    return [_artifact(about) for about in listing(source, "artifacts")]


def typed_fields(on: str) -> tuple[tuple[str, str], ...]:
    """Return ((`item.field`, type), ...) as `cel.compile_checked` takes it."""
    return tuple((f"{on}.{name}", field.kind) for name, field in FIELDS[on].items())


def bind(
    item: Item, on: str, used: Collection[str], asked: Collection[str], limits: Limits = DEFAULT
) -> tuple[dict[str, Any], list[str]]:
    """Return the values of the `used` fields by qualified name, and the fields that are not known.

    What is not known is null only where the expression asks whether it is (`asked`); elsewhere it is not bound at all,
    so that CEL cannot take it for a value that differs. A value of another type, or over a limit, is not known either.
    """
    values: dict[str, Any] = {}
    unknown = []
    for name in used:
        kind = FIELDS[on][name].kind
        value = _typed(kind.removesuffix("?"), item.values.get(name), limits)
        if value is None or (kind.endswith("?") and value in ("", [])):
            unknown.append(name)
            if name in asked and kind.endswith("?") and _absent(item.values.get(name)):
                values[f"{on}.{name}"] = None
            continue
        values[f"{on}.{name}"] = value
    return values, unknown


def _absent(value: Any) -> bool:
    """Whether nothing is known, rather than something that cannot be told."""
    return value is None or value == ""


def _typed(kind: str, value: Any, limits: Limits) -> Any:
    """Return the value if it is of that type and within the limits, otherwise None."""
    if kind == "list":
        short = isinstance(value, list | tuple) and len(value) <= limits.condition_list
        texts = [_typed("string", one, limits) for one in value] if short else [None]
        return None if None in texts else texts
    if kind == "string":
        whole = isinstance(value, str) and len(value) <= limits.condition_text
        return value if whole and (value.isascii() or _is_unicode(value)) else None
    if kind == "double":
        number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300
        return float(value) if number and math.isfinite(value) else None
    if kind == "int":
        return value if type(value) is int and abs(value) < 2**63 else None
    return value if type(value) is bool else None


def _is_unicode(text: str) -> bool:
    """Whether the text has no surrogates, which stand for bytes that are no UTF-8."""
    try:
        return bool(text.encode("utf-8"))
    except UnicodeEncodeError:
        return False


def _all_findings(situation: Situation, judged: Iterable[JudgedFinding]) -> Iterable[JudgedFinding]:
    """Yield every finding once: those that rules judged, then those that no rule looks at."""
    seen = set()
    for one in judged:
        seen.add(id(one.finding))
        yield one
    for evidence in situation.evidence.values():
        for finding in evidence.findings:
            if id(finding) not in seen:
                yield JudgedFinding(finding, Effect.INFO)


def _finding(judged: JudgedFinding) -> Item:
    one = judged.finding
    values = _about(one, bool(judged.waiver)) | {
        "line": one.line or None,
        "subject": one.subject,
        "owner": one.owner,
        "fix": one.fix,
    }
    return Item(values, one.id, one.message, f"{one.rule} {one.subject}".strip(), one.path, one.line)


def _about(one: Finding, waived: bool) -> dict[str, Any]:
    return {
        "id": one.id,
        "rule": one.rule,
        "severity": str(one.severity),
        "level": int(one.severity),
        "confidence": str(one.confidence),
        "path": one.path,
        "message": one.message,
        "waived": waived,
    }


def _vulnerability(one: Finding, waived: Collection[str]) -> Item:
    details = one.details
    names = ("aliases", "package", "version", "ecosystem", "fixed", "upgrade", "vector", "epss", "kev", "direct")
    values = {name: details.get(name) for name in (*names, "imported", "weaknesses", "priority")}
    values |= _about(one, one.id in waived)
    values |= {
        "id": details.get("id"),
        "score": details.get("cvss"),
        "malicious": one.rule == "audit/malicious-package",
    }
    label = f"{details.get('id', one.rule)} in {details.get('package', '?')} {details.get('version', '')}".strip()
    return Item(values, one.id, label, one.subject, one.path, one.line)


def _component(one: Component) -> Item:
    supplier = one.facts.get("supplier")
    values = {
        "kind": one.kind.value,
        "name": one.name,
        "version": one.version,
        "purl": one.purl,
        "ecosystem": one.ecosystem,
        "path": one.path,
        "direct": one.direct,
        "licenses": list(one.licenses) or None,
        "licensed": bool(one.licenses),
        "supplier": supplier.value if supplier else None,
        "sha256": next((digest.value for digest in one.digests if digest.algorithm == "sha256"), None),
    }
    label = f"{one.name} {one.version}".strip()
    return Item(values, one.ref, label, one.purl or f"{one.kind.value} {one.name}", one.path, one.line)


def _model(path: str, about: Any) -> Item:
    values = {**(about if isinstance(about, Mapping) else {}), "path": path}
    return Item(values, path, path, path, path)


def _use(about: Any) -> Item:
    values = about if isinstance(about, Mapping) else {}
    path, line = _text(values, "path"), values.get("line")
    where = f"{path}:{line}" if type(line) is int and line else path
    words = [_text(values, name) for name in ("provider", "host", "mechanism")]
    named = _text(values, "name") or words[0] or "an AI service"
    line = line if type(line) is int else 0
    values = {**values, "line": line or None}
    return Item(values, _text(values, "id"), f"{named} in {where}", " ".join(filter(None, words)), path, line)


def _artifact(about: Any) -> Item:
    values = about if isinstance(about, Mapping) else {}
    path = _text(values, "path")
    return Item(values, path, path or "the project itself", path or _text(values, "name"), path)


def _text(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name)
    return value if isinstance(value, str) else ""
