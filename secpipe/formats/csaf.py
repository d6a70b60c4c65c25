"""The VEX profile of CSAF 2.0: which products a vulnerability touches, and why not. Pure.

Source: OASIS CSAF 2.0, sections 3.2.2 (product tree), 3.2.3 (vulnerabilities) and profile 5 (VEX). A document says no
day until which it holds; `secpipe:expires` among its notes does (title), as RFC 3339.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from secpipe.core import shape, times
from secpipe.formats.packages.purl import is_purl

#: CSAF's lists of products -> OpenVEX's word for them.
_STATUS = {
    "known_not_affected": "not_affected",
    "fixed": "fixed",
    "first_fixed": "fixed",
    "known_affected": "affected",
    "under_investigation": "under_investigation",
}
_DEPTH = 32
EXPIRES = "secpipe:expires"


def is_csaf(value: Any) -> bool:
    """Whether a parsed document is one of CSAF 2."""
    head = shape.mapping(shape.mapping(value).get("document"))
    return str(head.get("csaf_version", "")).startswith("2.")


def statements(value: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield each statement: names, products (purls), status, justification, author, issued, expires."""
    head = shape.mapping(value.get("document"))
    known = _purls(shape.mapping(value.get("product_tree")))
    tracking = shape.mapping(head.get("tracking"))
    author = shape.text(shape.mapping(head.get("publisher")).get("name"))
    issued = _time(tracking.get("current_release_date"))
    expires = next(
        (_time(note.get("text")) for note in shape.tables(head.get("notes")) if note.get("title") == EXPIRES), ""
    )
    for row in shape.tables(value.get("vulnerabilities")):
        names = frozenset(
            filter(
                None,
                [shape.text(row.get("cve")), *(shape.text(one.get("text")) for one in shape.tables(row.get("ids")))],
            )
        )
        reasons = _reasons(row)
        for key, status in _STATUS.items():
            for product in shape.texts(shape.listing(shape.mapping(row.get("product_status")).get(key))):
                if names:
                    yield {
                        "names": names, "products": tuple(known.get(product, ())), "status": status,
                        "justification": reasons.get(product, reasons.get("", "")), "author": author,
                        "issued": issued, "expires": expires,
                    }  # fmt: skip


def _reasons(row: Mapping[str, Any]) -> dict[str, str]:
    """Return product -> why it is not affected: its flag, else the impact that a threat describes ("": of all)."""
    found: dict[str, str] = {}
    flags = [(one, shape.text(one.get("label"))) for one in shape.tables(row.get("flags"))]
    flags += [
        (one, shape.text(one.get("details")))
        for one in shape.tables(row.get("threats"))
        if one.get("category") == "impact"
    ]
    for one, why in flags:
        for product in shape.texts(shape.listing(one.get("product_ids"))) or [""]:
            found.setdefault(product, why)
    return found


def _purls(tree: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return product id -> its purls; a product that another holds is about what it holds."""
    found: dict[str, list[str]] = {}
    level = [*shape.tables(tree.get("full_product_names")), *shape.tables(tree.get("branches"))]
    for _ in range(_DEPTH):
        below: list[dict[str, Any]] = []
        for item in level:
            product = shape.mapping(item.get("product")) or item
            helper = shape.mapping(product.get("product_identification_helper"))
            texts = [helper.get("purl"), *shape.listing(helper.get("purls"))]
            for text in texts:
                if isinstance(text, str) and is_purl(text):
                    found.setdefault(shape.text(product.get("product_id")), []).append(text)
            below += shape.tables(item.get("branches"))
        level = below
    for row in shape.tables(tree.get("relationships")):
        whole = shape.text(shape.mapping(row.get("full_product_name")).get("product_id"))
        found.setdefault(whole, []).extend(found.get(shape.text(row.get("product_reference")), []))
    return found


def _time(value: Any) -> str:
    moment = times.maybe_moment(shape.text(value))
    return times.rfc3339(moment) if moment else ""
