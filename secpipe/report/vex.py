"""VEX and VDR: what is known against packages, as OpenVEX 0.2.0 and CycloneDX 1.6, answered ones with their answer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from secpipe.core.errors import ConfigError
from secpipe.core.shape import Table
from secpipe.core.vex import EXPIRES, JUSTIFICATIONS, STATES, note
from secpipe.report.document import Report
from secpipe.report.read import read

_SUPPRESSED, _UNCLEAR = "audit/suppressed", "audit/unclear-advisory"
_RULES = ("audit/known-vulnerability", "audit/malicious-package", _UNCLEAR, _SUPPRESSED)
_SEVERITIES = ("critical", "high", "medium", "low", "info", "none")


def vex(document: Mapping[str, Any], *, color: bool = False) -> str:
    """Return an OpenVEX document by the owner of the policy, or by secpipe where nobody judged; raises as `read`,
    and ConfigError for a document without findings.

    OpenVEX has no word for what was not looked at, and none for "nothing is known": its list is then empty, which the
    schema of 0.2.0 does not foresee. VDR says both.
    """
    report = read(document)
    return openvex(_findings(document), _author(document, report), report.at)


def vdr(document: Mapping[str, Any], *, color: bool = False) -> str:
    """Return a CycloneDX vulnerability disclosure report: the packages, what is known of them, what was not read."""
    report = read(document)
    skipped = [f"{one.path or 'all'}: {one.reason}" for one in report.skipped]
    return cyclonedx(_findings(document), _author(document, report), report.at, skipped)


def _findings(document: Mapping[str, Any]) -> Iterator[Table]:
    if "findings" not in document:
        raise ConfigError("vex and vdr are about packages, and this result names none", hint="-f json holds all of it")
    return Table(document).tables("findings")


def _author(document: Mapping[str, Any], report: Report) -> str:
    owner = Table(document).table("policy", optional=True).text("owner", optional=True) if report.is_verdict else ""
    return owner or f"secpipe {report.version}"


def openvex(rows: Iterable[Table], author: str, at: str) -> str:
    """Return an OpenVEX document of the findings in their published shape; the same ones give the same `@id`."""
    statements = _once(_statement(row, details) for row, details in _known(rows))
    digest = hashlib.sha256(json.dumps(statements, sort_keys=True).encode()).hexdigest()
    return _dump({
        "@context": "https://openvex.dev/ns/v0.2.0",
        "@id": f"https://openvex.dev/docs/public/vex-{digest}",
        "author": author,
        "timestamp": at,
        "version": 1,
        "statements": statements,
    })  # fmt: skip


def cyclonedx(rows: Iterable[Table], author: str, at: str, skipped: Iterable[str] = ()) -> str:
    """Return a CycloneDX 1.6 document of the packages that have vulnerabilities, and these."""
    known = list(_known(rows))
    packages = {_purl(row): details for row, details in known}
    return _dump({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": at, "authors": [{"name": author}],
            "properties": [{"name": "secpipe:skipped", "value": one} for one in skipped],
        },
        "components": [
            {"type": "library", "bom-ref": purl, "name": details.text("package", optional=True) or purl,
             "version": details.text("version", optional=True), "purl": purl}
            for purl, details in packages.items()
        ],
        "vulnerabilities": _once(_vulnerability(row, details) for row, details in known),
    })  # fmt: skip


def _known(rows: Iterable[Table]) -> Iterator[tuple[Table, Table]]:
    """Yield the findings about a vulnerability of a package, each with its details."""
    for row in rows:
        details = row.table("details", optional=True)
        if row.text("rule") in _RULES and details.text("id", optional=True) and _purl(row):
            yield row, details


def _purl(row: Table) -> str:
    return row.text("subject", optional=True).rpartition(" ")[0]


def _once(found: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return each once: one package of several lock files is one product."""
    return list({json.dumps(one, sort_keys=True): one for one in found}.values())


def _statement(row: Table, details: Table) -> dict[str, Any]:
    statement: dict[str, Any] = {
        "vulnerability": {"name": details.text("id"), "aliases": list(dict.fromkeys(details.texts("aliases")))},
        "products": [{"@id": _purl(row)}],
    }
    answer = details.table("vex", optional=True)
    if row.text("rule") == _SUPPRESSED and answer.values:
        mine = answer.text("status") in {"not_affected", "false_positive"}
        known = answer.text("justification") in JUSTIFICATIONS
        return statement | {
            "status": "not_affected" if mine else "fixed",
            "justification" if known else "impact_statement": answer.text("justification"),
            "supplier": answer.text("author"),
            "status_notes": note(answer.text("expires")),
        }
    if row.text("rule") == _UNCLEAR:
        return statement | {"status": "under_investigation"}
    what = row.text("fix", optional=True) or "none is known: look at it"
    return statement | {"status": "affected", "action_statement": what}


def _vulnerability(row: Table, details: Table) -> dict[str, Any]:
    named = dict.fromkeys(details.texts("aliases"))
    found: dict[str, Any] = {
        "id": details.text("id"),
        "references": [{"id": alias, "source": {"name": alias.partition("-")[0] or alias}} for alias in named],
        "affects": [{"ref": _purl(row)}],
        "recommendation": row.text("fix", optional=True),
    }
    score = details.values.get("cvss")
    if isinstance(score, int | float) and not isinstance(score, bool):
        rating = {"score": score, "severity": details.word("severity", _SEVERITIES)}
        vector = details.text("vector", optional=True)
        found["ratings"] = [rating | ({"vector": vector} if vector else {})]
    answer = details.table("vex", optional=True)
    if row.text("rule") != _SUPPRESSED or not answer.values:
        found["analysis"] = {"state": "in_triage" if row.text("rule") == _UNCLEAR else "exploitable"}
        return found
    why = answer.text("justification")
    analysis = {"state": STATES.get(answer.text("status"), answer.text("status")), "detail": why}
    if why in JUSTIFICATIONS:
        analysis["justification"] = JUSTIFICATIONS[why]
    return found | {"analysis": analysis, "properties": [{"name": EXPIRES, "value": answer.text("expires")}]}


def _dump(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
