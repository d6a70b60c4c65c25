"""The world of docs/spec/threats-keys.md: two holders, three signers, a verifier that is pinned and remembers.

An adversary holds some of twelve things and tries every goal with all of them. A goal is reached only where the real
verifier, with its pin, its memory and a policy that asks retired keys for a time stamp, takes what it was given.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from secpipe.core.errors import SecpipeError
from secpipe.core.evidence import State
from secpipe.core.protocols import Signer
from secpipe.core.trust import Authority, Identity, KeyVersion, PublicHalf, Trust
from secpipe.gate.policies.policy import Keys, Policy
from secpipe.gate.rules.signed import objection
from secpipe.keys.identity import identity_document
from secpipe.keys.metadata import Quorum, write_envelope
from secpipe.keys.ring import Suspension, ring_fields, rotation_fields
from secpipe.keys.root import root_fields
from secpipe.keys.schedule import Schedule
from secpipe.keys.schemes import scheme
from secpipe.keys.successor import Successor, core, statement
from secpipe.keystore import home as store
from secpipe.keystore import memory, quorum
from secpipe.keystore.commit import rotate, suspend
from secpipe.keystore.create import Plan, create
from secpipe.keystore.custody import file as file_custody
from secpipe.keystore.fresh import fresh, metadata_signatures, tuf_keys
from secpipe.keystore.latest import write_latest
from secpipe.keystore.pending import shown, sign_pending
from secpipe.keystore.trust_update import FolderSource, update
from secpipe.keystore.trusted import Opened, open_folder, target_path
from secpipe.keystore.unlock import open_record
from secpipe.sign import bundle as bundles
from secpipe.sign import statement as statements
from secpipe.sign.envelope import pae
from secpipe.sign.predicates import by_purpose
from secpipe.sign.statement import Statement
from secpipe.sign.verify import verify_artifact
from secpipe.system.tree import open_tree
from tests.unit.sign.tsa import Authority as TimeAuthority

DAY = timedelta(days=1)
PAIR = ("ecdsa-p256", "ml-dsa-65")
SCHEDULE = Schedule(jitter=timedelta(0))
POLICY = Policy(keys=Keys(stamped_from=date(2020, 1, 1)))
SECRET = b"x"

Held = frozenset[str]


@dataclass(frozen=True, eq=False)
class Stolen:
    """A key in the adversary's hands: what makes a signature of each half, None where that half is not held."""

    halves: tuple[PublicHalf, ...]
    private: tuple[Signer | None, ...]


