"""Dockerfiles: base images, and what `pip install` lines name."""

from __future__ import annotations

import re
import shlex

from secpipe.core.artifact import Digest, FileEntry
from secpipe.core.inventory import Component, ComponentKind, content_ref, declared
from secpipe.formats.locks.python import requirement
from secpipe.formats.packages import purl
from secpipe.sbom.collector import Collector

_FROM = re.compile(r"FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?\s*$", re.IGNORECASE)
_ARG = re.compile(r"ARG\s+(\w+)=(\S+)", re.IGNORECASE)
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::-([^}]*))?\}|(\w+))")
_PIP = re.compile(r"\b(?:pip3?|uv pip|python3? -m pip)\s+install\s+([^&|;]+)")
_VALUED = {"-r", "--requirement", "-c", "--constraint", "-i", "--index-url", "--extra-index-url", "-f", "--find-links",
           "-t", "--target", "--python-version", "--platform", "--prefix", "--root",
           "--trusted-host", "--timeout"}  # fmt: skip


def read(found: Collector, entry: FileEntry) -> None:
    """Read one Dockerfile. A tag can move, so only a digest gives an image a purl."""
    variables: dict[str, str] = {}
    stages: set[str] = set()
    for number, line in _logical(found.read(entry).decode("utf-8")):
        if match := _ARG.match(line):
            variables.setdefault(match[1], match[2].strip("\"'"))
        elif match := _FROM.match(line):
            base = _VARIABLE.sub(lambda part: variables.get(part[1] or part[3], part[2] or part[0]), match[1])
            if "$" in base:
                found.skip(entry.path, f"line {number} names its base image by a variable")
            elif base.lower() not in stages and base != "scratch":
                found.add(image(base, entry.path, number))
            if match[2]:
                stages.add(match[2].lower())
        elif re.match(r"RUN\s", line, re.IGNORECASE):
            for command in _PIP.finditer(line):
                _installed(found, entry.path, number, command[1])


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


def _installed(found: Collector, path: str, line: int, text: str) -> None:
    try:
        words = shlex.split(text)
    except ValueError:
        found.skip(path, f"line {line}: the pip install line cannot be read")
        return
    skip = False
    for word in words:
        if skip or word.startswith("-"):
            skip = not skip and word in _VALUED
            continue
        component = None if word.startswith((".", "/", "$")) else requirement(word, path=path, line=line)
        if component is not None:
            found.add(component)


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
