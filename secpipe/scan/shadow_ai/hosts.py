"""Where a URL or host leads: a provider of the catalogue, this machine, or nobody we know."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from urllib.parse import unquote

from secpipe.scan.shadow_ai.catalogue import Catalogue
from secpipe.scan.shadow_ai.signal import LOCAL, UNLISTED
from secpipe.scan.shadow_ai.spelling import folded

#: Stands for a part of a folded string that could not be resolved.
HOLE = "\x00"

#: An absolute URL in text; what ends it differs from language to language, so it stops at the first doubtful character.
URL = re.compile(r"""(?i)\b(?:https?|wss?|grpcs?)://[^\s"'`<>()\[\]{}|\\^,;]+""")
_HOST = re.compile(r"(?i)[a-z0-9_\x00-]+(?:\.[a-z0-9_\x00-]+)+\.?|localhost")
_VARIABLE = re.compile(r"\$\w*|%\w+%|%[svd]|\{\w*\}")
_SHELL_NAME = re.compile(r"\$\{?env:\w+\}?|\$\{\w+\}|\$\(\w+\)")  # a colon or bracket of a name is none of the URL
_LOCAL_NAMES = {
    "localhost",
    "host.docker.internal",
    "gateway.docker.internal",
    "0.0.0.0",  # noqa: S104  # compared with, never bound to
    "::1",
    "kubernetes.docker.internal",
}
_LOCAL_ENDINGS = (".local", ".internal", ".svc", ".cluster.local", ".localhost", ".lan", ".home.arpa")
_LONGEST = 512  # characters; a resolver takes 253 (RFC 1035, 2.3.4)


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a URL leads. `provider` is a catalogue id, LOCAL or UNLISTED; `host` carries the port where one is
    given.
    """

    provider: str
    host: str
    path: str
    local: bool = False


def split_url(text: str) -> tuple[str, str, str] | None:
    """Return (host, port, path) of a URL or bare `host[:port][/path]` in the way a client connects, or None.

    User information, case, percent-encoding and a trailing dot are stripped: `https://gw.corp@API.deepseek.com./v1`
    leads to `api.deepseek.com`.
    """
    text = _SHELL_NAME.sub(HOLE, text.strip()) if "$" in text else text.strip()
    scheme, mark, rest = text.partition("://")
    if not mark:
        rest = text.removeprefix("//")
    elif not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", scheme):
        return None
    # A backslash ends the authority for browsers and for the WHATWG parser of fetch().
    authority = re.split(r"[/?#\\]", rest, maxsplit=1)[0]
    path = rest[len(authority) :]
    authority = folded(unquote(authority.rpartition("@")[2])).strip().lower()
    if authority.startswith("["):
        host, _, tail = authority[1:].partition("]")
        port = tail.removeprefix(":")
    else:
        host, _, port = authority.partition(":")
    host = host.rstrip(".")
    if (
        not host
        or any(char.isspace() for char in host)
        or (not mark and not _HOST.fullmatch(host) and not _address(host))
    ):
        return None
    usual = {"http": "80"}.get(scheme.lower(), "443") if mark else "443"
    return host, port if port.isdigit() and port != usual else "", path


def resolve(text: str, catalogue: Catalogue) -> Destination | None:
    """Return where a URL or bare host leads, or None when it is neither; a host with unresolved parts keeps `*`
    there.
    """
    parts = split_url(text)
    if parts is None:
        return None
    host, port, path = parts
    host = _VARIABLE.sub(HOLE, host)  # of a shell or a template: it may be any host
    shown = host.replace(HOLE, "*")
    if set(shown) <= {"*", "."} or len(shown) > _LONGEST:
        return None
    named = f"{shown}:{port}" if port else shown
    owner = owner_of(host, port, catalogue)
    if owner:
        provider = catalogue.providers[owner]
        plain = ".." not in path and "%" not in path  # a path that climbs ends elsewhere
        if plain and any(f"{path.lower()}/".startswith(f"{one}/") for one in provider.mcp_paths.get(host, ())):
            return Destination("mcp", named, path)
        return Destination(owner, named, path, local=provider.local and is_local(host))
    return Destination(LOCAL if is_local(host) else UNLISTED, named, path, is_local(host))


def owner_of(host: str, port: str, catalogue: Catalogue) -> str:
    """Return the provider that owns `host` (exactly, or by a pattern over the whole name), or ""."""
    exact = catalogue.hosts.get(f"{host}:{port}" if port else host) or catalogue.hosts.get(host)
    if exact:
        return exact
    probe = host.replace(HOLE, "x")
    for candidate in (f"{probe}:{port}", probe) if port else (probe,):
        for pattern, owner in catalogue.patterns:
            if pattern.fullmatch(candidate):
                return owner
    # A subdomain of an API host (eu.api.example.com) belongs to the same owner; `api.example.com.evil.org` does not.
    labels = probe.split(".")
    for index in range(1, len(labels) - 2):
        parent = ".".join(labels[index:])
        if parent in catalogue.hosts and parent.count(".") >= 2:
            return catalogue.hosts[parent]
    if HOLE in host:
        return _owner_of_hole(host, catalogue)
    return ""


def _owner_of_hole(host: str, catalogue: Catalogue) -> str:
    """`{region}.api.vendor.com`: the known ending decides if one provider alone has it."""
    ending = host.rpartition(HOLE)[2].lstrip(".")
    if ending.count(".") < 1:
        return ""
    owners = {owner for name, owner in catalogue.hosts.items() if name.endswith(f".{ending}") or name == ending}
    return owners.pop() if len(owners) == 1 else ""


def counts(destination: Destination, catalogue: Catalogue) -> bool:
    """Whether a destination is an AI endpoint: on a host that also serves web pages only certain paths are."""
    provider = catalogue.providers.get(destination.provider)
    if provider is None or not provider.host_paths:
        return True
    wanted = provider.host_paths.get(destination.host.partition(":")[0]) or provider.host_paths.get("*")
    if wanted is None:
        return True
    path = destination.path.lower().replace(HOLE, "x")
    return any(path.startswith(item.lower()) or fnmatchcase(path, f"{item.lower()}*") for item in wanted)


def is_local(host: str) -> bool:
    """Whether a host is this machine or a private network: loopback, RFC 1918, link-local, single labels,
    `.internal`.
    """
    name = host.partition(":")[0] if host.count(":") == 1 else host
    if name in _LOCAL_NAMES or name.endswith(_LOCAL_ENDINGS):
        return True
    address = _address(name)
    if address is not None:
        return address.is_loopback or address.is_private or address.is_link_local or address.is_unspecified
    return "." not in name and HOLE not in name


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
