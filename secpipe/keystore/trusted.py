"""Reading `keys/`: the hot path from a folder to the verified `Trust`, without importing `tuf`."""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

from secpipe.core import times
from secpipe.core.errors import InputError, TrustError, Undecided
from secpipe.core.text import printable
from secpipe.core.trust import SKEW, Freshness, Trust
from secpipe.keys.ring import Load, Ring, read_ring
from secpipe.keys.root import Root, verify_chain
from secpipe.keys.wire import HEX256
from secpipe.keystore import proofs as kept
from secpipe.keystore.publicfiles import FILE_LIMIT, NO_KEYS, Held, listing, read_public, refuse_private_keys
from secpipe.keystore.snapshot import read_freshness
from secpipe.system import files
from secpipe.system.links import judge

_ROOT = re.compile(r"([1-9][0-9]{0,5})\.root\.json\Z")
_RING = re.compile(r"([1-9][0-9]{0,5})\.(targets|rotation)\.json\Z")
_DAMAGED = "git log -- keys/ says who changed it, git checkout brings it back; elsewhere: secpipe trust update SOURCE"
_CLOCK = "check the clock; if a wrong clock made this: git revert, then secpipe trust forget --all"
NOT_FRESH = "secpipe trust update SOURCE; where the rotation key is: secpipe keys snapshot"


@dataclass(frozen=True, slots=True)
class Opened:
    """A verified `keys/` folder with everything that `keys` commands need; others take `trust`."""

    folder: Path
    roots: tuple[Root, ...]
    ring: Ring
    trust: Trust

    @property
    def root(self) -> Root:
        return self.roots[-1]

    @property
    def anchor(self) -> str:
        """Hex SHA-256 of root 1: the name of this trust for ever."""
        return self.roots[0].envelope.digest


def open_trust(folder: Path, *, pin: str = "", now: datetime, max_ring_age: int = 0) -> Trust:
    """Return the trust that `folder` (`root/`, `ring/`, `targets/`) holds at `now`, every signature and rule checked.

    `pin` is `sha256:HEX` or `HEX` of any root file of the chain; without it the result is not `pinned`. With
    `max_ring_age` the ring must be stated to have been the newest one within so many days.
    Raises TrustError where something does not hold, is expired, not yet valid or rolled back, Undecided where the ring
    is not shown to be so new, InputError where it is malformed or missing.
    """
    trust = open_folder(folder, pin=pin, now=now).trust
    demand_fresh(trust, now, max_ring_age)
    return trust


def demand_fresh(trust: Trust, now: datetime, days: int) -> None:
    """Raise Undecided unless the ring is stated to have been the newest one within so many days (0: not asked)."""
    if days and (stale := trust.freshness.stale(now, days)):
        raise Undecided(f"nothing shows that this keyring is the newest: {stale}", hint=NOT_FRESH, code="ring-stale")


def open_folder(folder: Path, *, pin: str = "", now: datetime | None) -> Opened:
    """Return everything in a `keys/` folder; with `now=None` expiry is not judged (to show or repair old trust)."""
    judge(folder)  # a pull request can change it: state is never written through a link in it
    with _repairable():
        paths = root_files(folder)  # first: a wrong folder fails here, before anything of it is read
        held = refuse_private_keys(folder)
        roots = verify_chain([read_public(path, held) for path in paths])
        check_pin(pin, roots)
        return assemble(folder, roots, _read_ring(folder, roots, held), pin, now)


@contextlib.contextmanager
def _repairable() -> Iterator[None]:
    """Give an error about the files of a trust folder that has no hint the one that always helps."""
    try:
        yield
    except (InputError, TrustError) as error:
        error.hint = error.hint or _DAMAGED
        raise


def open_base(folder: Path) -> tuple[Opened, tuple[bytes, ...]]:
    """Return the folder as the holders last signed it, and what rotations lie beside it, newest first, unjudged.

    For a new epoch: rotations that nobody can accept any more are not in its way. Raises as `open_folder` does.
    """
    judge(folder)
    paths = root_files(folder)
    held = refuse_private_keys(folder)
    roots = verify_chain([read_public(path, held) for path in paths])
    found = ring_files(folder, forked=True)
    base = max((version for version, kind in found if kind == "targets"), default=0)
    if not base:
        raise InputError(f"{printable(str(folder))} holds no keyring", hint=NO_KEYS)
    data = read_public(found[base, "targets"], held)
    ring = read_ring(roots[-1], roots[0].envelope.digest, data, None, loader(folder, held))
    later = sorted((place for place in found if place[1] == "rotation" and place[0] >= base), reverse=True)
    rotations = tuple(read_public(found[place], held) for place in later)
    return assemble(folder, roots, ring, "", None), rotations


def assemble(
    folder: Path, roots: tuple[Root, ...], ring: Ring, pin: str, now: datetime | None, fresh: Freshness | None = None
) -> Opened:
    """Return a verified chain and ring as `Opened`, after judging the pin and the time.

    `fresh` is what the statement of the newest ring says; None: it lies in the folder.
    """
    pinned = check_pin(pin, roots)
    newest = roots[-1]
    if now is not None:
        _judge_time(newest, ring, now)
    trust = Trust(
        root_version=newest.version,
        root_digest=newest.envelope.digest,
        root_expires=newest.envelope.expires,
        ring_version=ring.version,
        ring_digest=ring.newest.digest,
        ring_expires=ring.expires,
        identities=ring.identities,
        time_authorities=newest.time_authorities,
        pinned=pinned,
        pins=tuple(root.envelope.digest for root in roots),
        grandfathered=frozenset(ring.grandfathered),
        freshness=fresh or read_freshness(folder, roots, ring),
        root_algorithms=vouching(roots, ring, pin),
    )
    return Opened(folder, roots, ring, trust)


