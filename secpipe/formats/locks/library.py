"""How every lock-file source makes a library: one place for identity, hashes and where it was read."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from secpipe.core.artifact import Digest
from secpipe.core.inventory import Component, ComponentKind, content_ref, declared
from secpipe.formats.packages import ecosystems, purl

_LENGTHS = {"md5": 32, "sha1": 40, "sha256": 64, "sha384": 96, "sha512": 128}
_GITHUB = re.compile(r"(?:git\+)?(?:https://|ssh://git@|git://)github\.com[/:]([\w.-]+)/([\w.-]+?)(?:\.git)?/?$")
#: The archive of one commit, and the short form of npm, yarn and bun: both name a repository of GitHub.
_CODELOAD = re.compile(r"https://codeload\.github\.com/([\w.-]+/[\w.-]+)/(?:tar\.gz|zip)/([0-9a-f]{40})$")
_SHORT = re.compile(r"github:([\w.-]+/[\w.-]+)$")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_REFERENCE = re.compile(r"[\w./-]{1,200}")


def library(
    ecosystem: str,
    name: str,
    version: str = "",
    *,
    path: str,
    line: int = 0,
    direct: bool = False,
    hashes: Iterable[str] = (),
    licenses: Iterable[str] = (),
    registry: str = "",
    facts: Mapping[str, str] | None = None,
) -> Component:
    """Return a library named by a manifest or lock file at `path:line`.

    `hashes` are `algorithm:hex` of its artifacts: kept as the fact `hashes`, and as digests where there is just one.
    `registry` is the address it comes from; one that is not the ecosystem's own becomes part of the purl.
    """
    known = ecosystems.of(ecosystem)
    if known and known.name == "PyPI":
        name = known.normal(name)
    if registry and (
        "://" not in registry or registry.startswith("file:")
    ):  # a folder, or an index by a name of its own
        return elsewhere(name, version, path=path, line=line, direct=direct, hashes=hashes, facts=facts)
    host = urlsplit(registry).hostname or "" if "://" in registry else ""
    private = registry if host and known and known.hosts and host not in known.hosts else ""
    package = purl.for_ecosystem(ecosystem, name, version, {"repository_url": without_secret(private)})
    marks = sorted(set(hashes))
    more = {key: without_secret(value) if key == "artifact-url" else value for key, value in (facts or {}).items()}
    where = f"{path}:{line}" if line else path
    return Component(
        package or content_ref(ComponentKind.LIBRARY, ecosystem, name, version),
        ComponentKind.LIBRARY,
        name,
        version,
        package,
        "" if private else ecosystem,
        path,
        line,
        tuple(Digest(*item.split(":", 1)) for item in marks) if len(marks) == 1 else (),
        tuple(licenses),
        direct,
        declared(where, {"hashes": " ".join(marks), **more}),
    )


def elsewhere(
    name: str, version: str, *, path: str, line: int = 0, direct: bool = False, url: str = "", commit: str = "",
    hashes: Iterable[str] = (), facts: Mapping[str, str] | None = None,
) -> Component:  # fmt: skip
    """Return a library that does not come from a registry: a direct URL, a repository, a folder.

    Its name claims nothing about a registry's package of that name, so it has no ecosystem; only a GitHub commit is a
    proven purl.
    """
    package = ""
    shown, commit, folder = _origin(url, commit)
    found = _GITHUB.match(shown)
    if found and _COMMIT.fullmatch(commit):
        package = purl.make("github", found[2].lower(), commit, found[1].lower(), subpath=folder)
    known = sorted(set(hashes))
    where = f"{path}:{line}" if line else path
    alone = package and (folder or name.lower() == found[2].lower() if found else False)
    return Component(  # one repository may hold many packages: only its own name makes its purl an identity
        package if alone else content_ref(ComponentKind.LIBRARY, name, version, shown, commit, folder),
        ComponentKind.LIBRARY,
        name,
        version,
        package,
        "",
        path,
        line,
        tuple(Digest(*item.split(":", 1)) for item in known) if len(known) == 1 else (),
        (),
        direct,
        declared(
            where, {"source-url": shown, "commit": commit, "folder": folder, "hashes": " ".join(known), **(facts or {})}
        ),
    )


def hash_of(text: object) -> str:
    """Return `algorithm:hex` of `sha256:HEX` or of an SRI string (`sha512-BASE64`); "" for anything else."""
    if not isinstance(text, str):
        return ""
    best = ""
    for part in text.split():
        algorithm, sign, value = part.partition("-") if re.match(r"[a-z0-9]+-", part) else part.partition(":")
        if sign == "-":
            try:
                value = base64.b64decode(value.partition("?")[0], validate=True).hex()
            except (binascii.Error, ValueError):
                continue
        algorithm, value = algorithm.lower(), value.lower()
        good = len(value) == _LENGTHS.get(algorithm, -1) and re.fullmatch("[0-9a-f]+", value)
        if good and _LENGTHS[algorithm] > _LENGTHS.get(best.partition(":")[0], 0):
            best = f"{algorithm}:{value}"
    return best


def _origin(url: str, commit: str) -> tuple[str, str, str]:
    """Return (address without secrets, commit or reference, folder inside the repository) of a direct source.

    They are written into one text: `git+https://host/r.git@REF#subdirectory=DIR` (pip), `...#REF&path:/DIR` (pnpm),
    `...?rev=X&subdirectory=DIR#COMMIT` (uv).
    """
    address, _, fragment = url.partition("#")
    address, _, query = address.partition("?")
    folder = ""
    for part in re.split("[&?]", f"{query}&{fragment}"):
        key, sign, value = part.partition("=") if "=" in part else part.partition(":")
        if key in {"subdirectory", "path"}:
            folder = value.strip("/")
        elif key == "commit" or (not sign and _REFERENCE.fullmatch(part)):
            commit = commit or (value if sign else part)
    last = address.rpartition("/")[2]
    if "@" in last and address.startswith(("git", "ssh")):
        address, _, reference = address.rpartition("@")
        commit = commit or (reference if _REFERENCE.fullmatch(reference) else "")
    if archive := _CODELOAD.match(address):
        address, commit = f"https://github.com/{archive[1]}", archive[2]
    elif short := _SHORT.match(address):
        address = f"https://github.com/{short[1]}"
    return without_secret(address), commit, folder


def without_secret(url: str) -> str:
    """Return `url` without a user name, password, query or fragment: a BOM is published, a token is not."""
    scheme, sign, rest = url.partition("#")[0].partition("?")[0].rpartition("://")
    host, slash, path = rest.partition("/")
    user, at, host = host.rpartition("@")
    kept = f"{user}@" if at and user == "git" else ""  # how every forge spells its SSH addresses
    return f"{scheme}{sign}{kept}{host}{slash}{path}"
