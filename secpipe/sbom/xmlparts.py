"""What CycloneDX's Python library lacks, added to its XML: model cards, dataset descriptions, compositions.

`TABLE` says, in the order of the official XSD, which fields an element has and what the items of a list are called.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import Any

from secpipe.sbom.bom import Document
from secpipe.sbom.extras import walk

#: element -> its fields in order; a field is `name` (text or table) or `name/item` (a list of `item`).
TABLE = {
    "modelCard": ("modelParameters", "quantitativeAnalysis", "considerations"),
    "modelParameters": (
        "approach", "task", "architectureFamily", "modelArchitecture", "datasets/dataset", "inputs/input",
        "outputs/output",
    ),
    "approach": ("type",),
    "input": ("format",),
    "output": ("format",),
    "quantitativeAnalysis": ("performanceMetrics/performanceMetric",),
    "performanceMetric": ("type", "value", "slice"),
    "considerations": ("users/user", "useCases/useCase", "technicalLimitations/technicalLimitation",
                       "performanceTradeoffs/performanceTradeoff"),
    "data": ("type", "name", "contents", "classification", "description"),
    "contents": ("url", "properties/property"),
    "composition": ("aggregate", "assemblies/assembly", "dependencies/dependency", "vulnerabilities/vulnerability"),
}  # fmt: skip
_AFTER_CARD = ("cryptoProperties", "tags")
_AFTER_COMPOSITIONS = (
    "properties", "vulnerabilities", "annotations", "formulation", "declarations", "definitions", "citations",
)  # fmt: skip
_REFERENCES = {"assembly", "dependency", "vulnerability"}


def complete(text: str, document: Document) -> str:
    """Return the library's XML with the parts of `document` that it left out, as far as `TABLE` reaches."""
    root = ET.fromstring(text)  # noqa: S314  # written by the library a moment ago, no entity in it
    space = root.tag.partition("}")[0] + "}"
    ET.register_namespace("", space[1:-1])
    elements = {element.get("bom-ref"): element for element in root.iter(space + "component")}
    for item in walk(document.get("components")):
        element = elements.get(str(item.get("bom-ref")))
        if element is None:
            continue
        parts = [_element(space, "modelCard", item["modelCard"])] if isinstance(item.get("modelCard"), dict) else []
        data = item.get("data")
        parts += (
            [_element(space, "data", part) for part in data if isinstance(part, dict)] if isinstance(data, list) else []
        )
        _insert(element, parts, [space + name for name in _AFTER_CARD])
    rows = document.get("compositions")
    if isinstance(rows, list) and rows:
        whole = ET.Element(space + "compositions")
        whole.extend(_element(space, "composition", row) for row in rows if isinstance(row, dict))
        _insert(root, [whole], [space + name for name in _AFTER_COMPOSITIONS])
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def left_out(document: Document) -> set[str]:
    """Return the fields inside model cards, data and compositions that `TABLE` does not know."""
    found: set[str] = set()
    for item in walk(document.get("components")):
        for name, value in (("modelCard", item.get("modelCard")), ("data", item.get("data"))):
            for part in value if isinstance(value, list) else [value]:
                found |= set(_unknown(name, part))
    return found


def _unknown(name: str, value: Any) -> Iterator[str]:
    if not isinstance(value, dict) or name not in TABLE:
        return
    known = {field.partition("/")[0]: field.rpartition("/")[2] for field in TABLE[name]}
    for key, inner in value.items():
        if key not in known:
            if key != "bom-ref":
                yield f"{name}.{key}"
        else:
            for part in inner if isinstance(inner, list) else [inner]:
                yield from _unknown(known[key], part)


def _element(space: str, name: str, value: Any) -> ET.Element:
    element = ET.Element(space + name)
    if not isinstance(value, dict):
        if name in _REFERENCES:
            element.set("ref", str(value))
        else:
            element.text = str(value)
        return element
    if name == "property":
        element.set("name", str(value.get("name", "")))
        element.text = str(value.get("value", ""))
        return element
    if isinstance(value.get("bom-ref"), str):
        element.set("bom-ref", value["bom-ref"])
    for field in TABLE.get(name, ()):
        key, _, item = field.partition("/")
        if key in value:
            element.append(_list(space, key, item, value[key]) if item else _element(space, key, value[key]))
    return element


def _list(space: str, name: str, item: str, values: Any) -> ET.Element:
    element = ET.Element(space + name)
    for value in values if isinstance(values, list) else []:
        if isinstance(value, dict) and isinstance(value.get("ref"), str):
            element.append(_element(space, "ref", value["ref"]))
        else:
            element.append(_element(space, "data" if item == "dataset" else item, value))
            element[-1].tag = space + item
    return element


def _insert(parent: ET.Element, parts: list[ET.Element], before: list[str]) -> None:
    place = next((index for index, child in enumerate(parent) if child.tag in before), len(parent))
    for offset, part in enumerate(parts):
        parent.insert(place + offset, part)
