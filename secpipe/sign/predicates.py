"""The vetted predicate types: short name (an identity's purpose) to URI and back, from `policies/signing`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from secpipe.core.documents import parse_toml
from secpipe.core.errors import ConfigError
from secpipe.core.text import did_you_mean
from secpipe.system.files import read_bytes
from secpipe.system.places import shipped

MODEL = "https://model_signing/signature/v1.0"


@dataclass(frozen=True, slots=True)
class PredicateType:
    """One vetted type: `purpose` is what the ring allows; `form` is directory, file, oci, attestation or
    verdict.
    """

    purpose: str
    uri: str
    form: str
    empty: bool = False
    required: tuple[str, ...] = ()


@cache
def _table() -> tuple[PredicateType, ...]:
    path = shipped() / "signing" / "predicates.toml"
    rows = parse_toml(read_bytes(path, 1 << 20), path.name)["predicate"]
    return tuple(
        PredicateType(
            row["purpose"],
            row["uri"],
            row["form"],
            row.get("predicate") == "empty",
            tuple(row.get("required", ())),
        )
        for row in rows
    )


def by_purpose(purpose: str, *forms: str) -> PredicateType:
    """Return the type with that short name among the given forms (all, if none is named); raises ConfigError."""
    known = {row.purpose: row for row in _table() if not forms or row.form in forms}
    if purpose not in known:
        hint = did_you_mean(purpose, known) or f"known: {', '.join(known)}"
        raise ConfigError(f'unknown purpose "{purpose}"', hint=hint)
    return known[purpose]


def by_uri(uri: str) -> PredicateType | None:
    """Return the vetted type with that URI, or None."""
    return next((row for row in _table() if row.uri == uri), None)


def purposes(*forms: str) -> tuple[str, ...]:
    """Return the short names of the given forms, in the order of the table."""
    return tuple(row.purpose for row in _table() if row.form in forms)
