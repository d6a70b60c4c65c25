"""Attaching VEX to a BOM: OpenVEX 0.2, CSAF 2.0 and CycloneDX statements become vulnerabilities with their analysis."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from secpipe.core.errors import InputError
from secpipe.core.text import printable
from secpipe.core.vex import JUSTIFICATIONS, STATES
from secpipe.formats import csaf
from secpipe.sbom.bom import Document
from secpipe.sbom.extras import walk
from secpipe.sbom.query import select


@dataclass(frozen=True, slots=True)
class Attached:
    """The BOM with its vulnerabilities, and the products of statements that are no component of it."""

    document: Document
    statements: int
    unmatched: tuple[str, ...]


def attach(document: Document, vex: Any) -> Attached:
    """Return `document` with the statements of a parsed VEX document; raises InputError for any other JSON.

    A statement about a product that the BOM does not hold is listed as unmatched, never attached to something near.
    """
    result = copy.deepcopy(document)
    if isinstance(vex, dict) and vex.get("bomFormat") == "CycloneDX":
        found = list(_cyclonedx(vex))
    elif (
        isinstance(vex, dict) and "openvex" in str(vex.get("@context", "")) and isinstance(vex.get("statements"), list)
    ):
        found = list(_openvex(vex))
    elif csaf.is_csaf(vex):
        found = list(_csaf(vex))
    else:
        raise InputError("the VEX document is neither OpenVEX, CSAF nor CycloneDX")
    refs = _refs(result)
    rows = [row for row in result.pop("vulnerabilities", None) or [] if isinstance(row, dict)]
    unmatched: list[str] = []
    attached = 0
    for vulnerability, products in found:
        hits = sorted({ref for product in products for ref in refs.get(product, ())})
        unmatched += [product for product in products if product not in refs]
        if hits:
            vulnerability["affects"] = [{"ref": ref} for ref in hits]
            _put(rows, vulnerability)
            attached += 1
    if rows:
        result["vulnerabilities"] = rows
    return Attached(result, attached, tuple(sorted({printable(name, 200) for name in unmatched})))


def _refs(document: Document) -> dict[str, list[str]]:
    """Return every name by which a statement may mean a component -> bom-refs."""
    names: dict[str, list[str]] = {}
    roots = [item for item in select(document, "metadata.component") if isinstance(item, dict)]
    for item in [*walk(document.get("components")), *roots]:
        ref = item.get("bom-ref")
        if not isinstance(ref, str):
            continue
        purl = item.get("purl")
        for name in {ref, purl, str(purl).partition("?")[0], item.get("cpe")}:
            if isinstance(name, str) and name:
                names.setdefault(name, []).append(ref)
        for digest in select(item, "hashes[].content"):
            names.setdefault(str(digest), []).append(ref)
    return names


def _put(rows: list[dict[str, Any]], new: dict[str, Any]) -> None:
    """Replace an older statement about the same vulnerability and components."""
    for index, row in enumerate(rows):
        if row.get("id") == new.get("id") and {str(ref) for ref in select(row, "affects[].ref")} == {
            str(ref) for ref in select(new, "affects[].ref")
        }:
            rows[index] = {**row, **new}
            return
    rows.append(new)


def _openvex(vex: dict[str, Any]) -> Iterator[tuple[dict[str, Any], list[str]]]:
    for statement in vex["statements"]:
        if not isinstance(statement, dict):
            continue
        name = statement.get("vulnerability")
        text = name.get("name") or name.get("@id") if isinstance(name, dict) else name
        state = STATES.get(str(statement.get("status")))
        if not isinstance(text, str) or state is None:
            raise InputError("an OpenVEX statement lacks its vulnerability or has an unknown status")
        analysis: dict[str, Any] = {"state": state}
        if why := JUSTIFICATIONS.get(str(statement.get("justification"))):
            analysis["justification"] = why
        details = [statement.get(key) for key in ("impact_statement", "action_statement", "status_notes")]
        if text_found := "; ".join(str(part) for part in details if part):
            analysis["detail"] = text_found
        vulnerability: dict[str, Any] = {"id": text, "analysis": analysis}
        if isinstance(vex.get("author"), str):
            vulnerability["source"] = {"name": vex["author"]}
        yield vulnerability, list(_products(statement))


def _csaf(vex: dict[str, Any]) -> Iterator[tuple[dict[str, Any], list[str]]]:
    for one in csaf.statements(vex):
        analysis: dict[str, Any] = {"state": STATES[one["status"]]}
        if why := JUSTIFICATIONS.get(one["justification"]):
            analysis["justification"] = why
        elif one["justification"]:
            analysis["detail"] = one["justification"]
        source = {"source": {"name": one["author"]}} if one["author"] else {}
        yield {"id": min(one["names"]), "analysis": analysis, **source}, list(one["products"])


def _products(statement: dict[str, Any]) -> Iterator[str]:
    for product in statement.get("products") or []:
        parts = [product] if isinstance(product, str | dict) else []
        parts += (product.get("subcomponents") or []) if isinstance(product, dict) else []
        # A statement about a subcomponent is about that, not about the product around it.
        for part in parts[1:] or parts:
            names = (
                [part] if isinstance(part, str) else [part.get("@id"), *dict(part.get("identifiers") or {}).values()]
            )
            yield from (name for name in names[:1] if isinstance(name, str))


def _cyclonedx(vex: dict[str, Any]) -> Iterator[tuple[dict[str, Any], list[str]]]:
    purls = {str(item.get("bom-ref")): item.get("purl") for item in walk(vex.get("components"))}
    for row in select(vex, "vulnerabilities[]"):
        if isinstance(row, dict) and row.get("id"):
            named = [str(ref) for ref in select(row, "affects[].ref")]
            # A BOM-Link (`urn:cdx:serial/version#ref`) or a reference inside the VEX document itself.
            products = [str(purls.get(name) or name.partition("#")[2] or name) for name in named]
            yield {key: value for key, value in row.items() if key != "affects"}, products
