"""Package URLs (ECMA-427): as much as matching needs."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote

_ECOSYSTEMS = {
    "pypi": "PyPI",
    "npm": "npm",
    "golang": "Go",
    "cargo": "crates.io",
    "maven": "Maven",
    "gem": "RubyGems",
    "nuget": "NuGet",
    "composer": "Packagist",
    "hex": "Hex",
    "pub": "Pub",
    "swift": "SwiftURL",
}


@dataclass(frozen=True, slots=True)
class Package:
    """A package as OSV names it. `ecosystem` is "" for types that have no advisories of their own."""

    ecosystem: str
    name: str
    version: str


def parse(purl: str) -> Package | None:
    """Return the package that `purl` names, or None where it is no purl."""
    if not purl.startswith("pkg:") or len(purl) > 4096:
        return None
    body = purl[4:].lstrip("/").partition("#")[0].partition("?")[0]
    path, at, version = body.rpartition("@")
    if not at or "/" in version:  # an unescaped scope: `pkg:npm/@scope/name`
        path, version = body, ""
    kind, _, rest = path.partition("/")
    parts = [unquote(part) for part in rest.split("/") if part]
    if not kind or not parts:
        return None
    kind = kind.lower()
    name = ":".join([".".join(parts[:-1]), parts[-1]]) if kind == "maven" and len(parts) > 1 else "/".join(parts)
    return Package(_ECOSYSTEMS.get(kind, ""), name, unquote(version))


def make(ecosystem: str, name: str, version: str) -> str:
    """Return the purl of a package, for subjects of findings where the inventory has none."""
    from urllib.parse import quote

    kind = next((kind for kind, known in _ECOSYSTEMS.items() if known == ecosystem), "generic")
    separated = name.replace(":", "/") if ecosystem == "Maven" else name
    path = "/".join(quote(part, safe="", errors="backslashreplace") for part in separated.split("/"))
    return f"pkg:{kind}/{path}" + (f"@{quote(version, safe='', errors='backslashreplace')}" if version else "")
