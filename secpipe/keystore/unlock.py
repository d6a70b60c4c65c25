"""From an identity's name to its signers: the newest active key version, unlocked and checked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from secpipe.core import times
from secpipe.core.errors import ConfigError, InputError, TrustError
from secpipe.core.protocols import Signer
from secpipe.core.text import did_you_mean, printable
from secpipe.core.trust import Identity, KeyState, KeyVersion, Trust
from secpipe.keystore import home as store
from secpipe.keystore.custody.custody import Passphrase
from secpipe.keystore.custody.places import open_half
from secpipe.keystore.home import Record


def open_signers(
    identity: str, *, trust: Trust | None, home: Path, passphrase: Callable[[], bytes], now: datetime
) -> tuple[KeyVersion, tuple[Signer, ...]]:
    """Return the newest active key version of `identity` and its private halves as signers, classical first.

    Without `trust` the key is looked up by name in `home`; it must then belong to one trust root only.
    Raises ConfigError for an unknown identity, TrustError where no version may sign at `now`, InputError where the
    private half is not here, does not open or is not the one that the ring names.
    """
    known = _from_trust(identity, trust) if trust is not None else _from_home(identity, home)
    version = _active(known, now)
    record = store.read_record(home, version.id)
    if record is None:
        raise InputError(
            f'the private key of "{printable(identity)}" version {version.version} is not on this machine',
            hint="secpipe keys restore FILE, or sign where secpipe keys init or rotate ran; lost: secpipe keys replace",
        )
    return version, open_record(record, home, passphrase)


def open_record(record: Record, home: Path, passphrase: Passphrase) -> tuple[Signer, ...]:
    """Return the signers of one record, in the order of its halves; raises InputError."""
    return tuple(
        open_half(reference, half, home, passphrase)
        for reference, half in zip(record.custody, record.halves, strict=True)
    )


def _active(identity: Identity, now: datetime) -> KeyVersion:
    for version in reversed(identity.versions):
        if version.state(now) is KeyState.ACTIVE:
            return version
    newest = identity.versions[-1]
    raise TrustError(
        f'no key of "{printable(identity.name)}" may sign now: version {newest.version} is {newest.state(now)}',
        hint=_ways_out(identity.name, newest, newest.state(now)),
    )


def _ways_out(name: str, newest: KeyVersion, state: KeyState) -> str:
    """Return what brings an identity back whose newest version is in this state."""
    if state is KeyState.SUSPENDED:
        return f"a false alarm: secpipe keys reinstate {name}; stolen: secpipe keys revoke {name}"
    if state is KeyState.PRE_ACTIVATION:
        return f"it signs from {times.rfc3339(newest.not_before)} on; if that is past, check the clock"
    if state is KeyState.DEACTIVATED:
        return f"secpipe keys rotate --if-due; if that is blocked: secpipe keys replace {name}"
    return f"secpipe keys replace {name}"


def _from_trust(name: str, trust: Trust) -> Identity:
    for identity in trust.identities:
        if identity.name == name:
            return identity
    names = [identity.name for identity in trust.identities]
    raise ConfigError(
        f'the keyring knows no identity "{printable(name)}"',
        hint=did_you_mean(name, names) or f"known: {', '.join(names)}",
    )


def _from_home(name: str, home: Path) -> Identity:
    found = [record for record in store.records(home) if (record.kind, record.name) == ("identity", name)]
    if not found:
        raise ConfigError(f'there is no private key of "{printable(name)}" here', hint="secpipe keys init")
    if len({record.root for record in found}) > 1:
        raise ConfigError(f'keys of "{printable(name)}" belong to several trust roots', hint="--trust keys/ names one")
    from secpipe.core.trust import Authority

    versions = tuple(sorted((record.version for record in found), key=lambda version: version.version))
    return Identity(name, Authority(()), versions)
