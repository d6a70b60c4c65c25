"""pdm.lock: packages, hashes, extras folded into their package, and edges."""

from __future__ import annotations

from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from secpipe.core.text import opening
from secpipe.formats.locks import artifacts
from secpipe.formats.locks.library import elsewhere, hash_of, library
from secpipe.formats.locks.lock import Lock
from secpipe.formats.locks.python import applies
from secpipe.formats.locks.tomllock import Names, packages


def read(found: Lock) -> None:
    """Read one pdm.lock."""
    document, items = packages(found)
    old_files = (document.get("metadata") or {}).get("files") or {}
    names = Names()
    for item in items:
        name, version = str(item["name"]), str(item.get("version") or "")
        files = item.get("files") or old_files.get(f"{name} {version}") or []
        hashes = [digest for part in files if (digest := hash_of(part.get("hash")))]
        url = str(item.get("git") or item.get("url") or item.get("path") or "")
        groups = [str(group) for group in item.get("groups") or []]
        facts = {"description": str(item.get("summary") or ""), "group": " ".join(groups)}
        facts["scope"] = "optional" if groups and "default" not in groups else ""
        inside = str(item.get("subdirectory") or "")
        url += f"#subdirectory={inside}" if inside else ""
        if url:
            component = elsewhere(
                name, version, path=found.path, line=item["\0line"], url=url,
                commit=str(item.get("revision") or ""), hashes=hashes, facts=facts,
            )  # fmt: skip
        else:
            told = _told(found, (name, version), files, item["\0line"])
            component = library("PyPI", *told, path=found.path, line=item["\0line"], hashes=hashes, facts=facts)
        ref = found.add(component)
        names.put(name, version, ref)
        for text in item.get("dependencies") or []:
            try:
                wanted = Requirement(text)
            except InvalidRequirement:
                found.skip(f"not a requirement: {opening(str(text))}")
                continue
            if wanted.marker is None or applies(str(wanted.marker)):
                names.need(ref, wanted.name)
    names.relate(found)


def _told(found: Lock, claimed: tuple[str, str], files: list[dict[str, Any]], line: int) -> tuple[str, str]:
    """Return name and version as the files say that a lock with static addresses takes."""
    addresses = [str(part.get("url") or "") for part in files]
    return artifacts.believed(found, claimed, addresses, artifacts.pypi, artifacts.same_pypi, line)
