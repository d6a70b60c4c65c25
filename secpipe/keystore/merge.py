"""Two rotations of one ring, made on two branches: keep one, and say what of the other is to be made again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from secpipe.core import times
from secpipe.core.errors import ConfigError, SecpipeError, TrustError
from secpipe.keys.growth import Known, demand_growth, known
from secpipe.keys.ring import ROTATION, Ring, read_ring
from secpipe.keystore import memory
from secpipe.keystore.latest import write_latest
from secpipe.keystore.publicfiles import FILE_LIMIT
from secpipe.keystore.trusted import Opened, loader, open_base, open_folder
from secpipe.system import files

_OURS, _BASE, _MIDDLE, _THEIRS = b"<<<<<<< ", b"||||||| ", b"=======", b">>>>>>> "


@dataclass(frozen=True, slots=True)
class Merged:
    """The rotation that was kept, and what the others held that it does not: to rotate and to suspend again."""

    ring: Ring
    rotate: tuple[str, ...]
    suspend: tuple[str, ...]


def sides(data: bytes) -> tuple[bytes, ...]:
    """Return both sides of a file with git's conflict markers, or the file itself where it has none."""
    if not data.startswith(_OURS) and b"\n" + _OURS not in data:
        return (data,)
    ours: list[bytes] = []
    theirs: list[bytes] = []
    places: tuple[list[bytes], ...] = (ours, theirs)
    for line in data.splitlines(keepends=True):
        if line.startswith(_OURS):
            places = (ours,)
        elif line.startswith(_BASE):
            places = ()
        elif line.rstrip(b"\r\n") == _MIDDLE:
            places = (theirs,)
        elif line.startswith(_THEIRS):
            places = (ours, theirs)
        else:
            for place in places:
                place.append(line)
    return (b"".join(ours), b"".join(theirs))


def merge(folder: Path, home: Path, keep: str = "") -> Merged | None:
    """Keep one rotation: the one whose digest begins with `keep`, else what grew from the others or is known here.

    Returns None where there is no rotation. Raises ConfigError where the choice is a person's, TrustError where none
    of them holds, or where this machine has seen a newer root or ring of the holders.
    """
    found, rotations = open_base(folder)
    if not rotations:
        return None
    seen = memory.guard(home, found, anew=True)  # what the holders signed is never set aside here
    candidates = _candidates(found, rotations)
    chosen = _choose(found, home, candidates, keep.removeprefix("sha256:").lower())
    for name in sorted((folder / "ring").glob(f"*.{ROTATION}.json")):
        if name.name != f"{chosen.version}.{ROTATION}.json":
            files.remove(name)
    content = next(
        side for data in rotations for side in sides(data) if hashlib.sha256(side).hexdigest() == chosen.newest.digest
    )
    files.write_atomic(folder / "ring" / f"{chosen.version}.{ROTATION}.json", content)
    write_latest(folder)
    after = open_folder(folder, now=None)
    _settle_memory(home, after, seen)
    mine = known(chosen)
    lost = [known(other) for other in candidates if other.newest.digest != chosen.newest.digest]
    return Merged(
        chosen,
        _names(one for other in lost for one in other.versions if one not in mine.versions),
        _names(one for other in lost for one in other.suspended if one not in mine.suspended),
    )


def _names(versions: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({one.partition("/")[0] for one in versions}))


def _candidates(found: Opened, rotations: Sequence[bytes]) -> list[Ring]:
    base = files.read_bytes(found.folder / "ring" / f"{found.ring.version}.targets.json", FILE_LIMIT, follow=False)
    rings: dict[str, Ring] = {}
    problems = []
    for data in rotations:
        for side in sides(data):
            try:
                ring = read_ring(found.root, found.anchor, base, side, loader(found.folder))
            except SecpipeError as error:
                problems.append(error.message)
                continue
            rings[ring.newest.digest] = ring
    if not rings:
        raise TrustError(f"no rotation here holds: {problems[0]}", hint="secpipe keys renew --new-epoch")
    return list(rings.values())


def _choose(found: Opened, home: Path, candidates: Sequence[Ring], keep: str) -> Ring:
    if keep:
        matching = [ring for ring in candidates if ring.newest.digest.startswith(keep)]
        if len(matching) != 1:
            raise ConfigError(f"{len(matching)} rotations have a digest that begins like this", hint=_told(candidates))
        return matching[0]
    seen = memory.recall(home, found.anchor)
    growing = [ring for ring in candidates if all(_grows(known(other), ring) for other in candidates)]
    known_here = [ring for ring in candidates if seen is not None and _grows(seen.ring, ring)]
    for chosen in (growing, known_here):
        if len(chosen) == 1:
            return chosen[0]
    raise ConfigError("this machine knows neither of the rotations: say which one stays", hint=_told(candidates))


def _grows(older: Known, newer: Ring) -> bool:
    try:
        demand_growth(older, newer)
    except TrustError:
        return False
    return True


def _told(candidates: Sequence[Ring]) -> str:
    one_by_one = [
        f"--keep {ring.newest.digest[:12]} (ring {ring.version} of {times.rfc3339(ring.newest.issued)}: "
        + (", ".join(f"{made.identity} version {made.version.version}" for made in ring.successors) or "no new key")
        + ")"
        for ring in candidates
    ]
    return "; ".join(one_by_one)


def _settle_memory(home: Path, after: Opened, seen: memory.Seen | None) -> None:
    """Let this machine follow what its operator kept: the line that it made itself may be the one that goes."""
    try:
        memory.guard(home, after)
    except TrustError:
        memory.forget(home, after)
        if seen is not None:
            memory.remember(home, after, seen.time)
