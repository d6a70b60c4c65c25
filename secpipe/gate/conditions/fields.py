"""What a condition may ask of an item: six kinds, each with declared fields that are always there (null: not known)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Field:
    """A field of an item: its type (`?`: may be null) and what it says."""

    kind: str
    doc: str


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
        "owner": Field("string?", "who owns a prompt: as it says itself, or CODEOWNERS"),
        "co2_grams": Field("double?", "grams of CO2 that its card declares for making it"),
        "energy_kwh": Field("double?", "energy that its card declares, in kWh"),
        "cost_usd": Field("double?", "cost that its card declares, in US dollars"),
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
        "basis": Field("string?", "what it rests on: came along, dependency, import, use"),
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


def typed_fields(on: str) -> tuple[tuple[str, str], ...]:
    """Return ((`item.field`, type), ...) as `cel.compile_checked` takes it."""
    return tuple((f"{on}.{name}", field.kind) for name, field in FIELDS[on].items())