class World:
    """Everything of the page; `start` is day 0, the verifier's true time is day 120, the stolen authority's day 95."""

    def __init__(self, base: Path) -> None:
        self.base, self.start = base, datetime.now(UTC).replace(microsecond=0) - 95 * DAY
        self.keys, self.alice, self.bob = base / "keys", base / "alice", base / "bob"
        self.authority = TimeAuthority(base / "tsa")
        self._found()
        self.number, self._rotations = 0, dict[Any, Path]()
        self.mallory, self.pair = (_own(pair) for pair in (("ed25519", "ml-dsa-65"), PAIR))
        opened = self.open(self.keys)
        self.ring, self.root = opened.ring, opened.root
        builder, laptop = (self._identity(name) for name in ("builder", "laptop"))
        self.retired, self.present = builder.versions
        self.revoked = laptop.versions[-1]
        self.artifact = self._file()
        self.artifact.write_bytes(b"honest")
        self._bundle(self.artifact, "file", Stolen(self.present.halves, self._private(self.present)))
        self.exchanged = Path(shutil.copytree(self.artifact.parent, self._fresh("file"))) / "weights.bin"
        self.exchanged.write_bytes(b"malicious")

    def at(self, day: int) -> datetime:
        return self.start + day * DAY

    @property
    def now(self) -> datetime:
        return self.at(120)

    def _found(self) -> None:
        file = Authority(("file",))
        names = {"builder": file, "laptop": file, "notary": file}
        plan = Plan("alice", names, ("ed25519", "ml-dsa-65"), PAIR, 90 * DAY, 14 * DAY, 3652, 400)
        self.pin = create(self.keys, self.alice, plan, SECRET, self.at(0), lambda text: None)
        pem = self.authority.pinned.pem
        self._decide(0, lambda found: quorum.with_time_authority(found, "stamps", pem))
        self._decide(1, lambda found: quorum.with_holder(found, self.bob, "bob", 2, lambda: SECRET, self.at(1)))
        rotate(self.keys, self.alice, SCHEDULE, lambda: SECRET, lambda: self.at(76))
        self.old = self.base / "old"
        shutil.copytree(self.keys, self.old)
        self.old_memory, self.memory = self.base / "old-memory", self.base / "memory"
        memory.remember(self.old_memory, self.open(self.old), self.at(105))
        stolen = self.at(100)
        self._decide(
            110,
            lambda found: quorum.revoked(found, self.alice, "laptop", None, stolen, "", SCHEDULE, None, self.at(110)),
        )
        suspend(self.keys, self.alice, SCHEDULE, lambda: SECRET, self.at(112), "notary")
        memory.remember(self.memory, self.open(self.keys), self.at(119))

    def _decide(self, day: int, make: Callable[[Opened], Any]) -> None:
        found = quorum.begin(self.keys, self.alice, self.at(day))
        quorum.draft(found, make(found), self.at(day))
        for home in (self.alice, self.bob):
            if (self.keys / "pending").is_dir() and home.is_dir():
                sign_pending(self.keys, home, lambda: SECRET, self.at(day), must_sign=False)

    def open(self, folder: Path) -> Opened:
        return open_folder(folder, now=None)

    def _identity(self, name: str) -> Identity:
        found = self.ring.identity(name)
        assert found is not None
        return found

    def _private(self, version: KeyVersion) -> tuple[Signer, ...]:
        for home in (self.alice, self.bob):
            if record := store.read_record(home, version.id):
                return open_record(record, home, lambda: SECRET)
        raise AssertionError(version)

    def _role(self, home: Path, kind: str, name: str) -> Stolen:
        (record,) = store.find(home, kind, name, self.pin)
        return Stolen(record.halves, open_record(record, home, lambda: SECRET))

    # --- what the adversary can sign --------------------------------------------------------------------------------

    def keyring(self, owner: str, held: Held) -> Stolen | None:
        """The key of `owner` as far as it is held: whole, its classical half (quantum computer), or not."""
        stolen = {"alice": "holder", "rotation": "rotation-key", "present": "signing-key"}
        whole = stolen.get(owner, f"{owner}-key") in held
        return self._keys(owner, whole) if whole or "quantum" in held else None

    @cache  # noqa: B019  # one world a session
    def _keys(self, owner: str, whole: bool) -> Stolen:
        if owner in {"alice", "bob"}:
            key = self._role(self.alice if owner == "alice" else self.bob, "holder", owner)
        elif owner == "rotation":
            key = self._role(self.alice, "rotation", "rotation")
        else:
            version = {"present": self.present, "retired": self.retired, "revoked": self.revoked}[owner]
            key = Stolen(version.halves, self._private(version))
        return key if whole else Stolen(key.halves, (key.private[0], None))

    def _signatures(self, keys: Stolen, message: bytes) -> list[bytes]:
        """Return a signature of each half; zeros where the adversary lacks it, for a library that says yes to all."""
        return [signer.sign(message) if signer else bytes(3309) for signer in keys.private]

    def _metadata(self, signed: dict[str, Any], signers: tuple[tuple[str, Stolen], ...]) -> bytes:
        made: dict[str, bytes] = {}
        for name, keys in signers:
            made |= metadata_signatures(signed, keys.halves, [one or _Zeros() for one in keys.private], name)
        return write_envelope(signed, made)

    def _bundle(self, path: Path, purpose: str, keys: Stolen, *, stamped: bool = False) -> None:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        uri = by_purpose(purpose, "file").uri
        payload = statements.encode(Statement(uri, path.name, {"sha256": digest}, {}, statements.declare(keys.halves)))
        made = self._signatures(keys, pae(payload))
        for half, signature, suffix in zip(keys.halves, made, (".sig", ".pqc.sig"), strict=True):
            tokens = (self.authority.stamp(signature),) if stamped else ()
            path.with_name(path.name + suffix).write_bytes(bundles.encode(payload, signature, half.keyid, tokens))

    # --- what the verifier does -------------------------------------------------------------------------------------

    def clocks(self, held: Held) -> tuple[datetime, ...]:
        others = (self.at(95), self.at(103), self.at(106), self.at(111), self.at(1000))
        return (self.now, *(others if "clock" in held else ()))

    def taken(self, offers: list[Path], held: Held, seen: Path | None = None) -> Iterator[tuple[Trust, datetime]]:
        """Yield each trust that the verifier takes of what is offered, by folder or by feed, and its clock then."""
        home = self.base / "nothing" if "memory" in held else seen or self.memory
        for folder in offers:
            for clock in self.clocks(held):
                found = self._opened(folder, clock, "library" in held)
                if found is not None:
                    with contextlib.suppress(SecpipeError):
                        memory.guard(home, found)
                        yield found.trust, clock
                if "feed" in held and (served := self._updated(folder, clock, "library" in held, home)):
                    yield served, clock

    @cache  # noqa: B019  # what was offered once never changes
    def _opened(self, folder: Path, clock: datetime, liar: bool) -> Opened | None:
        with contextlib.suppress(SecpipeError), lying(liar):
            return open_folder(folder, pin=self.pin, now=clock)
        return None

    @cache  # noqa: B019  # what was offered once never changes
    def _updated(self, folder: Path, clock: datetime, liar: bool, home: Path) -> Trust | None:
        mine, own = self._fresh("clone"), self._fresh("home")
        if home.is_dir():
            shutil.copytree(home, own)
        with contextlib.suppress(SecpipeError), lying(liar):
            return update(mine, FolderSource(folder), own, clock, self.pin).trust
        return None

    def accepts(self, path: Path, held: Held, who: str = "builder", offers: list[Path] | None = None) -> bool:
        """Whether the verifier takes `path` as signed by `who`, under the true trust folder or what is offered."""
        for trust, clock in self.taken([self.keys, *(offers or [])], held):
            with lying("library" in held):
                evidence = verify_artifact(path, open_tree(path), trust, now=clock)
            (fact, *_) = evidence.facts["artifacts"] or ({},)
            if evidence.state is State.OK and fact["identity"] == who and objection(fact, POLICY, clock) is None:
                return True
        return False

    # --- what the adversary builds ----------------------------------------------------------------------------------

    def _fresh(self, name: str) -> Path:
        self.number += 1
        return self.base / f"{name}-{self.number}"

    def _copy(self) -> Path:
        return Path(shutil.copytree(self.keys, self._fresh("offer")))

    def _file(self, content: bytes = b"malicious") -> Path:
        folder = self._fresh("file")
        folder.mkdir()
        (folder / "weights.bin").write_bytes(content)
        return folder / "weights.bin"

    def _place(self, folder: Path, name: str, data: bytes) -> None:
        path = target_path(folder, name, hashlib.sha256(data).hexdigest())
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def with_ring(self, held: Held, identities: tuple[Identity, ...], *, root: bool = False) -> list[Path]:
        """A next ring (and root) in the holders' name, signed by every holder whose key is held, wholly or by half."""
        signers = tuple((name, keys) for name in ("alice", "bob") if (keys := self.keyring(name, held)))
        return [self._ring(signers, identities, root)] if signers else []

    @cache  # noqa: B019  # one world a session
    def _ring(self, signers: tuple[tuple[str, Stolen], ...], identities: tuple[Identity, ...], root: bool) -> Path:
        folder, when = self._copy(), self.at(115)
        ring, expires = self.ring, self.root.envelope.expires
        documents = {one.name: identity_document(one) for one in identities}
        for name, data in documents.items():
            self._place(folder, f"{name}.json", data)
        history = (*ring.history, ring.newest.digest)
        fields = ring_fields(ring.version + 1, when, expires, when + 300 * DAY, history, ring.delegation, documents)
        by = (*signers, ("mallory", self.mallory)) if root else signers
        (folder / f"ring/{ring.version + 1}.targets.json").write_bytes(self._metadata(fields, by))
        if root:
            alone = Quorum((tuf_keys(self.mallory.halves, "mallory"),), 1)
            data = self._metadata(root_fields(self.root.version + 1, when, expires, alone), by)
            (folder / f"root/{self.root.version + 1}.root.json").write_bytes(data)
        write_latest(folder)
        return folder

    def with_rotation(self, held: Held, made: tuple[Successor, ...], marks: tuple[Suspension, ...]) -> list[Path]:
        """Rotations in place of the newest one and after it, signed with the rotation key as far as it is held."""
        keys = self.keyring("rotation", held)
        numbers = (self.ring.version, self.ring.version + 1) if keys else ()
        return [self._rotation(keys, made, marks, number) for number in numbers if keys]

    def _rotation(self, keys: Stolen, made: tuple[Successor, ...], marks: tuple[Suspension, ...], number: int) -> Path:
        signed = tuple(item.document() for item in made)
        place = (keys, signed, marks, number)
        if place not in self._rotations:
            folder, when = self._copy(), self.at(115)
            for item in made:
                self._place(folder, f"{item.identity}/{item.version.version}.json", item.document())
            history = (*self.ring.history, self.ring.newest.digest)[: number - 1]
            fields = rotation_fields(number, when, when + 300 * DAY, history, made, marks)
            (folder / f"ring/{self.ring.version}.rotation.json").unlink()
            (folder / f"ring/{number}.rotation.json").write_bytes(self._metadata(fields, (("rotation", keys),)))
            write_latest(folder)
            self._rotations[place] = folder
        return self._rotations[place]

    def successors(self, held: Held) -> list[Successor]:
        """Versions of builder with a key of the adversary's own, endorsed by what is held of the version before."""
        owners = (("present", self.present), ("retired", self.retired))
        return [
            self._successor(self.keyring(owner, held) or self._nothing(old), old, issued)
            for owner, old in owners
            for issued in (self.at(114), self.at(103))
        ]

    @cache  # noqa: B019  # one world a session
    def _nothing(self, version: KeyVersion) -> Stolen:
        return Stolen(version.halves, (None, None))

    @cache  # noqa: B019  # one world a session
    def _successor(self, keys: Stolen, old: KeyVersion, issued: datetime) -> Successor:
        blank = KeyVersion(old.version + 1, self.pair.halves, issued, issued + 90 * DAY)
        message = statement(core("builder", blank, issued, self.pin, old.id))
        endorsed = dict(zip((half.keyid for half in old.halves), self._signatures(keys, message), strict=True))
        own = {signer.keyid: signer.sign(message) for signer in self.pair.private if signer}
        return Successor("builder", blank, issued, self.pin, old.id, endorsed, own)

    @cache  # noqa: B019  # one world a session
    def forgery(self, keys: Stolen, purpose: str = "file", stamped: bool = False) -> Path:
        """A new artifact, signed with these keys; `stamped` by the authority, whose clock says day 95."""
        path = self._file()
        self._bundle(path, purpose, keys, stamped=stamped)
        return path


