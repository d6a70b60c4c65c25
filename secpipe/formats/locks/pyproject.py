"""pyproject.toml: the project itself and what it asks for (PEP 621, PEP 735, poetry's own table)."""

from __future__ import annotations

from typing import Any

from secpipe.core.documents import parse_toml
from secpipe.core.inventory import Component, ComponentKind, content_ref, declared
from secpipe.core.paths import folder_of
from secpipe.core.text import opening
from secpipe.formats.locks.library import elsewhere, library
from secpipe.formats.locks.lock import Lock
from secpipe.formats.locks.python import depend, requirement
from secpipe.formats.packages import names


def project(
    folder: str,
    name: str,
    version: str,
    path: str,
    *,
    licenses: tuple[str, ...] = (),
    facts: dict[str, str] | None = None,
) -> Component:
    """Return the application or package that a folder of the tree holds; `name` is its own word for itself."""
    ref = content_ref(ComponentKind.APPLICATION, folder, names.pep503(name))
    return Component(
        ref, ComponentKind.APPLICATION, name, version, path=path, licenses=licenses, facts=declared(path, facts or {})
    )


def read(found: Lock) -> None:
    """Read one pyproject.toml; a file without a project (only tool settings) gives nothing."""
    document = parse_toml(found.data, "pyproject.toml", found.limits)
    table = document.get("project") or {}
    poetry = (document.get("tool") or {}).get("poetry") or {}
    groups = document.get("dependency-groups") or {}
    name = table.get("name") or poetry.get("name") or ""
    source = ""
    if name:
        version = str(table.get("version") or poetry.get("version") or "")
        facts = {
            "description": str(table.get("description") or poetry.get("description") or ""),
            "requires-python": str(table.get("requires-python") or ""),
            "supplier": _people(table.get("authors")) or ", ".join(map(str, poetry.get("authors") or [])),
        }
        licenses = _license(table.get("license") or poetry.get("license"))
        folder = folder_of(found.path)
        source = found.add(project(folder, name, version, found.path, licenses=licenses, facts=facts))
    wanted = [(text, "") for text in table.get("dependencies") or []]
    for extra, texts in (table.get("optional-dependencies") or {}).items():
        wanted += [(text, f"extra:{extra}") for text in texts]
    for group, texts in groups.items():
        wanted += [(text, f"group:{group}") for text in texts if isinstance(text, str)]
    for text, scope in wanted:
        component = requirement(
            str(text), path=found.path, facts={"group": scope, "scope": "optional" if scope else ""}
        )
        if component is None:
            found.skip(f"not a requirement: {opening(str(text))}")
        elif component.name != names.pep503(name):
            depend(found, source, component)
    _poetry(found, source, poetry)


def _poetry(found: Lock, source: str, poetry: dict[str, Any]) -> None:
    tables = [("", poetry.get("dependencies") or {}), ("group:dev", poetry.get("dev-dependencies") or {})]
    tables += [
        (f"group:{name}", group.get("dependencies") or {}) for name, group in (poetry.get("group") or {}).items()
    ]
    for scope, table in tables:
        for name, spec in table.items():
            if name.lower() != "python":
                detail = spec if isinstance(spec, dict) else {}
                facts = {"group": scope, "scope": "optional" if scope or detail.get("optional") else ""}
                url = str(detail.get("git") or detail.get("url") or detail.get("path") or "")
                if url:
                    commit = str(detail.get("rev") or "")
                    component = elsewhere(name, "", path=found.path, direct=True, url=url, commit=commit, facts=facts)
                else:
                    component = library("PyPI", name, path=found.path, direct=True, facts=facts)
                depend(found, source, component)


def _license(value: Any) -> tuple[str, ...]:
    if isinstance(value, dict):
        value = value.get("text") if len(str(value.get("text") or "")) <= 64 else ""
    return (value.strip(),) if isinstance(value, str) and value.strip() else ()


def _people(value: Any) -> str:
    people = [person for person in value or [] if isinstance(person, dict)]
    return ", ".join(str(person.get("name") or person.get("email") or "") for person in people)
