"""The signed payload: an in-toto Statement v1 with one subject that declares its hybrid key.

Source: in-toto/attestation spec/v1/statement.md; docs/spec/hybrid-bundle.md for the annotations.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from secpipe.core import times
from secpipe.core.documents import canonical, parse_json
from secpipe.core.errors import InputError
from secpipe.core.limits import DEFAULT, Limits
from secpipe.core.shape import mapping
from secpipe.core.trust import PublicHalf
from secpipe.sign.bundle import fields
from secpipe.sign.predicates import PredicateType, by_uri

TYPE = "https://in-toto.io/Statement/v1"
_TYPES = (TYPE, "https://in-toto.io/Statement/v0.1")  # the older one is what cosign writes
HYBRID = "https://secpipe.dev/hybrid/v1"
VERSION = "https://secpipe.dev/version/v1"
KIND = "https://secpipe.dev/kind/v1"
MADE = "https://secpipe.dev/made/v1"
_HEX = re.compile(r"[0-9a-f]{64}")
_MAX_HALVES = 8


@dataclass(frozen=True, slots=True, order=True)
class Declared:
    """One half the payload declares: scheme id and keyid."""

    algorithm: str
    keyid: str


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement as signed. `digests` holds `sha256` (of the file, or the OMS root) and, for a directory, `dirHash`;
    a verdict's holds `dirHash`, and of an image `sha256`, the digest of its manifest.

    `halves` is empty where the payload declares no hybrid (a bundle by another tool). `kind` and `made` (UTC, as the
    signer states it) stand in attestations only.
    """

    predicate_type: str
    name: str
    digests: Mapping[str, str]
    predicate: Mapping[str, Any]
    halves: tuple[Declared, ...] = ()
    version: str = ""
    kind: str = ""
    made: datetime | None = None


def declare(halves: Sequence[PublicHalf]) -> tuple[Declared, ...]:
    """Return the declaration of a key version's halves, classical first."""
    return tuple(Declared(half.algorithm, half.keyid) for half in sorted(halves, key=lambda half: half.half))


def encode(statement: Statement) -> bytes:
    """Return the payload: canonical JSON (sorted keys, no spaces, UTF-8), serialised once and signed by every half."""
    annotations: dict[str, Any] = {
        HYBRID: {
            "halves": [{"alg": half.algorithm, "keyid": half.keyid} for half in statement.halves],
            "mode": "all-of",
        }
    }
    if statement.version:
        annotations[VERSION] = statement.version
    if statement.kind:
        annotations[KIND] = statement.kind
    if statement.made:
        annotations[MADE] = times.rfc3339(statement.made)
    subject = {"annotations": annotations, "digest": dict(statement.digests), "name": statement.name}
    document = {
        "_type": TYPE,
        "predicate": statement.predicate,
        "predicateType": statement.predicate_type,
        "subject": [subject],
    }
    try:
        return canonical(document)
    except UnicodeEncodeError:
        raise InputError("a name is not valid Unicode and cannot be signed", hint="rename the file") from None


def decode(
    payload: bytes,
    what: str,
    limits: Limits = DEFAULT,
    *,
    strict: bool = True,
    match: Callable[[Mapping[str, Any]], bool] | None = None,
) -> Statement:
    """Return the statement in a payload. Raises InputError.

    `strict` refuses unknown fields beside the four of a statement and the three of a subject; without it they are
    ignored (bundles by other tools). These may name several subjects, by any digest: `match` says which is meant.
    """
    document = parse_json(payload, f"{what}: payload", limits)
    outer, inner = {"_type", "subject", "predicateType", "predicate"}, {"name", "digest"}
    top = fields(document, f"{what}: statement", outer, _others(document, strict))
    if top["_type"] not in (_TYPES[:1] if strict else _TYPES) or not isinstance(top["predicateType"], str):
        raise InputError(f"{what}: the payload is no in-toto Statement v1")
    subjects = top["subject"]
    if match is not None and not strict and isinstance(subjects, list):
        subjects = [one for one in subjects if isinstance(one, dict) and match(mapping(one.get("digest")))][:1]
    if not isinstance(subjects, list) or len(subjects) != 1 or not isinstance(subjects[0], dict):
        raise InputError(f"{what} must name exactly one subject")
    if not strict:
        subjects[0].setdefault("name", "")  # cosign names images by digest alone
    subject = fields(subjects[0], f"{what}: subject", inner, {"annotations"} | _others(subjects[0], strict))
    if not isinstance(subject["name"], str) or not isinstance(top["predicate"], dict):
        raise InputError(f"{what}: the subject has no name, or the predicate is no object")
    annotations = subject.get("annotations", {})
    if not isinstance(annotations, dict):
        raise InputError(f"{what}: annotations are no object")
    version, kind, made = (annotations.get(name, "") for name in (VERSION, KIND, MADE))
    if not isinstance(version, str) or not isinstance(kind, str) or not isinstance(made, str):
        raise InputError(f"{what}: an annotation of ours is no text")
    return Statement(
        top["predicateType"],
        subject["name"],
        _digests(subject["digest"], by_uri(top["predicateType"]) if strict else None, what, any_of=match is not None),
        top["predicate"],
        _halves(annotations.get(HYBRID), what),
        version,
        kind,
        _instant(made, what),
    )


def _instant(text: str, what: str) -> datetime | None:
    if not text:
        return None
    try:
        made = times.instant(text)
        if times.rfc3339(made) != text:
            raise ValueError
        return made
    except ValueError:
        raise InputError(f"{what}: the signed time is no RFC 3339 time in UTC") from None


def _others(value: Any, strict: bool) -> set[str]:
    return set() if strict or not isinstance(value, dict) else set(value)


def _digests(value: Any, row: PredicateType | None, what: str, *, any_of: bool = False) -> dict[str, str]:
    """A verdict is about a whole release, whose OMS root would bind no names; consumers match on *any* digest."""
    if not isinstance(value, dict) or not all(isinstance(digest, str) for digest in value.values()):
        raise InputError(f"{what}: the subject's digest is no set of digests")
    for name in ("sha256", "dirHash"):
        if name in value and not _HEX.fullmatch(value[name]):
            raise InputError(f"{what}: {name} is not 64 hex digits")
    if row is not None and row.form == "verdict":
        if "dirHash" not in value or set(value) - {"dirHash", "sha256"}:
            raise InputError(f"{what}: a verdict names its subject by dirHash, and an image by sha256 too")
    elif "sha256" not in value and not any_of:
        raise InputError(f"{what}: the subject has no SHA-256")
    return value


def _halves(value: Any, what: str) -> tuple[Declared, ...]:
    if value is None:
        return ()
    declaration = fields(value, f"{what}: hybrid declaration", {"mode", "halves"})
    rows = declaration["halves"]
    if declaration["mode"] != "all-of" or not isinstance(rows, list) or not 1 <= len(rows) <= _MAX_HALVES:
        raise InputError(f"{what}: the declaration of halves is not all-of one or more")
    halves = []
    for row in rows:
        row = fields(row, f"{what}: declared half", {"alg", "keyid"})
        if not isinstance(row["alg"], str) or not isinstance(row["keyid"], str) or not _HEX.fullmatch(row["keyid"]):
            raise InputError(f"{what}: a declared half without algorithm or keyid")
        halves.append(Declared(row["alg"], row["keyid"]))
    if len({half.keyid for half in halves}) != len(halves):
        raise InputError(f"{what}: the same half is declared twice")
    return tuple(halves)
