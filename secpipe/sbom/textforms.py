"""The text forms that CycloneDX's schemas name: times, dates, addresses, references. Linear in the text's length."""

from __future__ import annotations

import re
from collections.abc import Callable

from secpipe.core import times

_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt]([01]\d|2[0-3]):([0-5]\d):([0-5]\d|60)(?:\.\d+)?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)\Z",
    re.ASCII,
)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*\Z", re.ASCII)
_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
#: RFC 3987: no space, control, delimiter or private-use character stands in a reference unescaped.
_REFUSED = re.compile(r'[\x00-\x20\x7f-\x9f<>"{}|\\^`\ud800-\udfff\ufdd0-\ufdef\ufff0-\uffff]')
_HOST_LITERAL = re.compile(r"\[(?:[0-9A-Fa-f:.]+|[vV][0-9A-Fa-f]+\.[A-Za-z0-9\-._~!$&'()*+,;=:]+)\](?::\d*)?\Z")


def is_date(text: str) -> bool:
    """Tell whether `text` is a full-date of RFC 3339."""
    return times.maybe_day(text) is not None


def is_date_time(text: str) -> bool:
    """Tell whether `text` is a date-time of RFC 3339."""
    found = _TIME.match(text)
    return found is not None and is_date(found[1])


def is_email(text: str) -> bool:
    """Tell whether `text` has the one sign without which no address (RFC 6531) is one."""
    return "@" in text


def is_iri_reference(text: str) -> bool:
    """Tell whether `text` is an IRI or a relative reference (RFC 3987)."""
    if _REFUSED.search(text) or _PERCENT.search(text):
        return False
    body, _, fragment = text.partition("#")
    if "#" in fragment or "[" in fragment or "]" in fragment:
        return False
    hierarchy = body.partition("?")[0]
    head, colon, rest = hierarchy.partition(":")
    if colon and "/" not in head:
        if not _SCHEME.match(head):
            return False
    else:
        rest = hierarchy
    authority, path = "", rest
    if rest.startswith("//"):
        authority, slash, path = rest[2:].partition("/")
        path = slash + path
    host = authority.rpartition("@")[2]
    if ("[" in host or "]" in host) and not _HOST_LITERAL.match(host):
        return False
    if "[" not in host and ":" in host and not host.rpartition(":")[2].isdigit() and host.rpartition(":")[2]:
        return False
    return "[" not in path + body.partition("?")[2] and "]" not in path + body.partition("?")[2]


def is_uri(text: str) -> bool:
    """Tell whether `text` is an absolute URI (RFC 3986)."""
    return text.isascii() and is_iri_reference(text) and bool(_SCHEME.match(text.partition(":")[0])) and ":" in text


FORMATS: dict[str, Callable[[str], bool]] = {
    "date": is_date,
    "date-time": is_date_time,
    "idn-email": is_email,
    "iri-reference": is_iri_reference,
    "uri": is_uri,
}
