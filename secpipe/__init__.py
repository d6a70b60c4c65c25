"""secpipe: one verdict on an AI system before it is deployed.

    import secpipe
    secpipe.check("my-project", policy="policy.toml").raise_for_deny()

The names of `secpipe.api` are imported when they are used; `docs/api.md` describes them.
"""

from secpipe.core.version import __version__

TYPE_CHECKING = False  # true for type checkers; importing `typing` would cost as much as the interpreter itself

if TYPE_CHECKING:
    from secpipe.api import (
        audit,
        check,
        deriving,
        guard,
        make_sbom,
        scan_models,
        scan_shadow_ai,
        sign_path,
        verify_path,
    )

__all__ = [
    "__version__",
    "audit",
    "check",
    "deriving",
    "guard",
    "make_sbom",
    "scan_models",
    "scan_shadow_ai",
    "sign_path",
    "verify_path",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'secpipe' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module("secpipe.api"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
