"""The lineage that a BOM states, as edges and pictures: what each model was made from and trained on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from secpipe.sbom.bom import Document, label
from secpipe.sbom.extras import walk
from secpipe.sbom.query import select

_WORDS = {"secpipe:derived-from": "derived from", "secpipe:trained-on": "trained on"}


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """One step of lineage between two named components."""

    source: str
    kind: str
    target: str

    def to_dict(self) -> dict[str, str]:
        """Return the published JSON shape."""
        return {"source": self.source, "kind": self.kind, "target": self.target}


def edges(document: Document) -> tuple[Edge, ...]:
    """Return the lineage in a CycloneDX document: our properties, else pedigree and model cards of any tool."""
    names = {str(item.get("bom-ref")): label(item) for item in walk(document.get("components"))}
    found: set[Edge] = set()
    for item in walk(document.get("components")):
        stated = set(_stated(item, names))
        if not stated:
            stated = {Edge(label(item), "derived from", label(base)) for base in select(item, "pedigree.ancestors[]")}
            refs = select(item, "modelCard.modelParameters.datasets[].ref")
            stated |= {Edge(label(item), "trained on", names.get(str(ref), str(ref))) for ref in refs}
        found |= stated
    return tuple(sorted(found))


def _stated(item: Document, names: dict[str, str]) -> Iterator[Edge]:
    for name, word in _WORDS.items():
        for ref in select(item, f"properties[name={name}].value"):
            yield Edge(label(item), word, names.get(str(ref), str(ref)))


def render(rows: tuple[Edge, ...], form: str) -> list[str]:
    """Return the lines of a picture: `terminal`, `mermaid` or `dot`."""
    if form == "mermaid":
        nodes = sorted({name for row in rows for name in (row.source, row.target)})
        ids = {name: f"n{index}" for index, name in enumerate(nodes)}
        lines = [f'  {ids[name]}["{_plain(name)}"]' for name in nodes]
        return ["flowchart TD", *lines, *(f"  {ids[row.target]} -->|{row.kind}| {ids[row.source]}" for row in rows)]
    if form == "dot":
        lines = [f'  "{_plain(row.target)}" -> "{_plain(row.source)}" [label="{row.kind}"];' for row in rows]
        return ["digraph lineage {", *lines, "}"]
    return [f"{row.source}  {row.kind}  {row.target}" for row in rows]


def _plain(text: str) -> str:
    """Leave nothing in a name that a diagram would read as markup."""
    return "".join(char if char.isalnum() or char in " ._-/:@+" else "_" for char in text)
