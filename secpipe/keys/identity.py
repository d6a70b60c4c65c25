"""Identities and key versions as target files of the ring (`secpipe.identity/1`), and what is legal."""

from __future__ import annotations

import fnmatch
import itertools
import re
from datetime import datetime
from typing import Any

from secpipe.core import times
from secpipe.core.errors import InputError, TrustError
from secpipe.core.shape import Fields
from secpipe.core.trust import Authority, Identity, KeyVersion, PublicHalf
from secpipe.keys.tufkey import public_half
from secpipe.keys.wire import HEX256, NAME, pretty, read

SCHEMA = "secpipe.identity/1"
#: Duties that are kept apart: what a gate signs about others' work, and what people sign against a gate's verdict.
#: Words for an error: (who it is, purposes that go together).
DUTIES = (("a verdict key", ("verdict", "vsa")), ("an override key", ("override",)))
_DATES = ("verify_until", "compromised_since", "suspended_since", "destroyed_since")
_GLOB = re.compile(r"[^\x00-\x1f\x7f]{1,200}\Z")


def identity_document(identity: Identity) -> bytes:
    """Return the target file of an identity."""
    return pretty(
        {
            "schema": SCHEMA,
            "name": identity.name,
            "holder": identity.holder,
            "authority": {
                "purposes": list(identity.authority.purposes),
                "namespaces": list(identity.authority.namespaces),
                "environments": list(identity.authority.environments),
            },
            "versions": [version_fields(version) for version in identity.versions],
            **({"origin": identity.origin} if identity.origin else {}),
            **({"rotation": _halves(identity.rotation)} if identity.rotation else {}),
        }
    )


def parse_identity(data: bytes, name: str) -> Identity:
    """Read the target file of identity `name`; raises InputError, or TrustError for a state that must not exist."""
    what = f'identity "{name}"'
    fields = Fields(read(data, what), what)
    if fields.text("schema", limit=40) != SCHEMA or fields.text("name", NAME) != name:
        raise InputError(f"{what} is not what its target says")
    scope = fields.fields("authority")
    authority = Authority(
        scope.strings("purposes", _GLOB, 100),
        scope.strings("namespaces", _GLOB, 1000),
        scope.strings("environments", _GLOB, 100),
    )
    scope.close()
    check_authority(name, authority)
    versions = tuple(parse_version(item, what) for item in fields.listing("versions"))
    origin = fields.text("origin", HEX256) if "origin" in fields.table else ""
    rotation = parse_halves(fields.listing("rotation", 2), what) if "rotation" in fields.table else ()
    identity = Identity(name, authority, versions, fields.text("holder", NAME), origin, rotation)
    fields.close()
    if len(rotation) == 1 or (rotation and origin):
        raise InputError(f"{what} has a rotation key that is not a pair, or belongs to another trust root")
    if [version.version for version in versions] != list(range(1, len(versions) + 1)) or not versions:
        raise TrustError(f"{what} does not have contiguous key versions from 1", code="identity-rules")
    for older, newer in itertools.pairwise(versions):
        if newer.not_before < older.not_before:
            raise TrustError(
                f"{what}: version {newer.version} starts before version {older.version}", code="identity-rules"
            )
    return identity


def check_authority(name: str, authority: Authority) -> None:
    """Raise TrustError where one identity would both build and judge, or judge and overrule: duties stay apart."""
    for who, purposes in DUTIES:
        held = any(fnmatch.fnmatchcase(purpose, glob) for purpose in purposes for glob in authority.purposes)
        if held and not set(authority.purposes) <= set(purposes):
            what = "verdicts" if "vsa" in purposes else "overrides"
            raise TrustError(
                f'identity "{name}" may sign {what} and other things; {who} signs nothing else',
                hint=f"give {what} an identity of their own: secpipe keys add-identity NAME --purpose {purposes[-1]}",
                code="identity-rules",
            )


def version_fields(version: KeyVersion) -> dict[str, Any]:
    """Return the JSON of one key version."""
    dates = {key: getattr(version, key) for key in _DATES}
    return {
        "version": version.version,
        "halves": _halves(version.halves),
        "not_before": times.rfc3339(version.not_before),
        "sign_until": times.rfc3339(version.sign_until),
        **{key: times.rfc3339(value) for key, value in dates.items() if value is not None},
    }


def _halves(halves: tuple[PublicHalf, ...]) -> list[dict[str, str]]:
    return [{"algorithm": half.algorithm, "pem": half.pem} for half in halves]


def parse_version(value: object, what: str) -> KeyVersion:
    """Read one key version; raises InputError."""
    fields = Fields(value, f"{what}, a key version")
    version = KeyVersion(
        fields.integer("version"),
        parse_halves(fields.listing("halves", 2), fields.what),
        fields.time("not_before"),
        fields.time("sign_until"),
        **{key: fields.maybe_time(key) for key in _DATES},
    )
    fields.close()
    check_dates(version, fields.what)
    return version


def parse_halves(items: list[Any], what: str) -> tuple[PublicHalf, ...]:
    """Read the public halves, at most one of a class, classical first; raises InputError."""
    halves = []
    for item in items:
        one = Fields(item, f"{what}, a half")
        halves.append(public_half(one.text("algorithm", limit=40), one.text("pem")))
        one.close()
    if not halves or [half.half for half in halves] != sorted({half.half for half in halves}):
        raise InputError(f"{what} does not have one classical half, one post-quantum half, or both in this order")
    return tuple(halves)


def check_dates(version: KeyVersion, what: str) -> None:
    """Raise InputError unless signing starts before it ends and acceptance does not end before signing."""
    if version.not_before >= version.sign_until:
        raise InputError(f"{what} stops signing before it starts")
    if version.verify_until is not None and version.verify_until < version.sign_until:
        raise InputError(f"{what} is accepted for less time than it signs")


def pair_name(halves: tuple[PublicHalf, ...]) -> str:
    """Return how a set of algorithms is written in `rotation.toml` and in a delegation: `ecdsa-p256+ml-dsa-65`."""
    return "+".join(half.algorithm for half in halves)


def active(identity: Identity, now: datetime) -> KeyVersion | None:
    """Return the newest version that may sign at `now`, or None."""
    from secpipe.core.trust import KeyState

    found = [version for version in identity.versions if version.state(now) is KeyState.ACTIVE]
    return found[-1] if found else None
