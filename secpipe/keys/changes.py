"""What a draft would change, in words: a holder reads this before signing."""

from __future__ import annotations

from collections.abc import Iterator

from secpipe.core import times
from secpipe.core.trust import Identity, KeyVersion
from secpipe.keys.identity import pair_name
from secpipe.keys.metadata import Quorum
from secpipe.keys.ring import Delegation, Ring

_DATES = ("not_before", "sign_until", "verify_until", "compromised_since", "suspended_since", "destroyed_since")


def describe(old: Ring, new: Ring, old_quorum: Quorum, new_quorum: Quorum | None) -> list[str]:
    """Return one line a change between the present ring and root and the drafted ones; empty for a plain renewal."""
    lines = list(_quorum(old_quorum, new_quorum)) if new_quorum else []
    lines += _delegation(old.delegation, new.delegation)
    before = {identity.name: identity for identity in old.identities}
    after = {identity.name: identity for identity in new.identities}
    for name in sorted({*before, *after}):
        if name not in after:
            lines.append(f'REMOVES identity "{name}"; nothing it signed will verify')
        elif name not in before:
            may = ", ".join(after[name].authority.purposes)
            lines.append(f'adds identity "{name}", which may sign {may}, held by "{after[name].holder}"')
            lines += [f"  with {_key(version)}" for version in after[name].versions]
        else:
            lines += _identity(before[name], after[name])
    return lines


def _quorum(old: Quorum, new: Quorum) -> Iterator[str]:
    for name in sorted({*old.names, *new.names}):
        was = {key.keyid for key in old.keys if key.holder == name}
        will = {key.keyid for key in new.keys if key.holder == name}
        if not was:
            yield f'adds holder "{name}"'
        elif not will:
            yield f'removes holder "{name}"'
        elif was != will:
            yield f'gives holder "{name}" OTHER KEYS'
    if old.people != new.people or len(old.names) != len(new.names):
        yield f"needs {new.people} of {len(new.names)} holders (now {old.people} of {len(old.names)})"


def _delegation(old: Delegation, new: Delegation) -> Iterator[str]:
    if {key.keyid for key in old.quorum.keys} != {key.keyid for key in new.quorum.keys}:
        yield "gives the rotation role OTHER KEYS"
    for what, was, will in (
        ("algorithms", ", ".join(old.algorithms), ", ".join(new.algorithms)),
        ("days a key may sign", old.key_days, new.key_days),
        ("days without a rotation", old.ring_days, new.ring_days),
    ):
        if was != will:
            yield f"lets automation use {what}: {will} (now {was})"


def _identity(old: Identity, new: Identity) -> Iterator[str]:
    for what in ("purposes", "namespaces", "environments"):
        was, will = getattr(old.authority, what), getattr(new.authority, what)
        if was != will:
            yield f'"{new.name}" {what}: {", ".join(will)} (now {", ".join(was)})'
    if old.holder != new.holder:
        yield f'"{new.name}" is held by {new.holder} (now {old.holder})'
    before = {version.version: version for version in old.versions}
    for version in new.versions:
        known = before.pop(version.version, None)
        if known is None:
            yield f'"{new.name}" gets {_key(version)}'
        elif known.id != version.id:
            yield f'"{new.name}" version {version.version} gets OTHER KEYS: {version.id}'
        else:
            yield from _dates(new.name, known, version)
    for number in before:
        yield f'"{new.name}" LOSES version {number}; nothing it signed will verify'


def _dates(name: str, old: KeyVersion, new: KeyVersion) -> Iterator[str]:
    for what in _DATES:
        was, will = getattr(old, what), getattr(new, what)
        if was != will:
            before, after = (times.rfc3339(time) if time else "never" for time in (was, will))
            yield f'"{name}" version {new.version} {what.replace("_", " ")}: {after} (now {before})'


def _key(version: KeyVersion) -> str:
    return f"version {version.version} ({pair_name(version.halves)}), key {version.id}"