def _own(algorithms: tuple[str, ...]) -> Stolen:
    made = fresh(algorithms)
    return Stolen(made.halves, made.signers)


class _Zeros:
    """Stands for a half that the adversary lacks: it "signs" zeros."""

    algorithm = keyid = ""

    def sign(self, message: bytes) -> bytes:
        return bytes(3309)


@contextlib.contextmanager
def lying(active: bool) -> Iterator[None]:
    """The library behind ML-DSA is the adversary's: while `active`, it says yes to every signature."""
    kind = type(scheme.get("ml-dsa-65"))
    honest = kind.verify
    if active:
        kind.verify = lambda self, pem, signature, message: None  # type: ignore[method-assign]
    try:
        yield
    finally:
        kind.verify = honest  # type: ignore[method-assign]


# --- goals: each returns whether the verifier was deceived --------------------------------------------------------


def changed(world: World, held: Held) -> bool:
    """A signed artifact with other bytes, under the honest bundles."""
    return world.accepts(world.exchanged, held)


def forged(world: World, held: Held) -> bool:
    """A new artifact as if builder had signed it."""
    for owner in ("present", "retired"):
        keys = world.keyring(owner, held)
        for stamped in (False, True) if "time-authority" in held else (False,):
            if keys and world.accepts(world.forgery(keys, stamped=stamped), held):
                return True
    return False


