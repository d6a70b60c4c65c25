"""conda: what names a package of a channel, and environment.yml with the pip requirements inside it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from secpipe.core.artifact import Digest
from secpipe.core.errors import InputError
from secpipe.core.inventory import Component, ComponentKind, content_ref, declared
from secpipe.core.text import opening
from secpipe.formats.locks import requirements
from secpipe.formats.locks.artifacts import conda_parts
from secpipe.formats.locks.library import hash_of
from secpipe.formats.locks.lock import Lock
from secpipe.formats.packages import purl
from secpipe.formats.yaml import parse_yaml

_SPEC = re.compile(r"([A-Za-z0-9_.-]+)\s*(.*)")
_EXACT = re.compile(r"(?:==\s*([^\s=*<>,|]+)(?:=[^\s=*]+)?|=([^\s=*<>,|]+)=([^\s=*]+))$")


def read(found: Lock) -> None:
    """Read one environment file; a YAML file of another kind gives nothing."""
    documents = parse_yaml(found.data, found.name, found.limits)
    document = documents[0] if documents else None
    if not isinstance(document, dict) or not isinstance(document.get("dependencies"), list):
        return
    channels = [str(item) for item in document.get("channels") or []]
    for item in document["dependencies"]:
        if isinstance(item, str):
            found.add(conda_spec(item, channels, found.path))
        elif isinstance(item, dict):
            _pip(found, [str(text) for text in item.get("pip") or []])


def _pip(found: Lock, lines: list[str]) -> None:
    """Read the pip part as what it is: the lines of a requirements file, each where it stands in this one."""
    rows = [line.strip().removeprefix("-").strip().strip("\"'") for line in found.data.decode("utf-8").split("\n")]
    places: dict[str, list[int]] = {}
    for at in range(len(rows) - 1, -1, -1):
        places.setdefault(rows[at], []).append(at)
    kept = [""] * len(rows)
    for line in lines:
        if places.get(line):
            kept[places[line].pop()] = line
        else:
            kept.append(line)
    inner = Lock(found.path, "\n".join(kept).encode(), found.near, found.limits)
    requirements.read(inner)
    found.components += inner.components
    found.includes += inner.includes
    found.skips += [f"pip: {reason}" for reason in inner.skips]


def conda_spec(text: str, channels: list[str], path: str) -> Component:
    """Return the package that a match specification (`channel::name=1.0`) names; raises InputError where it is none."""
    own, _, spec = text.strip().rpartition("::")
    parts = _SPEC.fullmatch(spec)
    if parts is None:
        raise InputError(f"{opening(str(text))} is no conda package")
    channel = (own or (channels[0] if len(channels) == 1 else "")).rstrip("/").rpartition("/")[2]
    name, rest = parts[1].lower(), parts[2].strip()
    exact = _EXACT.match(rest)  # `=1.26` is a prefix, `==1.26.4` and `=1.26.4=build` are pins
    version = (exact[1] or exact[2]) if exact else ""
    build = (exact[3] or "") if exact else ""
    package = purl.make("conda", name, version, qualifiers={"channel": channel, "build": build})
    facts = {"specifier": "" if version else rest, "channel": channel}
    ref = package or content_ref(ComponentKind.LIBRARY, "conda", name)
    return Component(ref, ComponentKind.LIBRARY, name, version, package, path=path, facts=declared(path, facts))


def conda_package(
    name: str, version: str, url: str = "", *, path: str, line: int = 0, hashes: Iterable[str] = (),
    facts: Mapping[str, str] | None = None,
) -> Component:  # fmt: skip
    """Return a package that a lock file names by its artifact `url` (`CHANNEL/SUBDIR/NAME-VERSION-BUILD.conda`).

    The channel is its last part only: what stands before may be a token.
    """
    folders = url.partition("#")[0].partition("?")[0].split("/")[:-1]
    channel, subdir = (folders[-2], folders[-1]) if "://" in url and len(folders) > 4 else ("", "")
    build = conda_parts(url)[2]
    package = purl.make("conda", name, version, qualifiers={"channel": channel, "build": build, "subdir": subdir})
    digests = tuple(Digest(*mark.split(":", 1)) for mark in filter(None, map(hash_of, hashes)))
    where = f"{path}:{line}" if line else path
    return Component(
        package, ComponentKind.LIBRARY, name, version, package, path=path, line=line, digests=digests,
        facts=declared(where, {"channel": channel, **(facts or {})}),
    )  # fmt: skip
