"""pyproject.toml: the project itself and what it asks for (PEP 621, PEP 735, poetry's own table)."""

from __future__ import annotations

import re
from typing import Any

from secpipe.core.documents import parse_toml
from secpipe.core.inventory import Component, ComponentKind, content_ref, declared
from secpipe.core.paths import folder_of
from secpipe.core.text import opening
from secpipe.formats.locks.conda import conda_spec
from secpipe.formats.locks.library import elsewhere, library
from secpipe.formats.locks.lock import Lock
from secpipe.formats.locks.python import depend, requirement
from secpipe.formats.locks.requirements import direct
from secpipe.formats.packages import names

_EXACT = re.compile(r"(?:={2,3}\s*)?(\d[\w.!+-]*)")


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
    _tools(found, source, document.get("tool") or {})


def _tools(found: Lock, source: str, tool: dict[str, Any]) -> None:
    """Read what uv, PDM, Hatch and pixi keep in tables of their own."""
    wanted = [(text, "group:dev") for text in (tool.get("uv") or {}).get("dev-dependencies") or []]
    for name, texts in ((tool.get("pdm") or {}).get("dev-dependencies") or {}).items():
        wanted += [(text, f"group:{name}") for text in texts]
    for name, table in ((tool.get("hatch") or {}).get("envs") or {}).items():
        for key in ("dependencies", "extra-dependencies"):
            wanted += [(text, f"env:{name}") for text in table.get(key) or []]
    for text, group in wanted:
        plain = str(text).removeprefix("-e").strip()
        facts = {"group": group, "scope": "optional"}
        component = direct(plain, path=found.path) if "://" in plain and "@ " not in plain else None
        component = component or requirement(plain, path=found.path, facts=facts)
        if component is None:
            found.skip(f"not a requirement: {opening(str(text))}")
        else:
            depend(found, source, component)
    pixi = tool.get("pixi") or {}
    for table in (pixi, *(pixi.get("feature") or {}).values()):
        for name, spec in (table.get("dependencies") or {}).items():
            depend(found, source, conda_spec(f"{name} {_version(spec)}", [], found.path))
        for name, spec in (table.get("pypi-dependencies") or {}).items():
            _one(found, source, name, spec, "")


def _version(spec: Any) -> str:
    """Return the version that a table of poetry's or pixi's kind asks for; `*` asks for none."""
    text = str(spec.get("version") or "") if isinstance(spec, dict) else str(spec)
    return "" if text.strip() == "*" else text.strip()


def _poetry(found: Lock, source: str, poetry: dict[str, Any]) -> None:
    tables = [("", poetry.get("dependencies") or {}), ("group:dev", poetry.get("dev-dependencies") or {})]
    tables += [
        (f"group:{name}", group.get("dependencies") or {}) for name, group in (poetry.get("group") or {}).items()
    ]
    for scope, table in tables:
        for name, spec in table.items():
            for one in (spec if isinstance(spec, list) else [spec]) if name.lower() != "python" else ():
                _one(found, source, name, one, scope)


def _one(found: Lock, source: str, name: str, spec: Any, scope: str) -> None:
    """Read one row of a table `name = version`, as poetry and pixi write them: a bare version is that very one."""
    detail = spec if isinstance(spec, dict) else {}
    facts = {"group": scope, "scope": "optional" if scope or detail.get("optional") else ""}
    url = str(detail.get("git") or detail.get("url") or detail.get("path") or "")
    if url:
        commit = str(detail.get("rev") or "")
        depend(found, source, elsewhere(name, "", path=found.path, direct=True, url=url, commit=commit, facts=facts))
        return
    wanted = _version(spec)
    exact = match[1] if (match := _EXACT.fullmatch(wanted)) else ""
    facts["specifier"] = "" if exact else wanted
    registry = str(detail.get("index") or "")
    depend(found, source, library("PyPI", name, exact, path=found.path, direct=True, registry=registry, facts=facts))


def _license(value: Any) -> tuple[str, ...]:
    if isinstance(value, dict):
        value = value.get("text") if len(str(value.get("text") or "")) <= 64 else ""
    return (value.strip(),) if isinstance(value, str) and value.strip() else ()


def _people(value: Any) -> str:
    people = [person for person in value or [] if isinstance(person, dict)]
    return ", ".join(str(person.get("name") or person.get("email") or "") for person in people)
