"""package.json (npm, yarn, pnpm): the application and what it asks for."""

from __future__ import annotations

import re
from typing import Any

from secpipe.core.documents import parse_json
from secpipe.core.errors import InputError
from secpipe.core.inventory import Component, ComponentKind, RelationKind, content_ref, declared
from secpipe.core.paths import folder_of
from secpipe.formats.locks.library import elsewhere, library
from secpipe.formats.locks.lock import Lock

#: An address, a repository in long or short form, a folder: anything but a version of a package of the registry.
_ELSEWHERE = re.compile(
    r"[\w+.-]*://|(?:file|link|portal|workspace|github|gitlab|bitbucket|gist|git\+\w+):|git@|\.{0,2}/|~/"
    r"|[\w.-]+/[\w.-]+(?:#.*)?$"
)
#: Versions, ranges, tags and aliases; anything else may hold an address with a secret in it.
_VERSIONS = re.compile(r"(?:npm:|jsr:|catalog:)?(?:@?[\w.-]{1,214}/)?(?:[\w.-]{1,214}@)?[\w.^~<>=|*+\s-]{0,300}")
GROUPS = {"dependencies": "", "optionalDependencies": "optional", "devDependencies": "dev", "peerDependencies": "peer"}


def application(folder: str, document: dict[str, Any], path: str) -> Component:
    """Return the application that a package.json or the root of a lock file describes."""
    name = str(document.get("name") or folder.rpartition("/")[2] or "package")
    ref = content_ref(ComponentKind.APPLICATION, folder, name)
    facts = declared(
        path, {"description": str(document.get("description") or ""), "supplier": _person(document.get("author"))}
    )
    version = str(document.get("version") or "")
    licenses = licenses_of(document)
    return Component(ref, ComponentKind.APPLICATION, name, version, path=path, licenses=licenses, facts=facts)


def licenses_of(item: dict[str, Any]) -> tuple[str, ...]:
    """Return the licence of a package.json or lock entry, in whichever of npm's old shapes it is."""
    value = item.get("license") or item.get("licenses")
    many = value if isinstance(value, list) else [value]
    texts = [part.get("type") if isinstance(part, dict) else part for part in many]
    return tuple(text for text in texts if isinstance(text, str) and text)


def read(found: Lock) -> None:
    """Read one package.json: the application and what it asks for, unpinned unless a lock file says more."""
    document = parse_json(found.data, "package.json", found.limits)
    if not isinstance(document, dict):
        raise InputError("package.json is not a table")
    source = found.add(application(folder_of(found.path), document, found.path))
    for key, group in GROUPS.items():
        for name, spec in (document.get(key) or {}).items():
            if isinstance(spec, str):
                found.relate(source, RelationKind.DEPENDS_ON, found.add(_asked(name, spec, found.path, group)))


def _asked(name: str, spec: str, path: str, group: str) -> Component:
    facts = {
        "specifier": spec if _VERSIONS.fullmatch(spec) else "",
        "group": group,
        "scope": "optional" if group in {"dev", "optional"} else "",
    }
    if spec.startswith("npm:"):
        name = spec[4:].rpartition("@")[0] or spec[4:]
    elif _ELSEWHERE.match(spec):
        url, _, commit = spec.partition("#")
        return elsewhere(name, "", path=path, direct=True, url=url, commit=commit, facts=facts)
    return library("npm", name, path=path, direct=True, facts=facts)


def _person(value: Any) -> str:
    return str(value.get("name") or "") if isinstance(value, dict) else str(value or "")
