"""Package URLs (ECMA-427), made only from names that a lock file, a manifest or an installed distribution proves."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

#: OSV ecosystem -> purl type.
TYPES = {"PyPI": "pypi", "npm": "npm", "Go": "golang", "crates.io": "cargo", "Maven": "maven", "Debian": "deb"}
_SEPARATORS = re.compile(r"[-_.]+")


def normalize_python(name: str) -> str:
    """Return the normal form of a Python distribution's name (PEP 503)."""
    return _SEPARATORS.sub("-", name).lower()


def make(
    kind: str, name: str, version: str = "", namespace: str = "", qualifiers: Mapping[str, str] | None = None
) -> str:
    """Return a purl; `namespace` may hold `/`. Empty qualifiers are left out, the rest sorted."""
    parts = [quote(part, safe="") for part in namespace.split("/") if part]
    text = "pkg:" + "/".join([kind, *parts, quote(name, safe="")])
    if version:
        text += "@" + quote(version, safe=":")
    pairs = sorted((key, value) for key, value in (qualifiers or {}).items() if value)
    return text + ("?" + "&".join(f"{key}={quote(value, safe=':/')}" for key, value in pairs) if pairs else "")


def for_ecosystem(ecosystem: str, name: str, version: str = "", qualifiers: Mapping[str, str] | None = None) -> str:
    """Return the purl of a package as its ecosystem (OSV's word) names it, or "" for an unknown ecosystem."""
    kind = TYPES.get(ecosystem, "")
    if not kind or not name:
        return ""
    namespace = ""
    if kind == "pypi":
        name = normalize_python(name)
    elif kind in {"npm", "golang"}:
        namespace, _, name = (name.lower() if kind == "golang" else name).rpartition("/")
    return make(kind, name, version, namespace, qualifiers)
