"""What a condition sees: the items of a release, each with the values of its declared fields."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from secpipe.core import shape
from secpipe.core.finding import Finding
from secpipe.core.inventory import Component
from secpipe.core.limits import DEFAULT, Limits
from secpipe.core.verdict import Effect, JudgedFinding
from secpipe.gate.conditions.fields import FIELDS, SOURCES
from secpipe.gate.facts import listing, mapping
from secpipe.gate.ruling import Situation


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


def items(situation: Situation, on: str, judged: Iterable[JudgedFinding]) -> list[Item]:
    """Return the items of one kind; `judged` are the findings of all rules, with what waivers made of them."""
    if on == "finding":
        return [_finding(one) for one in _all_findings(situation, judged)]
    if on == "vulnerability":
        known = {"audit/known-vulnerability", "audit/malicious-package", "audit/unclear-advisory"}
        waived = {one.finding.id for one in judged if one.waiver}
        found = (one for one in situation.of("audit").findings if one.id not in situation.ended)
        return [_vulnerability(one, waived) for one in found if one.rule in known]
    if on == "component":
        return [_component(one) for one in situation.components]
    source = situation.of(SOURCES[on])
    if on == "model":
        return [_model(path, about) for path, about in mapping(source, "files").items()]
    if on == "ai_use":
        return [_use(about) for about in listing(source, "uses")]
    return [_artifact(about) for about in listing(source, "artifacts")]


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
            if id(finding) not in seen and finding.id not in situation.ended:
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
    values: dict[str, Any] = {
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
        "owner": one.facts["owner"].value if "owner" in one.facts else None,
    }
    values |= {name.replace("-", "_"): _figure(one, name) for name in ("co2-grams", "energy-kwh", "cost-usd")}
    label = f"{one.name} {one.version}".strip()
    return Item(values, one.ref, label, one.purl or f"{one.kind.value} {one.name}", one.path, one.line)


def _figure(one: Component, name: str) -> float | None:
    """Return a number that a card declares; what is written otherwise is not known."""
    try:
        return float(one.facts[name].value) if name in one.facts else None
    except ValueError:
        return None


def _model(path: str, about: Any) -> Item:
    values = {**(about if isinstance(about, Mapping) else {}), "path": path}
    return Item(values, path, path, path, path)


def _use(about: Any) -> Item:
    values = about if isinstance(about, Mapping) else {}
    path, line = shape.text(values.get("path")), values.get("line")
    where = f"{path}:{line}" if type(line) is int and line else path
    words = [shape.text(values.get(name)) for name in ("provider", "host", "mechanism")]
    named = shape.text(values.get("name")) or words[0] or "an AI service"
    line = line if type(line) is int else 0
    values = {**values, "line": line or None}
    return Item(values, shape.text(values.get("id")), f"{named} in {where}", " ".join(filter(None, words)), path, line)


def _artifact(about: Any) -> Item:
    values = about if isinstance(about, Mapping) else {}
    path = shape.text(values.get("path"))
    return Item(values, path, path or "the project itself", path or shape.text(values.get("name")), path)
