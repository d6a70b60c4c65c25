"""The Merkle tree of RFC 6962, section 2.1: hashes, and inclusion and consistency proofs, made and verified; pure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

from secpipe.core.errors import TrustError

#: The root of a tree without leaves (RFC 6962, 2.1).
EMPTY = hashlib.sha256(b"").digest()
SIZE = 32
#: A proof in a tree of less than 2^63 leaves has no more hashes.
MOST = 63

#: (level, index) -> the hash of the leaves `[index * 2**level : (index + 1) * 2**level]`, all of which exist.
Hashes = Callable[[int, int], bytes]


def leaf(data: bytes) -> bytes:
    """Return the hash of an entry."""
    return hashlib.sha256(b"\0" + data).digest()


def node(left: bytes, right: bytes) -> bytes:
    """Return the hash above two hashes."""
    return hashlib.sha256(b"\1" + left + right).digest()


def perfect(hashes: bytes) -> bytes:
    """Return the hash above a full subtree: a power of two of hashes, one behind the other."""
    sha256 = hashlib.sha256
    while len(hashes) > SIZE:
        hashes = b"".join([sha256(b"\1" + hashes[at : at + 64]).digest() for at in range(0, len(hashes), 64)])
    return hashes


def root(hashes: Hashes, size: int) -> bytes:
    """Return the root of the tree of the first `size` leaves."""
    return _subtree(hashes, 0, size) if size else EMPTY


def inclusion(hashes: Hashes, index: int, size: int) -> list[bytes]:
    """Return the path from leaf `index` to the root of the first `size` leaves (2.1.1)."""
    if not 0 <= index < size:
        raise ValueError("no such leaf")
    path, low, high = [], 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append(_subtree(hashes, middle, high))
            high = middle
        else:
            path.append(_subtree(hashes, low, middle))
            low = middle
    return path[::-1]


def consistency(hashes: Hashes, old: int, new: int) -> list[bytes]:
    """Return the proof that the first `old` leaves are a prefix of the first `new` (2.1.2); empty where old is 0."""
    if not 0 <= old <= new:
        raise ValueError("a tree does not shrink")
    if old in (0, new):
        return []
    path, low, high, whole = [], 0, new, True
    while old != high:
        middle = low + _split(high - low)
        if old <= middle:
            path.append(_subtree(hashes, middle, high))
            high = middle
        else:
            path.append(_subtree(hashes, low, middle))
            low, whole = middle, False
    if not whole:
        path.append(_subtree(hashes, low, high))
    return path[::-1]


def check_inclusion(hashed: bytes, index: int, size: int, path: Sequence[bytes], wanted: bytes) -> None:
    """Raise TrustError unless `path` leads from the leaf with this hash to the root `wanted` (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        raise TrustError("the proof is about an entry that this tree does not have", code="not-in-log")
    at, last, found = index, size - 1, hashed
    for step in path:
        if last == 0:
            raise TrustError("the inclusion proof is too long", code="not-in-log")
        if at & 1 or at == last:
            found = node(step, found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = node(found, step)
        at, last = at >> 1, last >> 1
    if last != 0 or found != wanted:
        raise TrustError("the inclusion proof does not lead to the root", code="not-in-log")


def check_consistency(old: int, old_root: bytes, new: int, new_root: bytes, path: Sequence[bytes]) -> None:
    """Raise TrustError unless `path` proves that the old tree is a prefix of the new one (RFC 9162, 2.1.4.2)."""
    problem = TrustError("the consistency proof does not hold: the log was rewritten, or the proof is about others")
    if not 0 <= old <= new:
        raise TrustError("a log does not shrink")
    if old in (0, new):
        if path or old_root != (EMPTY if old == 0 else new_root):
            raise problem
        return
    steps = list(path)
    if old & (old - 1) == 0:
        steps.insert(0, old_root)
    if not steps:
        raise problem
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    before = after = steps[0]
    for step in steps[1:]:
        if last == 0:
            raise problem
        if at & 1 or at == last:
            before, after = node(step, before), node(step, after)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            after = node(after, step)
        at, last = at >> 1, last >> 1
    if last != 0 or before != old_root or after != new_root:
        raise problem


def _split(count: int) -> int:
    """Return the largest power of two below `count`."""
    return 1 << (count - 1).bit_length() - 1


def _subtree(hashes: Hashes, low: int, high: int) -> bytes:
    """Return the hash of the leaves from `low` to before `high`; a part of RFC 6962's own division begins at `low`."""
    parts = []
    while low < high:
        level = (high - low).bit_length() - 1
        parts.append(hashes(level, low >> level))
        low += 1 << level
    found = parts.pop()
    while parts:
        found = node(parts.pop(), found)
    return found
