"""The public Python API: the gate, the scanners, SBOMs and signatures as functions that return frozen answers.

`docs/api.md` shows each in use; `docs/api-public.toml` lists what is public. Names are imported when they are used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from secpipe.api.auditing import audit
    from secpipe.api.boms import Sbom, make_sbom
    from secpipe.api.checking import check
    from secpipe.api.guarding import Guarded, guard
    from secpipe.api.lineage import Step, deriving
    from secpipe.api.models import scan_models
    from secpipe.api.results import Answer, Findings, Verdict
    from secpipe.api.shadow_ai import scan_shadow_ai
    from secpipe.api.signatures import Signed, sign_path, verify_path
    from secpipe.core.errors import (
        ConfigError,
        Denied,
        InputError,
        MissingDependency,
        NetworkError,
        SecpipeError,
        TrustError,
        Undecided,
        UnsafeInput,
    )

#: module -> the public names that it holds.
_HOMES = {
    "secpipe.api.auditing": ("audit",),
    "secpipe.api.boms": ("Sbom", "make_sbom"),
    "secpipe.api.checking": ("check",),
    "secpipe.api.guarding": ("Guarded", "guard"),
    "secpipe.api.lineage": ("Step", "deriving"),
    "secpipe.api.models": ("scan_models",),
    "secpipe.api.results": ("Answer", "Findings", "Verdict"),
    "secpipe.api.shadow_ai": ("scan_shadow_ai",),
    "secpipe.api.signatures": ("Signed", "sign_path", "verify_path"),
    "secpipe.core.errors": (
        "ConfigError", "Denied", "InputError", "MissingDependency", "NetworkError", "SecpipeError", "TrustError",
        "Undecided", "UnsafeInput",
    ),
}  # fmt: skip
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Answer",
    "ConfigError",
    "Denied",
    "Findings",
    "Guarded",
    "InputError",
    "MissingDependency",
    "NetworkError",
    "Sbom",
    "SecpipeError",
    "Signed",
    "Step",
    "TrustError",
    "Undecided",
    "UnsafeInput",
    "Verdict",
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


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'secpipe.api' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)
