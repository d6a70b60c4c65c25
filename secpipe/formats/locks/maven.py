"""pom.xml (Maven), as far as it is static: coordinates, properties, management and parents that lie in the tree."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from secpipe.core.errors import InputError
from secpipe.core.inventory import Component, ComponentKind, content_ref, declared
from secpipe.core.paths import folder_of, join
from secpipe.formats import xmltree
from secpipe.formats.locks.library import library
from secpipe.formats.locks.lock import Lock
from secpipe.formats.locks.python import depend
from secpipe.formats.xmltree import Element

_PARENTS = 16  # poms above one another
_ROUNDS = 8  # properties within properties
_LONGEST = 256  # characters of a value with its properties filled in
_PROPERTY = re.compile(r"\$\{([\w.-]{1,100})\}")
_OPTIONAL = {"test", "provided", "system"}
_BROUGHT = "what the project asks for; what that brings in turn is known only to Maven"


@dataclass(slots=True)
class _Project:
    """One pom with its parents: properties and managed versions, those of the nearest first."""

    properties: dict[str, str] = field(default_factory=dict)
    managed: dict[str, Element] = field(default_factory=dict)
    parent_missing: bool = False

    def fill(self, text: str) -> str:
        """Return text with its properties filled in; what is not known stays as it is written."""
        for _ in range(_ROUNDS):
            filled = _PROPERTY.sub(lambda match: self.properties.get(match[1], match[0]), text)
            if filled == text or len(filled) > _LONGEST:
                break
            text = filled
        return text

    def id_of(self, item: Element) -> str:
        return f"{self.fill(item.word('groupId'))}:{self.fill(item.word('artifactId'))}"


def read(found: Lock) -> None:
    """Read one pom.xml: dependencies, plug-ins and profiles; a version that is not static stays empty."""
    root = xmltree.parse(found.data, found.name, found.limits)
    if root.name != "project":
        raise InputError("this is no Maven project")
    project = _project(found, root)
    name = project.fill(root.word("artifactId"))
    ref = content_ref(ComponentKind.APPLICATION, folder_of(found.path), name)
    version = project.fill("${project.version}").replace("${project.version}", "")
    told = declared(found.path, {"requirements": _BROUGHT})
    name = name or "project"
    own = Component(ref, ComponentKind.APPLICATION, name, version, path=found.path, line=root.line, facts=told)
    source = found.add(own)
    _dependencies(found, project, source, root, "")
    for profile in root.all("profiles", "profile"):
        _dependencies(found, project, source, profile, f"profile:{profile.word('id')}")


def _dependencies(found: Lock, project: _Project, source: str, part: Element, group: str) -> None:
    for item in part.all("dependencies", "dependency"):
        _add(found, project, source, item, group)
    for item in part.all("build", "plugins", "plugin"):
        _add(found, project, source, item, "plugin")
        for inner in item.all("dependencies", "dependency"):
            _add(found, project, source, inner, "plugin")


def _add(found: Lock, project: _Project, source: str, item: Element, group: str) -> None:
    vendor = project.fill(item.word("groupId")) or ("org.apache.maven.plugins" if group == "plugin" else "")
    artifact = project.fill(item.word("artifactId"))
    if not vendor or not artifact or "${" in f"{vendor}{artifact}":
        found.skip(f"line {item.line} names a dependency that only Maven can work out")
        return
    managed = project.managed.get(f"{vendor}:{artifact}")
    version = item.word("version") or (managed.word("version") if managed else "")
    scope = item.word("scope") or (managed.word("scope") if managed else "")
    exact, wanted = _exact(project.fill(version))
    optional = group or scope in _OPTIONAL or item.word("optional") == "true"
    facts = {"specifier": wanted, "group": group or scope, "scope": "optional" if optional else ""}
    named = library("Maven", f"{vendor}:{artifact}", exact, path=found.path, line=item.line, direct=True, facts=facts)
    depend(found, source, named)


def _exact(text: str) -> tuple[str, str]:
    """Return (version, specifier), one of them empty: `1.2` and `[1.2]` are exact, ranges and `LATEST` are not."""
    plain = text[1:-1] if text.startswith("[") and text.endswith("]") and "," not in text else text
    if plain and not re.search(r"[\[\](),$\s]", plain) and plain not in {"LATEST", "RELEASE"}:
        return plain, ""
    return "", text


def _project(found: Lock, root: Element) -> _Project:
    """Gather properties and managed versions up to the topmost parent in the tree."""
    project = _Project()
    path, pom = found.path, root
    inherited: dict[str, str] = {}
    for _ in range(_PARENTS):
        parents = pom.all("parent")
        for key in ("groupId", "artifactId", "version"):
            inherited.setdefault(key, pom.word(key) or (parents[0].word(key) if parents else ""))
        for item in (child for table in pom.all("properties") for child in table.children):
            project.properties.setdefault(item.name, "".join(item.text).strip())
        for item in pom.all("dependencyManagement", "dependencies", "dependency"):
            project.managed.setdefault(project.id_of(item), item)
        if not parents:
            break
        path, above = _parent(found, path, parents[0])
        if above is None:
            break
        pom = above
    for prefix in ("project", "pom"):
        for key, value in inherited.items():
            project.properties.setdefault(f"{prefix}.{key}", value)
    for item in root.all("parent"):
        for key in ("groupId", "version"):
            project.properties.setdefault(f"project.parent.{key}", item.word(key))
    return project


def _parent(found: Lock, path: str, parent: Element) -> tuple[str, Element | None]:
    """Return the pom above, where it lies in the tree and is the one that is named."""
    named = parent.word("relativePath") or "../pom.xml"
    place = join(folder_of(path), named if named.endswith(".xml") else f"{named}/pom.xml")
    data = found.near(place) if place else None
    if place is None or data is None:
        return "", None
    root = xmltree.parse(data, place, found.limits)
    return place, root if root.word("artifactId") == parent.word("artifactId") else None
