"""Package URLs (ECMA-427), read and written. Written only for names that a lock file or a manifest proves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote

from secpipe.formats.packages import ecosystems

_LONGEST = 4096


@dataclass(frozen=True, slots=True)
class Package:
    """A package as OSV names it. `ecosystem` is "" for types that have no advisories of their own."""

    ecosystem: str
    name: str
    version: str
    kind: str = ""  # the purl type, in lower case


def is_purl(text: object) -> bool:
    """Whether a value is text that claims to be a purl: the scheme is written in any case."""
    return isinstance(text, str) and text[:4].lower() == "pkg:"


def parse(text: str) -> Package | None:
    """Return the package that a purl names, or None where it is no purl."""
    if not is_purl(text) or len(text) > _LONGEST:
        return None
    body = text[4:].lstrip("/").partition("#")[0].partition("?")[0]
    path, at, version = body.rpartition("@")
    if not at or "/" in version:  # an unescaped scope: `pkg:npm/@scope/name`
        path, version = body, ""
    kind, _, rest = path.partition("/")
    parts = [unquote(part) for part in rest.split("/") if part]
    if not kind or not parts:
        return None
    kind = kind.lower()
    known = next((row for row in ecosystems.TABLE if row.purl == kind), None)
    name = "/".join(parts)
    if known is not None and known.separator == ":" and len(parts) > 1:
        name = ":".join((".".join(parts[:-1]), parts[-1]))
    return Package(known.name if known else "", name, unquote(version), kind)


def qualifier(text: str, name: str) -> str:
    """Return one qualifier of a purl, "" where it has none of that name."""
    pairs = (pair.partition("=") for pair in text.partition("#")[0].partition("?")[2].split("&"))
    return next((unquote(value) for key, _, value in pairs if key.lower() == name), "")


def make(
    kind: str, name: str, version: str = "", namespace: str = "", qualifiers: Mapping[str, str] | None = None,
    subpath: str = "",
) -> str:  # fmt: skip
    """Return a purl; `namespace` may hold `/`. Empty qualifiers are left out, the rest sorted."""
    parts = [_quoted(part) for part in namespace.split("/") if part]
    text = "pkg:" + "/".join([kind, *parts, _quoted(name)])
    if version:
        text += "@" + _quoted(version, ":")
    pairs = sorted((key, value) for key, value in (qualifiers or {}).items() if value)
    text += "?" + "&".join(f"{key}={_quoted(value, ':/')}" for key, value in pairs) if pairs else ""
    inner = [_quoted(part) for part in subpath.split("/") if part not in {"", ".", ".."}]
    return text + ("#" + "/".join(inner) if inner else "")


def for_ecosystem(ecosystem: str, name: str, version: str = "", qualifiers: Mapping[str, str] | None = None) -> str:
    """Return the purl of a package as its ecosystem (OSV's word) names it, or "" for an unknown ecosystem."""
    known = ecosystems.of(ecosystem)
    if known is None or not name:
        return ""
    name = name if known.purl == "cargo" else known.normal(name)  # a crate's purl keeps the spelling of its registry
    namespace, _, name = name.rpartition(known.separator) if known.separator else ("", "", name)
    return make(known.purl, name, version, namespace, qualifiers)


def _quoted(text: str, safe: str = "") -> str:
    return quote(text, safe=safe, errors="backslashreplace")
