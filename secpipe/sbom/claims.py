"""What a BOM says of a component, held against what its files say: derived, contradicted or only asserted."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from secpipe.core import shape
from secpipe.core.finding import Finding, Severity
from secpipe.core.text import printable
from secpipe.formats.boms.shapes import Translated
from secpipe.sbom import licenses, whole
from secpipe.sbom.bom import Document, label, licenses_of
from secpipe.sbom.extras import walk
from secpipe.sbom.query import select

#: What any other tool may say as well, in its own words: only a contradiction counts.
_COMMON = ("hashes", "licenses", "version")
_OURS = "secpipe:"
_PLACES = ("secpipe:file", "secpipe:path")
_EDGES = ("secpipe:derived-from", "secpipe:trained-on")  # hold references, which follow from content
#: What a trust folder tells of a signature (`sbom generate --keys`), and the files alone do not: `verify` holds those.
_KEYED = ("secpipe:uses", *(f"secpipe:declared:{name}" for name in ("asset", "keyid", "signs")))
LISTED = "listed"  # of the services that the code uses
_MOST = 200  # findings about one document; one more says that there are more


@dataclass(frozen=True, slots=True)
class Compared:
    """What contradicts the files, and the fields (`component: field`) that no file can prove."""

    findings: tuple[Finding, ...]
    asserted: tuple[str, ...]


def compare(stated: Document, derived: Document, differing: Collection[str] = (), *, same: bool = False) -> Compared:
    """Compare a BOM with the one that is made of the same tree now, component by component and service by service.

    `differing` are files that are told already to be others than the BOM says: what follows of that is not told again.
    `same` says that every file of the tree is the one that the BOM was made of.
    """
    findings: list[Finding] = []
    asserted: list[str] = []
    native = not isinstance(stated, Translated)
    every = list(_pairs(stated, derived))
    pairs = [(said, now) for said, now in every if not (differing and _follows(said, now, differing))]
    for said, now in pairs:
        mine = _is_ours(said) or _is_ours(stated.get("metadata"))
        findings += _fields(said, now, whole.DERIVED if mine and native else _COMMON, left_out=mine and native)
        if mine and (native or _own(said)):
            findings += _properties(said, now, (*_KEYED, *(_EDGES if differing else ())))
        asserted += (f"{label(said)}: {key}" for key in _extra(said, now, mine))
    if native and _is_ours(stated.get("metadata")):
        findings += whole.whole(stated, derived, every, same=same)
    asserted += whole.added(stated, derived)
    matched = {id(said) for said, _ in every}
    for said in walk(stated.get("components")):
        if (
            id(said) not in matched
            and not select(said, "hashes[]")
            and said.get("type") not in {"library", "framework"}
        ):
            asserted.append(f"{label(said)}: that there is one")
    if _lists(stated, "services") or stated.get("services"):
        findings += _services(stated, derived)
    elif derived.get("services"):
        asserted.append(f"services: the SBOM lists none, the code uses {len(derived['services'])}")
    met = {id(now) for _, now in every}
    missing = [
        now
        for now in walk(derived.get("components"))
        if id(now) not in met and "secpipe:declared:referenced" in _own(now)
    ]
    if _lists(stated, "references"):
        findings += [
            whole.finding(now, "components", f"{label(now)} is used and no component of the SBOM") for now in missing
        ]
    elif missing:
        asserted.append(f"references: the SBOM does not say that it lists them, the code names {len(missing)} more")
    if len(findings) > _MOST:
        more = f"and {len(findings) - _MOST:,} more differences"
        findings = [*findings[:_MOST], Finding(whole.RULE, more, Severity.HIGH, subject="more")]
    return Compared(tuple(findings), tuple(sorted(set(asserted))))


def _lists(stated: Document, what: str) -> bool:
    """Whether the document says that it lists all of this that the code uses: BOMs of other tools and times do not."""
    return LISTED in select(stated, f"metadata.properties[name=secpipe:{what}].value")


def _pairs(stated: Document, derived: Document) -> Iterator[tuple[Document, Document]]:
    """Yield what is said and what is derived of each component: the same reference, purl, content, or place."""
    known: dict[tuple[str, str], Document] = {}
    for now in walk(derived.get("components")):
        for key in _keys(now):
            known.setdefault(key, now)
    for said in walk(stated.get("components")):
        for now in [known[key] for key in _keys(said) if key in known][:1]:
            yield said, now


def _keys(component: Document) -> Iterator[tuple[str, str]]:
    yield "ref", str(component.get("bom-ref"))
    if component.get("purl"):
        yield "purl", str(component["purl"])
    for name in _PLACES:
        for place in select(component, f"properties[name={name}].value"):
            yield f"{component.get('type')} at", str(place)
    if component.get("type") in {"machine-learning-model", "data"}:
        for digest in select(component, "hashes[alg=SHA-256].content"):
            yield "content", str(digest).lower()


def _is_ours(item: Any) -> bool:
    if any(str(name).startswith(_OURS) for name in select(item, "properties[].name")):
        return True
    tools = [*select(item, "tools.components[].name"), *select(item, "tools[].name")]
    return "secpipe" in tools


def _fields(said: Document, now: Document, keys: tuple[str, ...], *, left_out: bool) -> Iterator[Finding]:
    for key in keys:
        one, other = _plain(key, said), _plain(key, now)
        if one == other or (not left_out and not (one and other)):
            continue
        if key == "hashes" and not left_out and not _contradict(one, other):
            continue
        if key == "modelCard" and isinstance(one, Mapping) and isinstance(other, Mapping):
            yield from _inside(said, key, one, other)
        else:
            yield _untrue(said, key, one, other)


def _plain(key: str, component: Document) -> Any:
    """Return a value in the one form in which equal things are equal."""
    value = component.get(key)
    if key == "licenses":
        return sorted({str(licenses.normalize(word)) for word in licenses_of(component)})
    if key == "hashes":
        return {str(row.get("alg")): str(row.get("content")).lower() for row in shape.tables(value)}
    if key == "data" and isinstance(value, list):
        return [_without_empty(row) for row in value]
    return _without_empty(value) if value is not None else ""


def _contradict(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    return any(other[name] != digest for name, digest in one.items() if name in other)


def _without_empty(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_empty(item) for key, item in value.items() if item not in (None, "", [], {})}
    if isinstance(value, list):
        return sorted((_without_empty(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True))
    return value


def _inside(said: Document, path: str, one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield where a card differs; what nothing derives may stand beside it."""
    for key, value in other.items():
        mine, place = one.get(key), f"{path}.{key}"
        if isinstance(mine, Mapping) and isinstance(value, Mapping):
            yield from _inside(said, place, mine, value)
        elif mine != value:
            yield _untrue(said, place, mine, value)


