"""requirements*.txt: pins, hashes, markers, direct addresses, `-r` and `-c` inside the tree, pip-compile's `# via`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from secpipe.core.inventory import Component, RelationKind
from secpipe.core.paths import folder_of, join
from secpipe.core.text import opening
from secpipe.formats.coding import coding_of
from secpipe.formats.locks.artifacts import pypi
from secpipe.formats.locks.library import elsewhere, hash_of
from secpipe.formats.locks.lock import Lock
from secpipe.formats.locks.python import pinned, requirement
from secpipe.formats.packages.names import pep503

_HASH = re.compile(r"\s--hash[=\s]+(\S+)")
_OPTION = re.compile(r"\s--(?:config-settings?|global-option|install-option)[=\s]+\S+")
_COMMENT = re.compile(r"(?:^|\s)#.*$")
_INCLUDE = re.compile(r"(-r|-c|--requirement|--constraint)(?:[=\s]\s*|(?=[^-\s]))(\S+)$")
_INDEX = re.compile(r"(?:-i|--index-url)[=\s]\s*(\S+)$")
_FILE = re.compile(r"[\w./+-]+\.(?:whl|zip|tar\.gz|tar\.bz2|tgz)$")  # pip takes such a word for a file before a name
_VIA = re.compile(r"^\s*#\s+(?:via\s*)?(.*)$")


def read(found: Lock) -> None:
    """Read one requirements file and say what it includes; an include that is not in the tree is a skip."""
    text = _decode(found.data)
    edges: list[tuple[str, tuple[str, ...]]] = []
    names: dict[str, str] = {}
    constraints: dict[str, str] = {}
    lines = list(_logical(text))
    registry = next((index[1] for _, line, _ in reversed(lines) if (index := _INDEX.match(line))), "")
    for number, line, _ in lines:  # a constraint holds wherever it stands, and so does an index
        if (include := _INCLUDE.match(line)) and include[1] in {"-c", "--constraint"}:
            _include(found, include[2], number, constraints)
    for number, line, via in lines:
        if include := _INCLUDE.match(line):
            if include[1] in {"-r", "--requirement"}:
                _include(found, include[2], number, None)
        elif not line.startswith("-") or line.startswith(("-e", "--editable")):
            named = _requirement(found, number, line, via, registry, constraints)
            if named is not None:
                names[named[0]] = named[1]
                edges.append((named[1], via))
    for ref, parents in edges:
        for parent in parents:
            if source := names.get(pep503(parent)):
                found.relate(source, RelationKind.DEPENDS_ON, ref)


def _requirement(
    found: Lock, number: int, line: str, via: tuple[str, ...], registry: str,
    constraints: dict[str, str],
) -> tuple[str, str] | None:  # fmt: skip
    hashes = tuple(filter(None, (hash_of(item) for item in _HASH.findall(line))))
    plain = _OPTION.sub("", _HASH.sub("", line)).strip()
    editable = re.match(r"(?:-e|--editable)[=\s]*", plain)
    if editable:
        plain = plain[editable.end() :].strip("'\"")
    # `# via -r requirements.in` and `# via project (pyproject.toml)` mean that somebody asked for it by name.
    asked = not via or any(parent.startswith(("-r", "-c")) or "(" in parent for parent in via)
    component = None
    if not _FILE.match(plain):
        component = requirement(plain, path=found.path, line=number, direct=asked, hashes=hashes, registry=registry)
    if component is None:
        if not (editable or _FILE.match(plain) or re.match(r"\.{0,2}/|[\w+.-]+://|\w:\\|\.$|\.\[", plain)):
            found.skip(f"line {number} is not a requirement: {opening(plain)}")
            return None
        if plain in {".", "./"} or plain.startswith((".[", "./[")):
            return None  # the project itself
        component = direct(plain, path=found.path, line=number, direct=asked, hashes=hashes)
    elif not component.version and (pin := constraints.get(component.name)):
        component = (
            requirement(
                f"{component.name}=={pin}",
                path=found.path,
                line=number,
                direct=asked,
                hashes=hashes,
                registry=registry,
            )
            or component
        )
    return component.name, found.add(component)


def direct(address: str, *, path: str, line: int = 0, direct: bool = True, hashes: tuple[str, ...] = ()) -> Component:
    """Return what an address, a repository or a file on a command line or in a list is: by its own word for itself."""
    url, _, fragment = address.partition("#")
    egg = re.search(r"(?:^|&)egg=([\w.-]+)", fragment)
    told = pypi(url)
    last = url.partition("?")[0].rstrip("/").rpartition("/")[2].partition("@")[0].removesuffix(".git")
    name, version = (egg[1], "") if egg else told or (last or path, "")
    return elsewhere(name, version, path=path, line=line, direct=direct, url=address, hashes=hashes)


def _include(found: Lock, name: str, number: int, constraints: dict[str, str] | None) -> None:
    path = join(folder_of(found.path), name)
    data = found.near(path) if path is not None else None
    if path is None or data is None:
        found.skip(f"line {number} includes {opening(name)}, which is not in the tree")
    elif constraints is None:
        found.includes.append(path)
    else:
        constraints.update(_pins(_decode(data)))


def _pins(text: str) -> dict[str, str]:
    from packaging.requirements import InvalidRequirement, Requirement

    pins = {}
    for _, line, _ in _logical(text):
        try:
            wanted = Requirement(_HASH.sub("", line).strip())
        except InvalidRequirement:
            continue
        if version := pinned(wanted):
            pins[pep503(wanted.name)] = version
    return pins


def _logical(text: str) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    """Yield (line number, line joined over backslashes without comments, what `# via` comments after it name)."""
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        number = at + 1
        parts, via = [], []
        while True:
            body, _, comment = _split_comment(lines[at])
            joined = body.rstrip().endswith("\\") and not comment
            parts.append(body.rstrip().removesuffix("\\") if joined else body)
            if comment.startswith("via "):
                via += [item.strip() for item in comment[4:].split(",")]
            at += 1
            if not joined or at >= len(lines):
                break
        line = " ".join(part.strip() for part in parts).strip()
        if not line:
            continue
        while at < len(lines) and lines[at].lstrip().startswith("#") and lines[at][:1].isspace():
            if (note := _VIA.match(lines[at])) and note[1].strip():
                via += [item.strip() for item in note[1].split(",")]
            at += 1
        yield number, line, tuple(via)


def _split_comment(line: str) -> tuple[str, str, str]:
    found = _COMMENT.search(line)
    return (line[: found.start()], "#", found.group(0).strip().lstrip("# ")) if found else (line, "", "")


def _decode(data: bytes) -> str:
    return data.decode(coding_of(data) or "utf-8-sig")  # UnicodeDecodeError is a ValueError: said by the caller
