"""What a package is for: the release itself, or only for developing it. In doubt it is for the release."""

from __future__ import annotations

from secpipe.core.inventory import Component

#: Groups that lock files and manifests keep for development. Extras and optional packages are none: they may ship.
_DEVELOPMENT = frozenset(
    {"dev", "develop", "development", "test", "tests", "testing", "lint", "linting", "docs", "typing", "require-dev",
     "packages-dev"}
)  # fmt: skip


def is_development(component: Component) -> bool:
    """Whether a lock file or manifest names the package for nothing but development; one that ships is never."""
    if "scope" not in component.facts or "group" not in component.facts:
        return False
    words = component.facts["group"].value.lower().split()
    return bool(words) and all(word in _DEVELOPMENT for word in words)
