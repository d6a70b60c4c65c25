"""Where signatures stand beside what they sign: the reserved names, and nothing else is ever ignored."""

from __future__ import annotations

from pathlib import Path

from secpipe.core.errors import InputError
from secpipe.core.text import printable

CLASSICAL = "model.sig"
PQ = "model.pqc.sig"
LOG_PROOF = "model.sig.tlog-proof"

#: The only names inside a model directory that its own signature does not cover.
SIDECARS = (PQ, CLASSICAL, LOG_PROOF)

CLASSICAL_SUFFIX = ".sig"
PQ_SUFFIX = ".pqc.sig"
ATTESTATION = ".att.json"
PQ_ATTESTATION = ".pqc.att.json"
_RESERVED = (CLASSICAL_SUFFIX, ".tlog-proof", ATTESTATION)  # the post-quantum ones end in them


def twins(path: Path, *, directory: bool, folder: Path | None = None) -> tuple[Path, Path]:
    """Return where the classical and the post-quantum bundle of an artifact stand.

    Inside a directory, beside a file; in `folder` where one is given (a directory's then carry its name).
    """
    if directory and folder is None:
        return path / CLASSICAL, path / PQ
    base = (folder or path.parent) / own_name(path)
    return base.with_name(base.name + CLASSICAL_SUFFIX), base.with_name(base.name + PQ_SUFFIX)


def own_name(path: Path) -> str:
    """Return the last part of a path, also of `.` and `..`."""
    return path.name if path.name not in {"", ".."} else path.resolve().name


def refuse_reserved(name: str) -> None:
    """Raise InputError for an artifact whose own name could be taken for a signature, or whose signature could be."""
    if is_reserved(name):
        raise InputError(f"{printable(name)} has a name reserved for signatures", hint="rename it before signing")


def is_sidecar(name: str) -> bool:
    """Whether `name`, or a path, ends as a signature or an attestation does."""
    return name.casefold().endswith(_RESERVED)


def is_reserved(name: str) -> bool:
    """Whether `name` is a sidecar's, or its sidecar would be a directory's (`model` -> `model.sig`)."""
    return is_sidecar(name) or name.casefold() in {"model", "model.pqc"}
