"""What every signing command needs: the identity, its unlocked halves, its authority, a time authority."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from secpipe.core.errors import ConfigError, TrustError
from secpipe.core.text import did_you_mean

if TYPE_CHECKING:
    from secpipe.core.protocols import Signer
    from secpipe.core.trust import Identity, KeyVersion, Trust


@dataclass(frozen=True, slots=True)
class Unlocked:
    """An identity that signs, its active key version, and its halves; `anchor` is the digest of the first root."""

    identity: Identity
    version: KeyVersion
    signers: tuple[Signer, ...]
    anchor: str = ""


def purpose_of(path: str, kind: str) -> str:
    """Return what a path is signed as: `kind`, or by its form `model`, `image` or `file`."""
    if path.startswith("oci://"):
        return kind or "image"
    return kind or ("model" if Path(path).is_dir() else "file")


def unlocked(
    identity: str | None,
    purposes: Collection[str],
    *,
    trust: str,
    profile: str | None = None,
    passphrase_file: str | None,
    now: datetime,
) -> Unlocked:
    """Return who signs for these purposes, unlocked; without a name, the only identity that may."""
    from secpipe.keys.schemes.scheme import PAIRS
    from secpipe.keystore.trusted import open_trust

    if profile is not None and profile not in PAIRS:
        raise ConfigError(f'unknown profile "{profile}"', hint=f"known: {', '.join(PAIRS)}")
    state = open_trust(Path(trust), now=now)
    who = _chosen(state, identity, purposes)
    version, signers = open_key(who, state, passphrase_file, now)
    if profile is not None and {half.algorithm for half in version.halves} != set(PAIRS[profile]):
        hint = f"secpipe keys rotate --profile {profile}"
        raise ConfigError(f"{who.name} is not a key of profile {profile}", hint=hint)
    return Unlocked(who, version, signers, (state.pins or (state.root_digest,))[0])


def open_key(
    who: Identity, trust: Trust, passphrase_file: str | None, now: datetime
) -> tuple[KeyVersion, tuple[Signer, ...]]:
    """Return the active key version of `who` and its unlocked halves; without a file the passphrase is asked for."""
    from secpipe.keystore.unlock import open_signers
    from secpipe.system.places import home
    from secpipe.system.secrets import prompt, resolve

    def passphrase() -> bytes:
        return resolve(passphrase_file) if passphrase_file else prompt("passphrase")

    return open_signers(who.name, trust=trust, home=home(), passphrase=passphrase, now=now)


def _chosen(trust: Trust, name: str | None, purposes: Collection[str]) -> Identity:
    known = {identity.name: identity for identity in trust.identities}
    if name is not None and name not in known:
        raise ConfigError(f'no identity "{name}" in the ring', hint=did_you_mean(name, known) or "secpipe keys list")
    able = [identity for identity in trust.identities if all(_may(identity, purpose) for purpose in purposes)]
    if name is None and len(able) != 1:
        names = [identity.name for identity in able or trust.identities]
        raise ConfigError("which identity signs?", hint=f"--key {' | --key '.join(names) or 'NAME'}")
    who = known[name] if name is not None else able[0]
    for purpose in purposes:
        if not _may(who, purpose):  # no verifier would accept it
            hint = f"its purposes: {', '.join(who.authority.purposes) or 'none'}"
            raise TrustError(f"{who.name} may not sign for purpose {purpose}", hint=hint)
    return who


def _may(identity: Identity, purpose: str) -> bool:
    return any(fnmatchcase(purpose, glob) for glob in identity.authority.purposes)


def stamper(url: str | None) -> Callable[[bytes], bytes] | None:
    """Return what asks the RFC 3161 authority at `url`, or None."""
    if url is None:
        return None
    from secpipe.sign.timestamps import request

    return lambda signature: request(url, signature)
