"""VEX in: OpenVEX, CSAF and CycloneDX statements that say why a vulnerability does not matter here, and until when.

A statement counts only with a justification, an author and an expiry. What it answers is not dropped: it stays as a
finding `audit/suppressed`, listed and counted. A malicious package cannot be answered.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from secpipe.core import shape, times
from secpipe.core.artifact import Skip
from secpipe.core.documents import parse_json
from secpipe.core.errors import InputError
from secpipe.core.finding import Finding, Severity
from secpipe.core.text import printable
from secpipe.core.vex import EXPIRES, JUSTIFICATIONS, until
from secpipe.formats import csaf
from secpipe.formats.packages import purl
from secpipe.formats.packages.ecosystems import normal_name
from secpipe.scan.vulnerabilities.findings import UNCLEAR, VULNERABLE

SUPPRESSED = "audit/suppressed"
_ANSWERS = {"not_affected", "fixed", "false_positive", "resolved", "resolved_with_pedigree"}
#: OpenVEX 0.2.0, "Status Justifications", and CycloneDX 1.6 `impactAnalysisJustification`.
_JUSTIFICATIONS = {
    *JUSTIFICATIONS,
    "code_not_present",
    "code_not_reachable",
    "requires_configuration",
    "requires_dependency",
    "requires_environment",
    "protected_by_compiler",
    "protected_at_runtime",
    "protected_at_perimeter",
    "protected_by_mitigating_control",
}
_MAX = 20_000  # statements of one document


@dataclass(frozen=True, slots=True)
class Statement:
    """One answer. `products` are purls; one without a version means every version. Times are RFC 3339 or ""."""

    names: frozenset[str]
    products: tuple[str, ...]
    status: str
    justification: str
    author: str
    issued: str
    expires: str
    source: str

    def refusal(self, now: datetime) -> str:
        """Return why the statement does not count at `now`, or ""."""
        for missing, what in (
            (self.justification, "a justification"),
            (self.author, "an author"),
            (self.expires, "an expiry"),
            (self.names, "a vulnerability"),
            (self.products, "a product with a package URL"),
        ):
            if not missing:
                return f"it has no {what.partition(' ')[2]}"
        if self.issued > times.rfc3339(now):
            return f"it is dated {self.issued}, in the future"
        return "" if self.expires > times.rfc3339(now) else f"it expired on {self.expires}"


def read_vex(data: bytes, what: str) -> list[Statement]:
    """Return the statements of a VEX document that answer something; raises InputError where it is none.

    Statements that say a product is affected or under investigation answer nothing and are left out.
    """
    value = parse_json(data, printable(what, 200))
    if isinstance(value, dict) and str(value.get("@context", "")).startswith("https://openvex.dev/ns"):
        found = list(_openvex(value, what))
    elif isinstance(value, dict) and value.get("bomFormat") == "CycloneDX":
        found = list(_cyclonedx(value, what))
    elif csaf.is_csaf(value):
        found = [Statement(**fields, source=what) for fields in csaf.statements(value)]
    else:
        raise InputError(f"{printable(what, 200)} is no VEX document", hint="OpenVEX, CSAF or CycloneDX, as JSON")
    if len(found) > _MAX:
        raise InputError(f"{printable(what, 200)} holds more than {_MAX:,} statements")
    return [statement for statement in found if statement.status in _ANSWERS]


def apply(
    findings: Iterable[Finding], statements: Sequence[Statement], now: datetime
) -> tuple[list[Finding], list[Skip]]:
    """Return the findings, answered ones turned into `audit/suppressed`, and the statements that do not count."""
    valid: dict[tuple[str, str], list[tuple[str, str, Statement]]] = {}
    refused = []
    for statement in statements:
        if reason := statement.refusal(now):
            named = ", ".join(sorted(statement.names)[:3])
            refused.append(Skip(statement.source, f"the VEX statement on {named} does not count: {reason}"))
            continue
        for product in statement.products:
            if package := purl.parse(product):
                key = (package.ecosystem, normal_name(package.ecosystem, package.name))
                valid.setdefault(key, []).append((package.version, product, statement))
    return [_answered(finding, valid) for finding in findings], refused


def _answered(finding: Finding, valid: dict[tuple[str, str], list[tuple[str, str, Statement]]]) -> Finding:
    details = finding.details
    if finding.rule not in {VULNERABLE, UNCLEAR}:
        return finding
    names = {details["id"], *details["aliases"]}
    for version, product, statement in valid.get((details["ecosystem"], details["package"]), ()):
        if version in ("", details["version"]) and not names.isdisjoint(statement.names):
            answer = {
                "rule": finding.rule,
                "severity": str(finding.severity),
                "status": statement.status,
                "justification": printable(statement.justification, 500),
                "author": printable(statement.author, 200),
                "expires": statement.expires,
                "product": printable(product, 300),
                "source": printable(statement.source, 300),
            }
            return replace(
                finding,
                rule=SUPPRESSED,
                severity=Severity.INFO,
                message=f"{details['package']} {details['version']}: {details['id']} is answered by {answer['author']}"
                f" until {statement.expires[:10]}: {answer['justification']}",
                details={**details, "vex": answer},
            )
    return finding


def _openvex(value: dict[str, Any], what: str) -> Iterator[Statement]:
    for item in shape.tables(value.get("statements")):
        vulnerability = item.get("vulnerability")
        own = vulnerability if isinstance(vulnerability, dict) else {"name": vulnerability}
        reason = _known(item.get("justification")) or item.get("impact_statement") or item.get("status_notes")
        yield Statement(
            _names(own.get("name"), *shape.texts(own.get("aliases"))),
            tuple(_products(item.get("products"))),
            _text(item.get("status")),
            _text(reason),
            _text(item.get("author") or item.get("supplier") or value.get("author")),
            _time(item.get("timestamp") or value.get("timestamp")),
            _time(item.get("expires") or until(item.get("status_notes")) or value.get("expires")),
            what,
        )


def _products(value: Any) -> Iterator[str]:
    """Yield the purls a statement is about: the subcomponents where there are any, else the product."""
    for item in shape.tables(value):
        parts = shape.tables(item.get("subcomponents"))
        for part in parts or [item]:
            identifiers = part.get("identifiers")
            for text in (part.get("@id"), identifiers.get("purl") if isinstance(identifiers, dict) else None):
                if isinstance(text, str) and purl.is_purl(text):
                    yield text
                    break


def _cyclonedx(value: dict[str, Any], what: str) -> Iterator[Statement]:
    own = value.get("metadata")
    own = own if isinstance(own, dict) else {}
    makers = [*shape.tables(own.get("authors")), *shape.tables([own.get("manufacturer"), own.get("supplier")])]
    author = next((text for maker in makers if (text := _text(maker.get("name") or maker.get("email")))), "")
    known = {
        item["bom-ref"]: item["purl"]
        for item in shape.tables(value.get("components"))
        if isinstance(item.get("bom-ref"), str) and isinstance(item.get("purl"), str)
    }
    for item in shape.tables(value.get("vulnerabilities")):
        analysis = item.get("analysis")
        analysis = analysis if isinstance(analysis, dict) else {}
        properties = {_text(entry.get("name")): entry.get("value") for entry in shape.tables(item.get("properties"))}
        refs = [_text(entry.get("ref")).rpartition("#")[2] for entry in shape.tables(item.get("affects"))]
        products = (known.get(ref, ref) for ref in refs)
        yield Statement(
            _names(item.get("id"), *(reference.get("id") for reference in shape.tables(item.get("references")))),
            tuple(product for product in products if purl.is_purl(product)),
            _text(analysis.get("state")),
            _text(_known(analysis.get("justification")) or analysis.get("detail")),
            author,
            _time(analysis.get("lastUpdated") or analysis.get("firstIssued") or own.get("timestamp")),
            _time(properties.get(EXPIRES)),
            what,
        )


def _names(*values: Any) -> frozenset[str]:
    return frozenset(value for value in values if isinstance(value, str) and value)


def _known(value: Any) -> str:
    """Return a justification that its standard defines; free text belongs into `impact_statement` or `detail`."""
    return value if isinstance(value, str) and value in _JUSTIFICATIONS else ""


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _time(value: Any) -> str:
    moment = times.maybe_moment(_text(value))
    return times.rfc3339(moment) if moment else ""