def revoked(world: World, held: Held) -> bool:
    """A new artifact signed with the key that the holders declared stolen."""
    keys = world.keyring("revoked", held)
    for stamped in (False, True) if "time-authority" in held else (False,):
        offers = [world.old] if held & {"folder", "feed"} else []
        if keys and world.accepts(world.forgery(keys, stamped=stamped), held, "laptop", offers):
            return True
    return False


def overreach(world: World, held: Held) -> bool:
    """A verdict, which no signer of this ring may sign, by any key that is held."""
    for owner in ("present", "retired", "revoked", "rotation", "alice"):
        if keys := world.keyring(owner, held):
            path = world.forgery(keys, "verdict")
            if world.accepts(path, held) or world.accepts(path, held, "laptop"):
                return True
    return False


def stranger(world: World, held: Held) -> bool:
    """An identity that the holders never let in: by a ring, by a rotation, by a trust root of one's own."""
    pair = world.pair
    version = KeyVersion(1, pair.halves, world.at(114), world.at(200))
    mallory = Identity("mallory", Authority(("file",)), (version,), "alice")
    offers = world.with_ring(held, (*world.ring.identities, mallory))
    item = Successor("mallory", version, world.at(114), world.pin, world.present.id, {}, {})
    offers += world.with_rotation(held, (item,), world.ring.suspended)
    offers += [own_root(world), *(swapped_drafts(world, mallory) if "folder" in held else ())]
    return world.accepts(world.forgery(pair), held, "mallory", offers)


