"""What the places ask for where teams keep BOMs: Dependency-Track's upload, GitHub's dependency submission. Pure.

Sources: Dependency-Track 4.13, `PUT /api/v1/bom` (BomSubmitRequest) and `GET /api/v1/event/token/{uuid}`; GitHub REST
2022-11-28, "Create a snapshot of dependencies for a repository".
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from secpipe.core import shape, times
from secpipe.core.errors import InputError
from secpipe.core.version import __version__
from secpipe.sbom.bom import Document, dump, property_of
from secpipe.sbom.extras import walk
from secpipe.sbom.query import select

_PAGE = "https://secpipe.dev"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Which commit a dependency submission is about, and which job says so: a later one of it replaces this one."""

    sha: str
    ref: str
    job: str
    correlator: str


def dependency_track(document: Document, project: str, version: str, *, create: bool) -> bytes:
    """Return the body of an upload to Dependency-Track; it reads CycloneDX as JSON in base64."""
    body = {
        "projectName": project,
        "projectVersion": version,
        "autoCreate": create,
        "bom": base64.b64encode(dump(document)).decode("ascii"),
    }
    return json.dumps(body).encode("ascii")


def token_of(answer: bytes) -> str:
    """Return the token of an accepted upload; raises InputError where the answer holds none."""
    token = _answer(answer).get("token")
    if not isinstance(token, str) or not token or len(token) > 200:
        raise InputError("Dependency-Track answered without a token: it is not known whether it took the SBOM")
    return token


def is_processing(answer: bytes) -> bool:
    """Return whether an upload is still worked on; raises InputError where the answer does not say."""
    value = _answer(answer).get("processing")
    if not isinstance(value, bool):
        raise InputError("Dependency-Track does not say whether it has read the SBOM")
    return value


def _answer(data: bytes) -> Mapping[str, Any]:
    try:
        return shape.mapping(json.loads(data))
    except (ValueError, RecursionError) as error:
        raise InputError("the answer is no JSON") from error


def github(document: Document, about: Snapshot, now: datetime) -> bytes:
    """Return the body of a dependency submission: one manifest a lock file, packages by purl.

    Raises InputError where no component has a purl: an empty snapshot would clear what GitHub knows.
    """
    edges = {str(row.get("ref")): shape.texts(shape.listing(row.get("dependsOn"))) for row in
             shape.tables(document.get("dependencies"))}  # fmt: skip
    parts = [one for one in walk(document.get("components")) if isinstance(one.get("purl"), str)]
    purls = {str(one.get("bom-ref")): str(one["purl"]) for one in parts}
    needed = {target for source, targets in edges.items() if source in purls for target in targets}
    manifests: dict[str, dict[str, Any]] = {}
    for one in parts:
        ref, place = str(one.get("bom-ref")), _place(one)
        manifest = manifests.setdefault(place, {"name": place, "resolved": {}})
        if place != "sbom":
            manifest["file"] = {"source_location": place}
        manifest["resolved"][purls[ref]] = {
            "package_url": purls[ref],
            "relationship": "indirect" if ref in needed else "direct",
            "scope": "development" if _is_development(one) else "runtime",
            "dependencies": sorted(purls[target] for target in edges.get(ref, ()) if target in purls),
        }
    if not manifests:
        raise InputError("the SBOM names no package with a purl: there is nothing to submit")
    body = {
        "version": 0,
        "sha": about.sha,
        "ref": about.ref,
        "job": {"id": about.job, "correlator": about.correlator},
        "detector": {"name": "secpipe", "version": __version__, "url": _PAGE},
        "scanned": times.rfc3339(now),
        "manifests": manifests,
    }
    return json.dumps(body, sort_keys=True).encode("ascii")


def _place(component: Document) -> str:
    place = next((str(one) for one in select(component, "evidence.occurrences[].location")), "")
    return place or "sbom"


def _is_development(component: Document) -> bool:
    return component.get("scope") == "optional" and property_of(component, "secpipe:declared:group") in ("dev", "test")