def vouching(roots: Sequence[Root], ring: Ring, pin: str) -> tuple[str, ...]:
    """Return the algorithms of every key that the trust rests on: roots from the pinned one on, ring, rotation role."""
    wanted = pin.removeprefix("sha256:").lower()
    start = next((index for index, root in enumerate(roots) if root.envelope.digest == wanted), 0)
    quorums = [quorum for root in roots[start:] for quorum in (root.quorum, root.ring_quorum)]
    quorums.append(ring.delegation.quorum)
    return tuple(sorted({key.public.algorithm for quorum in quorums for key in quorum.keys}))


def check_pin(pin: str, roots: Sequence[Root]) -> bool:
    """Return whether `pin` was given and names a root of the chain; raises TrustError where it names none."""
    wanted = pin.removeprefix("sha256:").lower()
    if not pin:
        return False
    if not HEX256.match(wanted):
        raise InputError("the trust pin is not sha256: and 64 hex digits", hint="secpipe trust pin keys/")
    if wanted not in {root.envelope.digest for root in roots}:
        raise TrustError(
            "no root of this trust matches the pin",
            hint="someone replaced the trust root, or the pin is wrong: ask a holder for secpipe trust pin",
            code="wrong-pin",
        )
    return True


def _judge_time(root: Root, ring: Ring, now: datetime) -> None:
    for what, issued, expires in (
        ("the trust root", root.envelope.issued, root.envelope.expires),
        ("the keyring", max(ring.targets.issued, ring.newest.issued), ring.expires),
    ):
        if now < issued - SKEW:
            raise TrustError(
                f"{what} is issued at {times.rfc3339(issued)}, after now", hint=_CLOCK, code="trust-not-yet"
            )
        if now > expires:
            raise TrustError(
                f"{what} expired at {times.rfc3339(expires)}",
                hint="the holders run secpipe keys renew, then everybody secpipe trust update SOURCE",
                code="trust-expired",
            )


def root_files(folder: Path) -> list[Path]:
    """Return `root/1.root.json` to `root/N.root.json`; raises TrustError for a gap, InputError where there is none."""
    numbers = sorted(int(match[1]) for name in listing(folder / "root") if (match := _ROOT.match(name)))
    if not numbers:
        raise InputError(f"{printable(str(folder))} holds no trust root", hint=NO_KEYS)
    if numbers != list(range(1, len(numbers) + 1)):
        raise TrustError("the chain of roots has a gap", hint="git checkout the missing file, or secpipe trust update")
    return [folder / "root" / f"{number}.root.json" for number in numbers]


def ring_files(folder: Path, *, forked: bool = False) -> dict[tuple[int, str], Path]:
    """Return (version, kind) -> file of everything in `ring/`.

    Raises TrustError for two files of one version, unless it may be `forked`.
    """
    found = {
        (int(match[1]), match[2]): folder / "ring" / name
        for name in listing(folder / "ring")
        if (match := _RING.match(name))
    }
    versions = [version for version, _ in found]
    if len(set(versions)) != len(versions) and not forked:
        raise TrustError("the ring is forked: two files claim one version", hint="secpipe keys merge")
    return found


def anchor_of(folder: Path) -> str:
    """Return the hex SHA-256 of root 1, unverified: enough to find the lock of a trust root."""
    return hashlib.sha256(files.read_bytes(root_files(folder)[0], FILE_LIMIT, follow=False)).hexdigest()


def _read_ring(folder: Path, roots: Sequence[Root], held: Held) -> Ring:
    found = ring_files(folder)
    if not any(kind == "targets" for _, kind in found):
        raise InputError(f"{printable(str(folder))} holds no keyring", hint=NO_KEYS)
    base = max(version for version, kind in found if kind == "targets")
    newest = max(version for version, _ in found)
    content = {place: read_public(path, held) for place, path in found.items()}
    if any(b"\n<<<<<<< " in b"\n" + data for data in content.values()):
        raise InputError("the ring holds a merge conflict of two rotations", hint="secpipe keys merge")
    rotation = content[newest, "rotation"] if newest > base else None
    anchor = roots[0].envelope.digest
    proofs = kept.recall(folder, anchor)
    ring = read_ring(roots[-1], anchor, content[base, "targets"], rotation, loader(folder, held), proofs)
    known = (*ring.history, ring.newest.digest)
    if ring.version != newest:
        raise TrustError(f"the ring in place {newest} says it is version {ring.version}")
    for (version, _), data in content.items():
        if hashlib.sha256(data).hexdigest() != known[version - 1]:
            raise TrustError(
                f"ring {version} is not the one that ring {newest} grew from: the ring was forked",
                hint="secpipe keys merge",
            )
    kept.keep(folder, anchor, proofs)
    return ring


def target_path(folder: Path, path: str, digest: str) -> Path:
    """Return where a target lies: its digest before its name, as TUF's consistent snapshots have it."""
    parent, slash, name = path.rpartition("/")
    return Path(f"{folder / 'targets'}/{parent}{slash}{digest}.{name}")


def loader(folder: Path, held: Held = MappingProxyType({})) -> Load:
    """Return the function by which the ring reads its target files; those `held` were read already."""

    def load(path: str, digest: str) -> bytes:
        return read_public(target_path(folder, path, digest), held)

    return load