@cache
def swapped_drafts(world: World, mallory: Identity) -> list[Path]:
    """Both holders renew the keyring; the draft is swapped for one that lets mallory in, at each moment there is."""
    return [_ceremony(world, mallory, moment) for moment in ("after it was shown", "while the passphrase is typed")]


def _ceremony(world: World, mallory: Identity, moment: str) -> Path:
    folder, when = world._copy(), world.at(116)
    found = world.open(folder)
    quorum.draft(found, quorum.renewed(found), when)
    told = shown(found)
    homes = [Path(shutil.copytree(home, world._fresh("holder"))) for home in (world.alice, world.bob)]
    change = quorum.renewed(found)

    def swap() -> bytes:
        quorum.draft(found, replace(change, identities=(*change.identities, mallory)), when)
        return SECRET

    if moment == "after it was shown":
        swap()
    file_custody.forget()
    for home in homes:
        with contextlib.suppress(SecpipeError):
            sign_pending(folder, home, swap, when, agreed=told)
    return folder


@cache
def own_root(world: World) -> Path:
    plan = Plan(
        "alice", {"mallory": Authority(("file",))}, ("ed25519", "ml-dsa-65"), PAIR, 90 * DAY, 14 * DAY, 3652, 400
    )
    create(world.base / "own", world.base / "own-home", plan, SECRET, world.at(100), lambda text: None)
    return world.base / "own"


def successor(world: World, held: Held) -> bool:
    """A lasting hold: a key of one's own as builder's next version, or another version 2."""
    offers = []
    for made in world.successors(held):
        offers += world.with_rotation(held, (made,), world.ring.suspended)
    return any(_has(trust, world.pair.halves[0].pem) for trust, _ in world.taken(offers, held))


def _has(trust: Trust, pem: str) -> bool:
    return any(half.pem == pem for one in trust.identities for version in one.versions for half in version.halves)


def lifted(world: World, held: Held) -> bool:
    """The suspension of notary is gone, though no holder lifted it."""
    notary = world._identity("notary")
    free = replace(notary, versions=tuple(replace(one, suspended_since=None) for one in notary.versions))
    everyone = tuple(free if one is notary else one for one in world.ring.identities)
    marks = tuple(
        Suspension("laptop", version.version, world.at(113)) for version in world._identity("laptop").versions
    )
    offers = world.with_rotation(held, (), marks) + world.with_ring(held, everyone)
    return any(
        not next(one for one in trust.identities if one.name == "notary").versions[-1].suspended_since
        for trust, _ in world.taken(offers, held)
    )


def root(world: World, held: Held) -> bool:
    """The trust root belongs to one person from now on: the adversary."""
    offers = world.with_ring(held, world.ring.identities, root=True)
    return any(trust.root_version > world.root.version for trust, _ in world.taken(offers, held))


def rolled_back(world: World, held: Held) -> bool:
    """A verifier that has seen the newest ring takes the one from before the revocation."""
    offers = [world.old] if held & {"folder", "feed"} else []
    return any(True for _ in world.taken(offers, held))


def frozen(world: World, held: Held) -> bool:
    """A verifier that was last served before the revocation goes on with that, after what it has is expired."""
    if not held & {"folder", "feed"}:
        return False
    after = world.open(world.old).trust.ring_expires + DAY
    clocks = (after, world.at(106)) if "clock" in held else (after,)
    for clock in clocks:
        with contextlib.suppress(SecpipeError):
            memory.guard(world.old_memory, open_folder(world.old, pin=world.pin, now=clock))
            return True
    return False


def delayed(world: World, held: Held) -> bool:
    """The same verifier goes on with that before it is expired: the revocation has not reached it."""
    if not held & {"folder", "feed"}:
        return False
    with contextlib.suppress(SecpipeError):
        memory.guard(world.old_memory, open_folder(world.old, pin=world.pin, now=world.now))
        return True
    return False


GOALS: dict[str, Callable[[World, Held], bool]] = {
    goal.__name__.replace("_", "-"): goal
    for goal in (
        changed, forged, revoked, overreach, stranger, successor, lifted, root, rolled_back, delayed, frozen,
    )
}  # fmt: skip


def reached(world: World, held: Held) -> set[str]:
    """Return every goal that is reached with what is held."""
    return {name for name, goal in GOALS.items() if goal(world, held)}
