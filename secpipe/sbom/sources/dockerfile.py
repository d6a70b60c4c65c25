"""Dockerfiles: base images, images that files are copied or mounted from, and what install commands name."""

from __future__ import annotations

import re

from secpipe.core.artifact import Digest, FileEntry
from secpipe.core.inventory import Component, ComponentKind, content_ref, declared
from secpipe.core.text import opening
from secpipe.formats.packages import purl
from secpipe.sbom.collector import Collector
from secpipe.sbom.sources import installs

_FROM = re.compile(r"FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?\s*$", re.IGNORECASE)
_ARG = re.compile(r"ARG\s+(\w+)=(\S+)", re.IGNORECASE)
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::-([^}]*))?\}|(\w+))")
_TAKES = re.compile(r"(?:COPY|ADD|RUN)\s", re.IGNORECASE)
_FROM_OTHER = re.compile(r"(?:\s--from=|\s--mount=(?:[^\s,]+,)*from=)[\"']?([^\s,\"']+)")
_HERE = re.compile(r"<<-?[\"']?(\w+)[\"']?")
_ESCAPE = re.compile(r"#\s*escape\s*=\s*`\s*$", re.IGNORECASE)
#: How a container image is named: no user, no scheme (the reference grammar of the OCI distribution specification).
_NAMED = re.compile(r"[\w.-]+(?::\d+)?(?:/[\w.-]+)*(?::[\w.-]+)?(?:@sha256:[0-9a-f]{64})?")


def read(found: Collector, entry: FileEntry) -> None:
    """Read one Dockerfile. A tag can move, so only a digest gives an image a purl."""
    variables: dict[str, str] = {}
    stages: set[str] = set()
    runs: list[tuple[int, str]] = []
    for number, line in _logical(found.read(entry).decode("utf-8")):
        if match := _ARG.match(line):
            variables.setdefault(match[1], match[2].strip("\"'"))
        elif match := _FROM.match(line):
            base = _filled(match[1], variables)
            if "$" in base:
                found.skip(entry.path, f"line {number} names its base image by a variable")
            elif base.lower() not in stages and base != "scratch":
                named(found, base, entry.path, number)
            if match[2]:
                stages.add(match[2].lower())
        elif re.match(r"RUN\s", line, re.IGNORECASE):
            runs += [(number, part) for part in line.partition(" ")[2].split("\n")]
        for other in _FROM_OTHER.findall(line) if _TAKES.match(line) else ():
            source = _filled(other, variables)
            if not source.isdecimal() and source.lower() not in stages:
                named(found, source, entry.path, number)
    installs.read(found, entry.path, runs, unknown=True)


def _filled(text: str, variables: dict[str, str]) -> str:
    """Return a text with the build's own variables filled in; what is not known stays as it is written."""
    return _VARIABLE.sub(lambda part: variables.get(part[1] or part[3], part[2] or part[0]), text)


def named(found: Collector, text: str, path: str, line: int) -> None:
    """Add the image that `text` names; what names none is said."""
    if _NAMED.fullmatch(text):
        found.add(image(text, path, line))
    else:
        found.skip(path, f"line {line} names no image that can be told: {opening(text)}")


def image(text: str, path: str, line: int) -> Component:
    """Return the container image that `text` (`host/name:tag@digest`) names; only a digest gives it a purl."""
    name, _, digest = text.partition("@")
    host, slash, rest = name.rpartition("/")
    rest, _, tag = rest.partition(":")
    repository = f"{host}{slash}{rest}"
    package = ""
    if re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
        where = (
            repository
            if "." in host.split("/")[0] or ":" in host.split("/")[0]
            else f"docker.io/{repository if host else 'library/' + repository}"
        )
        package = purl.make("oci", rest, digest, qualifiers={"repository_url": where, "tag": tag})
    digests = (Digest("sha256", digest[7:]),) if package else ()
    ref = package or content_ref(ComponentKind.CONTAINER, text)
    facts = declared(f"{path}:{line}", {"tag": tag, "image": text})
    return Component(
        ref,
        ComponentKind.CONTAINER,
        repository,
        digest or tag,
        package,
        path=path,
        line=line,
        digests=digests,
        facts=facts,
    )


def _logical(text: str) -> list[tuple[int, str]]:
    """Return (line number, instruction): joined over its escapes, with the lines of its here-document behind it."""
    lines: list[tuple[int, list[str]]] = []
    parts: list[str] = []
    start = 0
    ends: list[str] = []  # of here-documents that are open
    escape = "`" if _ESCAPE.match(text.partition("\n")[0].strip()) else "\\"
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if ends:
            if line == ends[0]:
                ends.pop(0)
            else:
                lines[-1][1].append(line)
            continue
        if line.startswith("#") or not line:  # the builder leaves such lines out of an instruction too
            continue
        start = start if parts else number
        parts.append(line.removesuffix(escape).strip())
        if not line.endswith(escape):
            joined = " ".join(parts)
            lines.append((start, [joined]))
            ends = _HERE.findall(joined) if _TAKES.match(joined) else []
            parts = []
    if parts:
        lines.append((start, [" ".join(parts)]))
    return [(number, "\n".join(said)) for number, said in lines]
