"""What a SLSA provenance v1 predicate says of a model's origin, bounded and typed: builder, materials, inputs.

Source: slsa.dev/spec/v1.0/provenance; docs/spec/model-provenance.md says how a training run names its materials.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from secpipe.core.text import printable
from secpipe.formats.packages import purl
from secpipe.formats.packages.ecosystems import TABLE
from secpipe.sign.refusal import INVALID, Refused

SOURCE, BASE_MODEL, DATASET, PACKAGE, OTHER = "source", "base-model", "dataset", "package", "other"
_SAID = (SOURCE, BASE_MODEL, DATASET)  # roles that a provenance may give; a library is known by its purl alone
#: parameter of the build -> the role of what it names
_PARAMETERS = {
    "source": SOURCE, "sources": SOURCE, "base_model": BASE_MODEL, "base_models": BASE_MODEL,
    "dataset": DATASET, "datasets": DATASET,
}  # fmt: skip
#: purl types that hold libraries, never weights or data of their own
_LIBRARIES = frozenset({"conda", "deb", "rpm", "apk", "githubactions", *(row.purl for row in TABLE)})
_MATERIALS, _INPUTS, _TEXT, _DEPTH = 5_000, 2_000, 2_000, 4


def facts(predicate: Mapping[str, Any]) -> dict[str, Any]:
    """Return `builder`, `materials` ([{roles, uri, pinned}]), `declared` (roles that it speaks of) and `inputs`.

    The first of a material's roles is the one that it is given; another is what its URI looks like. `materials` joins
    the resolved dependencies and what the parameters name; a parameter that is an empty list says that there is none.
    `inputs` are the names of all parameters with a value, nested ones with dots, and of named dependencies. Raises
    Refused for a predicate that is not of its type or larger than any real one.
    """
    definition, details = _table(predicate["buildDefinition"]), _table(predicate["runDetails"])
    external = _part(definition, "externalParameters")
    internal = _part(definition, "internalParameters")
    declared: set[str] = set()
    materials: dict[tuple[tuple[str, ...], str], bool] = {}
    for role, uri, digest in [*_resolved(definition), *_named(external, declared)]:
        looks = _role_of(uri, digest)
        roles = tuple(dict.fromkeys([role, looks] if role and looks != OTHER else [role or looks]))
        declared.add(roles[0])
        materials[roles, uri] = bool(digest) or materials.get((roles, uri), False)
    named = {printable(row["name"], 200) for row in _rows(definition) if isinstance(row.get("name"), str)}
    inputs = sorted({*_names(external), *_names(internal), *named})
    if len(materials) > _MATERIALS or len(inputs) > _INPUTS:
        raise Refused(INVALID, "the provenance names more than any real build")
    return {
        "builder": _text(_part(details, "builder").get("id", "")),
        "materials": [
            {"roles": list(roles), "uri": uri, "pinned": pinned} for (roles, uri), pinned in sorted(materials.items())
        ],
        "declared": sorted(declared),
        "inputs": inputs,
    }


_Material = tuple[str, str, Mapping[str, Any]]  # (role it is given or "", URI, digests)


def _rows(definition: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    rows = definition.get("resolvedDependencies")
    rows = [] if rows is None else rows
    if not isinstance(rows, list) or len(rows) > _MATERIALS:
        raise Refused(INVALID, "the provenance's dependencies are no list, or more than any real build has")
    return [_table(row) for row in rows]


def _resolved(definition: Mapping[str, Any]) -> Iterator[_Material]:
    for row in _rows(definition):
        uri, digest = _text(row.get("uri", "")), _part(row, "digest")
        said = _part(row, "annotations").get("role") or row.get("name")
        yield str(said) if said in _SAID else "", uri, digest


def _named(external: Mapping[str, Any], declared: set[str]) -> Iterator[_Material]:
    """Yield what the parameters name; a parameter that is there, even empty, speaks of its role."""
    for name, role in _PARAMETERS.items():
        value = external.get(name)
        if value is None:
            continue
        declared.add(role)
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, Mapping):
                yield role, _text(item.get("uri", "")), _part(item, "digest")
            else:
                yield role, _text(item), {}
    workflow = external.get("workflow")  # as GitHub's build type names its source
    if isinstance(workflow, Mapping) and "repository" in workflow:
        ref = _text(workflow.get("ref", ""))
        yield SOURCE, _text(workflow["repository"]) + (f"@{ref}" if ref else ""), {}


def _role_of(uri: str, digest: Mapping[str, Any]) -> str:
    """Tell the role of a dependency that nobody gave one; what cannot be told is `other`, and may be anything."""
    if uri.startswith("git+") or {"gitCommit", "gitTree", "gitTag"} & set(digest):
        return SOURCE
    package = purl.parse(uri)
    if package is not None and package.kind == "huggingface":
        return DATASET if package.name.startswith("datasets/") else BASE_MODEL
    return PACKAGE if package is not None and package.kind in _LIBRARIES else OTHER


def _names(table: Mapping[str, Any]) -> Iterator[str]:
    """Yield the dotted names of all parameters that have a value; bounded in depth and count."""
    level = [("", table)]
    count = 0
    for _ in range(_DEPTH):
        below = []
        for prefix, item in level:
            for key, value in item.items():
                count += 1
                if count > _INPUTS:
                    raise Refused(INVALID, "the provenance names more parameters than any real build")
                name = f"{prefix}{key}"
                if value is not None:
                    yield printable(name, 200)
                if isinstance(value, Mapping):
                    below.append((f"{name}.", value))
        level = below


def _table(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise Refused(INVALID, "the predicate is no SLSA provenance: a part of it is no object")
    return value


def _part(table: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = table.get(key)
    return {} if value is None else _table(value)


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _TEXT:
        raise Refused(INVALID, "the provenance names something by what is no text, or by a text longer than any URI")
    return value
