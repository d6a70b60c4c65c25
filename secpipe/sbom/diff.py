"""What changed between two BOMs, in the words of a release: weights, cards, licences, datasets, services, versions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from secpipe.core.text import printable
from secpipe.sbom.bom import Document, hash_of, identity, label, licenses_of, property_of
from secpipe.sbom.extras import walk
from secpipe.sbom.query import select

_TEXT = 200
#: Properties that other changes already speak of.
_SEEN_OTHERWISE = frozenset(
    {"secpipe:file", "secpipe:path", "secpipe:derived-from", "secpipe:verified:card-sha256", "secpipe:declared:license"}
)


@dataclass(frozen=True, slots=True, order=True)
class Difference:
    """One difference. `kind`: added, removed, version, weights, card, license, hash, property, service, ...

    `note` is a plain sentence where the change means more than it says.
    """

    subject: str
    kind: str
    field: str = ""
    before: str = ""
    after: str = ""
    note: str = ""

    def to_dict(self) -> dict[str, str]:
        """Return the published JSON shape."""
        return {
            "kind": self.kind, "subject": self.subject, "field": self.field,
            "before": self.before, "after": self.after, "note": self.note,
        }  # fmt: skip


def diff(before: Document, after: Document) -> tuple[Difference, ...]:
    """Return the differences between two CycloneDX documents, sorted by subject.

    Components are matched by purl without version, else by type, name and place; a component that kept its bytes
    under another name is `renamed`.
    """
    changes = list(_components(before, after))
    changes += _services(before, after)
    changes += _dependencies(before, after)
    changes += _vulnerabilities(before, after)
    return tuple(sorted(set(changes)))


def _by_identity(document: Document) -> dict[tuple[str, ...], list[dict[str, Any]]]:
    table: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for component in walk(document.get("components")):
        table[identity(component)].append(component)
    return table


def _components(before: Document, after: Document) -> Iterator[Difference]:
    old, new = _by_identity(before), _by_identity(after)
    gone = {key: items for key, items in old.items() if key not in new}
    come = {key: items for key, items in new.items() if key not in old}
    by_hash = {hash_of(item): key for key, items in gone.items() for item in items if hash_of(item)}
    for key, items in list(come.items()):
        origin = by_hash.get(hash_of(items[0])) if hash_of(items[0]) else None
        if origin in gone:
            source = gone.pop(origin)
            come.pop(key)
            note = "same bytes under another name: loaders choose by name"
            yield Difference(label(items[0]), "renamed", "name", _place(source[0]), _place(items[0]), note)
    for items in gone.values():
        yield from (Difference(label(item), "removed", "component", _kind(item), "") for item in items)
    for items in come.values():
        yield from (Difference(label(item), "added", "component", "", _kind(item)) for item in items)
    for key in sorted(set(old) & set(new)):
        pairs = zip(_ordered(old[key]), _ordered(new[key]), strict=False)
        for left, right in pairs:
            yield from _compared(left, right)
        for item in _ordered(old[key])[len(new[key]) :]:
            yield Difference(label(item), "removed", "component", _kind(item), "")
        for item in _ordered(new[key])[len(old[key]) :]:
            yield Difference(label(item), "added", "component", "", _kind(item))


def _ordered(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(items, key=lambda item: (str(item.get("version")), str(item.get("bom-ref"))))


def _place(item: Mapping[str, Any]) -> str:
    return printable(" ".join(part for part in identity(item)[2:] if part) or label(item), _TEXT)


def _kind(item: Mapping[str, Any]) -> str:
    kinds = [str(value) for value in select(item, "properties[name=secpipe:kind].value")]
    return kinds[0] if kinds else str(item.get("type"))


def _compared(old: dict[str, Any], new: dict[str, Any]) -> Iterator[Difference]:
    name, model = label(new), new.get("type") == "machine-learning-model"
    if old.get("version") != new.get("version"):
        yield Difference(name, "version", "version", _text(old.get("version")), _text(new.get("version")))
    weights = _hashes(old) != _hashes(new)
    card = _card(old) != _card(new)
    if weights and not (old.get("version") != new.get("version") and not model):
        note = "weights changed, card did not" if model and not card else ""
        if _kind(new) == "prompt":
            note = "a prompt or chat template changed: it steers every answer of the model"
        yield Difference(name, "weights" if model else "hash", "hashes", _text(_hashes(old)), _text(_hashes(new)), note)
    if licenses_of(old) != licenses_of(new):
        yield Difference(name, "license", "licenses", ", ".join(licenses_of(old)), ", ".join(licenses_of(new)))
    if model and card:
        note = "" if weights else "card changed, weights did not"
        yield Difference(name, "card", "modelCard", "", "", note)
    yield from _lists(name, old, new)
    before, after = _properties(old), _properties(new)
    for key in sorted(set(before) | set(after)):
        if before.get(key) != after.get(key):
            yield Difference(name, "property", key, _text(before.get(key)), _text(after.get(key)))


def _lists(name: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Difference]:
    for kind, place in (
        ("dataset", "modelCard.modelParameters.datasets[].ref"),
        ("ancestor", "pedigree.ancestors[].name"),
    ):
        left, right = ({str(value) for value in select(item, place)} for item in (old, new))
        yield from (
            Difference(name, f"{kind}-added", place, "", printable(value, _TEXT)) for value in sorted(right - left)
        )
        yield from (
            Difference(name, f"{kind}-removed", place, printable(value, _TEXT), "") for value in sorted(left - right)
        )


def _hashes(item: Mapping[str, Any]) -> tuple[str, ...]:
    own = [f"{row.get('alg')}:{row.get('content')}" for row in select(item, "hashes[]") if isinstance(row, dict)]
    weights = {".safetensors", ".gguf", ".onnx", ".bin", ".pt", ".pth"}
    for part in walk(item.get("components")):
        if own or "." + str(part.get("name")).rpartition(".")[2] not in weights:
            continue
        own += [f"{part.get('name')} {value}" for value in select(part, "hashes[].content")]
    return tuple(sorted(own))


def _card(item: Mapping[str, Any]) -> str:
    """The card as it is stated: its structure, and the digest of the file it was read from."""
    cards = [property_of(item, "secpipe:verified:card-sha256")]
    cards += [hash_of(part) for part in walk(item.get("components")) if str(part.get("name")).startswith("README")]
    model_card = item.get("modelCard")
    stated = (
        {key: value for key, value in model_card.items() if key != "bom-ref"} if isinstance(model_card, dict) else {}
    )
    return repr((cards, stated))


def _properties(item: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    table: dict[str, list[str]] = defaultdict(list)
    for row in select(item, "properties[]"):
        if isinstance(row, dict) and row.get("name") not in _SEEN_OTHERWISE:
            table[str(row.get("name"))].append(str(row.get("value")))
    return {name: tuple(sorted(values)) for name, values in table.items()}


def _services(before: Document, after: Document) -> Iterator[Difference]:
    old, new = (
        {str(row.get("name")): row for row in select(item, "services[]") if isinstance(row, dict)}
        for item in (before, after)
    )
    for name in sorted(set(new) - set(old)):
        ends = ", ".join(map(str, select(new[name], "endpoints[]")))
        yield Difference(
            printable(name, _TEXT), "service-added", "services", "", printable(ends, _TEXT), "new outside service"
        )
    for name in sorted(set(old) - set(new)):
        yield Difference(printable(name, _TEXT), "service-removed", "services")
    for name in sorted(set(old) & set(new)):
        left, right = (sorted(map(str, select(row, "endpoints[]"))) for row in (old[name], new[name]))
        if left != right:
            yield Difference(printable(name, _TEXT), "service-endpoint", "endpoints", _text(left), _text(right))


def _dependencies(before: Document, after: Document) -> Iterator[Difference]:
    """Edges that came or went between components that both have."""
    names = [
        {str(item.get("bom-ref")): "/".join(identity(item)[1:3]) for item in walk(document.get("components"))}
        for document in (before, after)
    ]
    edges = []
    for document, table in zip((before, after), names, strict=True):
        pairs = set()
        for row in select(document, "dependencies[]"):
            for target in select(row, "dependsOn[]"):
                source = table.get(str(row.get("ref")))
                if source and str(target) in table:
                    pairs.add((source, table[str(target)]))
        edges.append(pairs)
    both = set(names[0].values()) & set(names[1].values())
    for source, target in sorted(edges[1] - edges[0]):
        if {source, target} <= both:
            yield Difference(printable(source, _TEXT), "dependency-added", "dependsOn", "", printable(target, _TEXT))
    for source, target in sorted(edges[0] - edges[1]):
        if {source, target} <= both:
            yield Difference(printable(source, _TEXT), "dependency-removed", "dependsOn", printable(target, _TEXT), "")


def _vulnerabilities(before: Document, after: Document) -> Iterator[Difference]:
    old, new = ({str(value) for value in select(item, "vulnerabilities[].id")} for item in (before, after))
    yield from (Difference(printable(name, 60), "vulnerability-added", "vulnerabilities") for name in sorted(new - old))
    yield from (
        Difference(printable(name, 60), "vulnerability-removed", "vulnerabilities") for name in sorted(old - new)
    )


def _text(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else ", ".join(map(str, value))
    return printable(text, _TEXT)