def _follows(said: Document, now: Document, differing: Collection[str]) -> bool:
    """Whether a component is another one because a file is: it lies there, or is not known by reference or purl."""
    places = {str(value) for name in _PLACES for value in select(said, f"properties[name={name}].value")}
    inside = {str(part.get("name")) for part in walk(said.get("components"))}
    known = said.get("bom-ref") == now.get("bom-ref") or (said.get("purl") and said.get("purl") == now.get("purl"))
    return not known or bool((places | inside) & set(differing))


def _properties(said: Document, now: Document, but: tuple[str, ...] = ()) -> Iterator[Finding]:
    """Our own properties say how well each fact is known: none is added, changed, or left out."""
    one, other = _own(said), _own(now)
    for name in sorted(one.keys() | other.keys()):
        if one.get(name) != other.get(name) and name not in but:
            yield _untrue(said, name, one.get(name, ""), other.get(name, ""))


def _own(component: Document) -> dict[str, list[str]]:
    rows: dict[str, list[str]] = {}
    for row in shape.tables(component.get("properties")):
        if str(row.get("name")).startswith(_OURS) and row.get("name") != "secpipe:not-disclosed":
            rows.setdefault(str(row.get("name")), []).append(str(row.get("value")))
    return {name: sorted(values) for name, values in rows.items()}


def _extra(said: Document, now: Document, mine: bool) -> Iterator[str]:
    keys = (
        {key for key, value in said.items() if value not in ([], {}, "")} - set(now) - {"bom-ref", "type", "components"}
    )
    yield from sorted(key for key in keys if not mine or key not in whole.DERIVED)
    card, known = (shape.mapping(item.get("modelCard")) for item in (said, now))
    yield from (f"modelCard.{key}" for key in sorted(set(card) - set(known)) if known)


def _services(stated: Document, derived: Document) -> Iterator[Finding]:
    """Services that the code uses and the BOM leaves out, or the other way round; endpoints are derived too."""
    said, now = (
        {str(row.get("bom-ref")): row for row in shape.tables(one.get("services"))} for one in (stated, derived)
    )
    for ref in sorted(now.keys() - said.keys()):
        yield whole.finding(now[ref], "services", f"{label(now[ref])} is used and no service of the SBOM")
    for ref in sorted(said.keys() - now.keys()):
        if _is_ours(said[ref]):
            yield whole.finding(
                said[ref], "services", f"{label(said[ref])} is a service of the SBOM and nothing uses it"
            )
    for ref in sorted(said.keys() & now.keys()):
        yield from _fields(said[ref], now[ref], ("name", "endpoints", "provider", "x-trust-boundary"), left_out=True)
        yield from _properties(said[ref], now[ref])


def _untrue(said: Document, key: str, one: Any, other: Any) -> Finding:
    if not one:
        return whole.finding(said, key, f"{label(said)}: the SBOM leaves out {key}; the files say {_shown(other)}")
    if not other:
        return whole.finding(said, key, f"{label(said)}: nothing proves {key}, which the SBOM gives as {_shown(one)}")
    return whole.finding(said, key, f"{label(said)}: {key} is {_shown(one)} in the SBOM; the files say {_shown(other)}")


def _shown(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list) else value
    return printable(text if isinstance(text, str) else json.dumps(text, sort_keys=True), 120)
