"""Gemfile.lock (Bundler): gems with their sources, checksums and true edges."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from secpipe.core.inventory import Component, ComponentKind, RelationKind, content_ref
from secpipe.core.paths import folder_of
from secpipe.formats.locks.library import elsewhere, hash_of, library
from secpipe.formats.locks.lock import Lock

_SPEC = re.compile(r"( {2,6})([\w.-]+)!?(?: \(([^()]*)\))?!?(?: (\S+))?")


@dataclass(slots=True)
class _Gem:
    name: str
    version: str
    line: int
    section: str
    remote: str
    commit: str
    needs: list[str] = field(default_factory=list)


def read(found: Lock) -> None:
    """Read one Gemfile.lock. A platform behind a version (`1.15.4-x86_64-linux`) is not part of the version."""
    gems: list[_Gem] = []
    asked: set[str] = set()
    hashes: dict[tuple[str, str], str] = {}
    section = remote = commit = ""
    for number, line in enumerate(found.data.decode("utf-8").splitlines(), 1):
        key, _, value = line.strip().partition(": ")
        match = _SPEC.fullmatch(line.rstrip())
        if line[:1].strip():
            section, remote, commit = line.strip(), "", ""
        elif key == "remote":
            remote = value
        elif key == "revision":
            commit = value
        elif match is None:
            continue
        elif section == "DEPENDENCIES":
            asked.add(match[2])
        elif section == "CHECKSUMS" and match[4]:
            hashes[match[2], match[3]] = hash_of(match[4].partition(",")[0].replace("=", ":", 1))
        elif len(match[1]) == 4 and match[3]:
            gems.append(_Gem(match[2], match[3], number, section, remote, commit))
        elif len(match[1]) == 6 and gems:
            gems[-1].needs.append(match[2])
    refs: dict[str, list[str]] = {}
    for gem in gems:
        refs.setdefault(gem.name, []).append(_add(found, gem, hashes.get((gem.name, gem.version), "")))
    for gem, source in zip(gems, [item.ref for item in found.components], strict=True):
        for name in gem.needs:
            found.relate(source, RelationKind.DEPENDS_ON, *refs.get(name, ()))
    found.named.update(ref for name in asked for ref in refs.get(name, ()))


def _add(found: Lock, gem: _Gem, digest: str) -> str:
    version = gem.version.partition("-")[0]
    hashes = [digest] if digest else []
    if gem.section == "PATH":  # a part of the project itself
        ref = content_ref(ComponentKind.APPLICATION, folder_of(found.path), gem.name)
        own = Component(ref, ComponentKind.APPLICATION, gem.name, version, path=found.path, line=gem.line)
        return found.add(own)
    if gem.section == "GIT":
        url, commit = gem.remote, gem.commit
        return found.add(elsewhere(gem.name, version, path=found.path, line=gem.line, url=url, commit=commit))
    return found.add(
        library("RubyGems", gem.name, version, path=found.path, line=gem.line, hashes=hashes, registry=gem.remote)
    )
