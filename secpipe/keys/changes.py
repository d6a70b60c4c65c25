"""What a draft would change, in words: a holder reads this before signing, and nothing is signed that is not in it.

The words come from the parsed document, and the document must be exactly what that writes: anything else is refused.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from secpipe.core import times
from secpipe.core.text import printable
from secpipe.core.trust import Identity, KeyVersion
from secpipe.keys.identity import identity_document, pair_name
from secpipe.keys.metadata import EXTRA, Envelope, Quorum
from secpipe.keys.ring import Ring, ring_fields
from secpipe.keys.root import Root, root_fields
from secpipe.keys.tufkey import TufKey

_DATES = ("not_before", "sign_until", "verify_until", "compromised_since", "suspended_since", "destroyed_since")
#: facts that say nothing about who may do what
_CALM = ("number", "issued", "expires", "fresh until")
_ENDS = ("verify until", "since")  # a date that may be absent, which says something
_NOTE_LIMIT = 500
_PLAIN = re.compile(r"[A-Za-z0-9*?._/@:+\[\]!-](?:[A-Za-z0-9*?._/@:+\[\]! -]{0,198}[A-Za-z0-9*?._/@:+\[\]!-])?\Z")


@dataclass(frozen=True, slots=True)
class Changes:
    """One line a change; `moves` where somebody may do more, less or longer than before; `refused`: why none signs."""

    lines: tuple[str, ...]
    moves: bool
    refused: str = ""


def compare(old_root: Root, new_root: Root | None, old: Ring, new: Ring) -> Changes:
    """Return what the drafted ring, and root if there is one, would change; every field of both is in it."""
    before, after = ring_facts(old), ring_facts(new)
    longer = _longer(old.targets, new.targets) or new.fresh_until - new.targets.issued > timedelta(
        days=old.delegation.ring_days
    )
    if new_root is not None:
        before |= root_facts(old_root)
        after |= root_facts(new_root)
        longer = longer or _longer(old_root.envelope, new_root.envelope)
    moving: list[str] = []
    calm: list[str] = []
    for label in [*after, *(gone for gone in before if gone not in after)]:
        was, will = before.get(label), after.get(label)
        if was == will:
            continue
        (calm if label.endswith(_CALM) else moving).append(_line(label, was, will))
    if longer:
        moving.append("LASTS LONGER than before, or longer than without a rotation is allowed")
    first = moving or ["renews what is there; nobody may do more, less or longer"]
    return Changes((*first, *calm), bool(moving), _refused(new_root, old, new))


def _longer(old: Envelope, new: Envelope) -> bool:
    return new.expires - new.issued > max(old.expires - old.issued, timedelta(0)) + timedelta(days=1)


def _refused(new_root: Root | None, old: Ring, new: Ring) -> str:
    """Return why no holder should sign, or "": a field without words, or not the present line of rings."""
    if new_root is not None and not _root_is_told(new_root):
        return "the root holds something that has no words here, or gives the ring to others than the root's holders"
    if not _ring_is_told(new):
        return "the ring holds something that has no words here"
    if new.history != (*old.history, old.newest.digest):
        return "the ring does not follow the present one"
    if new.epoch not in {old.epoch, old.epoch + 1}:
        return f"the ring's epoch is {new.epoch}, after {old.epoch}"
    return ""


def _root_is_told(root: Root) -> bool:
    at = root.envelope
    if len({one.name for one in root.time_authorities}) != len(root.time_authorities):
        return False  # the second of one name would hide behind the first
    return root_fields(at.version, at.issued, at.expires, root.quorum, root.time_authorities) == at.signed


def _ring_is_told(ring: Ring) -> bool:
    at = ring.targets
    documents = {identity.name: identity_document(identity) for identity in ring.base}
    fields = ring_fields(
        at.version, at.issued, at.expires, ring.fresh_until, ring.history, ring.delegation, documents, ring.epoch,
        ring.grandfathered,
    )  # fmt: skip
    if note := note_of(ring):
        fields[EXTRA]["note"] = note
    return fields == at.signed


def note_of(ring: Ring) -> str:
    """Return the reason that the holders wrote into the ring, as it stands; "" where there is none or no text."""
    note = ring.targets.signed[EXTRA].get("note", "")
    return note if isinstance(note, str) and len(note) <= _NOTE_LIMIT else ""


def root_facts(root: Root) -> dict[str, str]:
    """Return everything that a root says: label -> value."""
    facts = dict(_file_facts("root", root.envelope))
    facts |= _quorum_facts("", root.quorum)
    if root.ring_quorum != root.quorum:
        facts |= _quorum_facts("of the RING ALONE ", root.ring_quorum)
    for one in root.time_authorities:
        facts[f'trusts time stamps of "{one.name}", certificate'] = hashlib.sha256(one.pem.encode()).hexdigest()
    return facts


def ring_facts(ring: Ring) -> dict[str, str]:
    """Return everything that a ring says, and every identity in it: label -> value."""
    bounds = ring.delegation
    facts = dict(_file_facts("ring", ring.targets))
    facts["ring fresh until"] = times.rfc3339(ring.fresh_until)
    facts["ring epoch"] = str(ring.epoch)
    if note := note_of(ring):
        facts["reason given"] = _quoted(note)
    facts["rotation keys"] = "; ".join(_pair(pair) for pair in bounds.quorum.holders)
    facts["rotation needs"] = f"{bounds.quorum.people} of {len(bounds.quorum.holders)}"
    facts["lets automation use algorithms"] = ", ".join(bounds.algorithms)
    facts["lets automation use days a key may sign"] = str(bounds.key_days)
    facts["lets automation use days without a rotation"] = str(bounds.ring_days)
    facts["lets automation use days a retired key may endorse"] = (
        "as without a rotation" if bounds.late_days is None else str(bounds.late_days)
    )
    for digest, name in ring.grandfathered:
        facts[f"takes without a time stamp {digest}"] = _told(name)
    for identity in ring.identities:
        facts |= dict(_identity_facts(identity))
    return facts


def _file_facts(what: str, envelope: Envelope) -> Iterator[tuple[str, str]]:
    yield f"{what} number", str(envelope.version)
    yield f"{what} issued", times.rfc3339(envelope.issued)
    yield f"{what} expires", times.rfc3339(envelope.expires)


def _quorum_facts(whose: str, quorum: Quorum) -> Mapping[str, str]:
    facts = {f'holder {whose}"{pair[0].holder}"': _pair(pair) for pair in quorum.holders}
    return facts | {f"needs {whose}".strip(): f"{quorum.people} of {len(quorum.names)} holders"}


def _pair(pair: Sequence[TufKey]) -> str:
    return ", ".join(f"{key.holder} {key.public.algorithm} {key.keyid}" for key in pair)


def _identity_facts(identity: Identity) -> Iterator[tuple[str, str]]:
    name, scope = f'"{identity.name}"', identity.authority
    yield f"identity {name}", f'which may sign {_listed(scope.purposes)}, held by "{identity.holder}"'
    yield f"{name} is held by", identity.holder
    if identity.origin:
        yield f"{name} belongs to", f"the trust root sha256:{identity.origin}"
    if identity.rotation:
        keys = ", ".join(f"{half.algorithm} {half.keyid}" for half in identity.rotation)
        yield f"{name} gets versions by rotation only with the key", keys
    for what in ("purposes", "namespaces", "environments"):
        yield f"{name} {what}", _listed(getattr(scope, what))
    for version in identity.versions:
        yield f"{name} version {version.version}", _key(version)
        for what in _DATES:
            moment: datetime | None = getattr(version, what)
            if moment is not None:
                yield f"{name} version {version.version} {what.replace('_', ' ')}", times.rfc3339(moment)


def _listed(values: Sequence[str]) -> str:
    return ", ".join(map(_told, values)) or "none"


def _told(text: str) -> str:
    """Return a text so that no two are told alike, and none looks like the words around it."""
    return text if _PLAIN.match(text) and text != "none" else _quoted(text)


def _quoted(text: str) -> str:
    return f'"{printable(text, _NOTE_LIMIT)}" (sha256 {hashlib.sha256(text.encode()).hexdigest()[:16]})'


def _key(version: KeyVersion) -> str:
    return f"({pair_name(version.halves)}), key {version.id}"


def _line(label: str, was: str | None, will: str | None) -> str:
    kind, _, name = label.partition(" ")
    if kind == "identity":
        if was is None:
            return f"adds identity {name}, {will}"
        return f"REMOVES identity {name}; nothing it signed will verify" if will is None else f"identity {name}: {will}"
    if kind == "holder":
        if was is None:
            return f"adds holder {name}: {will}"
        return f"removes holder {name}" if will is None else f"gives holder {name} OTHER KEYS: {will}"
    if kind == "needs":
        return f"{label} {will} (now {was.removesuffix(' holders') if was else 'as the root'})"
    if label == "rotation keys":
        return f"gives the rotation role OTHER KEYS: {will}"
    owner, _, number = label.rpartition(" version ")
    if owner and number.isdigit():
        if was is None:
            return f"{owner} gets version {number} {will}"
        if will is None:
            return f"{owner} LOSES version {number}; nothing it signed will verify"
        return f"{label} gets OTHER KEYS: {will}"
    nothing = "never" if label.endswith(_ENDS) else "none"
    present = f" (now {was or nothing})" if was or label.endswith(_ENDS) else ""
    return f"{label}: {will or nothing}{present}"
