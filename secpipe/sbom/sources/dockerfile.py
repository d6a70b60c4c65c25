"""Dockerfiles: base images, and what `pip install` lines name."""

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
_COPY = re.compile(r"(?:COPY|ADD)\s(?:.*\s)?--from=(\S+)", re.IGNORECASE)
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
            base = _VARIABLE.sub(lambda part: variables.get(part[1] or part[3], part[2] or part[0]), match[1])
            if "$" in base:
                found.skip(entry.path, f"line {number} names its base image by a variable")
            elif base.lower() not in stages and base != "scratch":
                named(found, base, entry.path, number)
            if match[2]:
                stages.add(match[2].lower())
        elif re.match(r"RUN\s", line, re.IGNORECASE):
            runs.append((number, line.partition(" ")[2]))
        elif (match := _COPY.match(line)) and not match[1].isdecimal() and match[1].lower() not in stages:
            named(found, match[1], entry.path, number)
    installs.read(found, entry.path, runs, unknown=True)


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
    lines: list[tuple[int, str]] = []
    parts: list[str] = []
    start = 0
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if line.startswith("#") or (not line and not parts):
            continue
        start = start if parts else number
        parts.append(line.removesuffix("\\").strip())
        if not line.endswith("\\"):
            lines.append((start, " ".join(parts)))
            parts = []
    if parts:
        lines.append((start, " ".join(parts)))
    return lines
