"""Gemfile.lock (Bundler): gems with their sources, checksums and true edges."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import islice

from secpipe.core.inventory import Component, ComponentKind, RelationKind, content_ref
from secpipe.core.paths import folder_of
from secpipe.formats.locks.library import elsewhere, hash_of, library
from secpipe.formats.locks.lock import MANY, Lock

_SPEC = re.compile(r"( {2,6})([\w.-]+)!?(?: \(([^()]*)\))?!?(?: (\S+))?")

_GEM = re.compile(r"gem[ (]+[\"']([\w.-]{1,200})[\"']")
_GROUP = re.compile(
    r"(?:^group[ (]+|\bgroups?: *|:groups? *=> *)((?:[\[ ,]{0,9}:\w{1,40}\]?|%i\[[^\]]{0,200}\]){1,20})"
)
_WORD = re.compile(r"\w{2,}")
_OPENS = re.compile(r"(?:if|unless|case|begin|def|while|until|for|class|module)\b")
_DEVELOPMENT = {"development", "test", "dev", "ci", "lint", "doc", "docs"}


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
    refs: dict[str, dict[str, None]] = {}
    for gem in gems:
        refs.setdefault(gem.name, {})[_add(found, gem, hashes.get((gem.name, gem.version), ""))] = None
    for gem, source in zip(gems, [item.ref for item in found.components], strict=True):
        for name in gem.needs:
            found.relate(source, RelationKind.DEPENDS_ON, *islice(refs.get(name, ()), MANY))
    found.named.update(ref for name in asked for ref in refs.get(name, ()))
    apart = _apart(found, asked)
    wanted = {
        flag: {ref for name in asked if (name in apart) is flag for ref in refs.get(name, ())} for flag in (True, False)
    }
    found.only_for("dev", wanted[False], wanted[True])


def _apart(found: Lock, asked: set[str]) -> set[str]:
    """Return the gems that the Gemfile beside asks for in groups of development alone, by its text; it is never run."""
    manifest = "gems.rb" if found.name == "gems.locked" else "Gemfile"
    data = found.near(f"{folder_of(found.path)}/{manifest}".lstrip("/"))
    blocks: list[bool] = []
    apart: dict[str, bool] = {}
    for line in (data or b"").decode("utf-8", "replace").splitlines():
        code = line.partition("#")[0].strip()
        gem = _GEM.match(code)
        groups = set(_WORD.findall(match[1])) if (match := _GROUP.search(code)) else set()
        if code == "end" and blocks:
            blocks.pop()
        elif gem is not None:
            own = bool(groups) and groups <= _DEVELOPMENT
            apart[gem[1]] = (any(blocks) or own) and apart.get(gem[1], True)
        if code.endswith(" do") or _OPENS.match(code):
            blocks.append(code.startswith("group") and bool(groups) and groups <= _DEVELOPMENT)
    return {name for name, flag in apart.items() if flag and name in asked} if not blocks else set()


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
