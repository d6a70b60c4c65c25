"""Taking over an identity of another team's trust root: scoped, dated, and never less careful than before."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from secpipe.core.errors import ConfigError, TrustError
from secpipe.core.trust import Authority, Identity, KeyVersion
from secpipe.keys.identity import check_authority
from secpipe.keystore.quorum import TrustChange
from secpipe.keystore.trusted import Opened


def federated(
    found: Opened, other: Opened, name: str, alias: str, authority: Authority, until: datetime, now: datetime
) -> TrustChange:
    """Take over identity `name` of `other` as `alias`, to sign what `authority` says until a date; or refresh it.

    Its key versions are copied as they stand there: their own people rotate them, and running this again follows.
    """
    theirs, mine = other.ring.identity(name), found.ring.identity(alias)
    if theirs is None or theirs.origin:
        known = ", ".join(one.name for one in other.ring.identities if not one.origin)
        raise ConfigError(f'the other trust root has no identity "{name}" of its own', hint=f"known: {known}")
    if other.anchor == found.anchor or (mine is not None and mine.origin != other.anchor):
        raise ConfigError(f'"{alias}" is an identity of this trust root', hint="--as another name")
    if until <= now:
        raise ConfigError("--until lies in the past")
    check_authority(alias, authority)
    versions = tuple(
        replace(
            version,
            sign_until=min(version.sign_until, until),
            verify_until=min(version.verify_until or until, until),
        )
        for version in _followed(theirs, mine, until)
        if version.not_before < until
    )
    taken = Identity(alias, authority, versions, found.root.quorum.names[0], other.anchor)
    others = [identity for identity in found.ring.identities if identity.name != alias]
    return TrustChange(tuple(sorted((*others, taken), key=lambda one: one.name)), found.ring.delegation)


def _followed(theirs: Identity, mine: Identity | None, until: datetime) -> tuple[KeyVersion, ...]:
    """Return the versions of `theirs`; what was declared stolen here or there before stays so.

    Whoever serves their folder may serve an older one. Raises TrustError where it lacks a version that `mine` has.
    """
    had = {version.version: version for version in (mine.versions if mine else ())}
    found = {version.version: version for version in theirs.versions}
    for number, old in had.items():
        if old.not_before < until and (number not in found or found[number].id != old.id):
            lost = "is not there" if number not in found else "is another key"
            raise TrustError(
                f'version {number} of "{theirs.name}" {lost}', hint="secpipe trust update FOLDER: is it older?"
            )
    return tuple(_still_stolen(version, had.get(version.version)) for version in theirs.versions)


def _still_stolen(version: KeyVersion, before: KeyVersion | None) -> KeyVersion:
    since = before.compromised_since if before else None
    if since is None:
        return version
    return replace(version, compromised_since=min(since, version.compromised_since or since))
