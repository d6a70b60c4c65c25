"""Hits as findings: the sentences people read, and the facts a policy reads."""

from __future__ import annotations

import re
from typing import Any

from secpipe.core.finding import Confidence, Finding, Severity
from secpipe.core.text import printable
from secpipe.formats.packages.scopes import is_development
from secpipe.scan.vulnerabilities import context, match
from secpipe.scan.vulnerabilities.graph import Graph
from secpipe.scan.vulnerabilities.match import Hit
from secpipe.scan.vulnerabilities.store import AdvisoryStore

VULNERABLE = "audit/known-vulnerability"
MALICIOUS = "audit/malicious-package"
UNCLEAR = "audit/unclear-advisory"


def of_hit(hit: Hit, store: AdvisoryStore, graph: Graph, imported: frozenset[str] | None = None) -> Finding:
    """Return the finding for one vulnerability of one package; `imported` are the modules that shipped code imports."""
    package = hit.package
    severity, score, vector = match.rating(hit)
    component = package.component
    details = _details(hit, store, graph, imported) | {"cvss": score, "vector": vector}
    named = f"{component.name} {package.version}".strip()
    confidence = Confidence.HIGH
    if hit.malicious:
        rule, severity = MALICIOUS, Severity.CRITICAL
        message = f"{named} is a known malicious package ({hit.id})"
        fix = f"remove {component.name}, and replace every secret that machines which installed it could read"
    elif hit.unclear:
        rule, severity, confidence = UNCLEAR, Severity.MEDIUM, Confidence.LOW
        message = f"{hit.id} names {named}, but whether this version is affected cannot be judged: {hit.unclear}"
        fix = f"read {hit.id} and answer it in a VEX document"
    else:
        rule = VULNERABLE
        mended, fix = _mending(hit)
        message = f"{named} has a known vulnerability ({hit.id}): {mended}"
    details["severity"] = str(severity)
    if "occurrences" in component.facts:
        told = component.facts["occurrences"].value.split("\n")
        details["places"] = sorted({re.sub(r":\d+$", "", place) for place in told})
    details["priority"] = context.priority(str(severity), details)
    return Finding(
        rule,
        message,
        severity,
        confidence,
        path=component.path,
        line=component.line,
        subject=printable(f"{package.purl} {hit.id}"),
        fix=fix,
        details=details,
    )


def _mending(hit: Hit) -> tuple[str, str]:
    """Return what is known of a mended version, and what to do."""
    name = hit.package.component.name
    if hit.fixed:
        return f"fixed in {hit.fixed[0]}", f"upgrade {name} to {hit.fixed[0]}"
    if hit.beyond:
        return f"affected up to {hit.beyond}", f"upgrade {name} to a version above {hit.beyond}"
    return "no fixed version is known", f"replace or isolate {name}"


def _details(hit: Hit, store: AdvisoryStore, graph: Graph, imported: frozenset[str] | None) -> dict[str, Any]:
    package = hit.package
    weaknesses = sorted({weakness for advisory in hit.advisories for weakness in advisory.weaknesses})
    knowable = imported is not None and package.ecosystem == "PyPI"
    names = (hit.id, *hit.aliases)
    known = [store.rows.exploitation(name) for name in names if name.startswith("CVE-")]
    scores = [epss for _, epss in known if epss is not None]
    return {
        "id": hit.id,
        "aliases": list(hit.aliases),
        "package": package.name,
        "ecosystem": package.ecosystem,
        "version": package.version,
        "fixed": list(hit.fixed),
        "last_affected": hit.beyond,
        "published": min((one.published for one in hit.advisories if one.published), default=""),
        "kev": max((listed for listed, _ in known), default=""),
        "epss": max(scores, default=None),
        "direct": package.component.direct,
        "development": is_development(package.component),
        "path_in_graph": graph.path(package.component.ref),
        "imported": context.is_imported(package.name, imported or frozenset()) if knowable else None,
        "weaknesses": weaknesses,
        "tags": context.tags_of(package.ecosystem, package.name, weaknesses),
    }
