"""One spelling a package: what an ecosystem holds for the same name."""

from __future__ import annotations


def as_is(name: str) -> str:
    """Return a name whose case counts."""
    return name


def lower(name: str) -> str:
    """Return a name whose case does not count."""
    return name.lower()


def pep503(name: str) -> str:
    """Return the normal form of a Python distribution's name (PEP 503)."""
    from packaging.utils import canonicalize_name  # here, so that listing the table imports nothing

    return str(canonicalize_name(name))


def crate(name: str) -> str:
    """Return a crate's name: `_` and `-` are the same to crates.io."""
    return name.replace("_", "-").lower()
