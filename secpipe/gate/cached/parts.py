"""Results of single checks kept by content: what was judged before, byte for byte, is not judged again.

One document a project (`system.diskcache`), holding what its last run found: a whole check under a digest of all that
it looked at, a model file under its own digest. What a reader could not read of a content it cannot read next time,
which is kept, too; a run in which a file could not be read as it was hashed keeps nothing. What depends on the day is
kept with the days on which it changes.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Set
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from secpipe.core import times
from secpipe.core.artifact import FileEntry
from secpipe.core.errors import InputError
from secpipe.core.evidence import Evidence, State
from secpipe.core.inventory import Inventory, Relation, RelationKind
from secpipe.core.ledger import Tally, Thing
from secpipe.core.protocols import Tree
from secpipe.gate import record
from secpipe.gate.cached.cache import content_of, parts_of
from secpipe.gate.cached.look import KEY_BYTES, FirstLook, key_of
from secpipe.gate.request import Request
from secpipe.scan.models.scan import NOTHING, Judged
from secpipe.system import diskcache
from secpipe.system.tree import FolderTree

T = TypeVar("T")
#: What cannot be read back is as good as absent.
_DAMAGE = (InputError, ValueError, KeyError, TypeError, AttributeError)


class Parts:
    """What the last run over a project found, and what this one finds. Without a place nothing is found or kept."""

    def __init__(
        self,
        place: Path | None,
        content: str,
        unsteady: Callable[[], bool] = lambda: False,
        look: FirstLook | None = None,
        tree: Tree | None = None,
    ) -> None:
        self.place = place
        self._unsteady = unsteady  # whether a file could not be read as it was hashed
        self.content = content
        self.stock = ""  # digest over what the inventory lists; "" while it is not known whole
        self._old: dict[str, Any] = {}
        self._new: dict[str, Any] = {}
        if place is not None:
            found = diskcache.find(place)
            self._old = found if isinstance(found, dict) else {}
        self._look = look or FirstLook()
        self._tree = tree
        self._looked = look is not None or tree is None  # while it was walked
        self.quiet = KeptNames(self._old.get("quiet"), self._look.quiet)
        self._nothing = KeptNames(self._old.get("nothing"), set())  # files in which the model scan finds nothing

    @property
    def plain(self) -> Set[str]:
        """Paths of the files in which no scan finds anything; looked for when a scan runs, if not while walking."""
        if self._tree is not None and not self._looked:
            known = (_unpacked(self._old.get(name)) for name in ("plain", "others"))
            self._look.again(self._tree, *known)
            self._looked = True
        return self._look.plain

    def evidence(self, name: str, make: Callable[[], Evidence], content: str | None = None) -> Evidence:
        """Return the evidence of a check that rests on nothing but `content`, by default all of the tree."""
        key = _key(name, self.content if content is None else content)

        def row(made: Evidence) -> Any:
            return record.evidence_row(made) if made.state is State.OK else None

        return self._recall(key, lambda kept_: record.read_evidence(name, kept_), make, row)

    def inventory(self, make: Callable[[], Inventory]) -> Inventory:
        """Return the inventory of the tree; `stock` then says what is in it."""
        made = self._recall(_key("inventory", self.content), self._read_inventory, make, _rows)
        if self.place is not None and not self._unsteady() and not self.stock:
            self.stock = _stock(_rows(made))
        return made

    def audit(self, about: Any, now: datetime, make: Callable[[], Evidence]) -> Evidence:
        """Return the audit of the inventory by the advisory data that `about` tells of.

        It depends on the day only by the feeds' own expiry: it holds from when it was made until the first of those.
        """
        if not self.stock:
            return make()

        def read(kept_: Any) -> Evidence:
            if not _holds(kept_, now):
                raise ValueError("its time is over")
            return record.read_evidence("audit", kept_["evidence"])

        def row(made: Evidence) -> Any:
            ends = sorted(filter(None, (str(feed.get("expires", "")) for feed in about.get("feeds", ()))))
            told = {"from": times.exact(now), "ends": ends, "evidence": record.evidence_row(made)}
            return told if made.state is State.OK else None

        return self._recall(_key("audit", self.stock + json.dumps(about, sort_keys=True)), read, make, row)

    def model(self, entry: FileEntry, make: Callable[[], Judged]) -> Judged:
        """Return what was found in one file of the tree."""
        seen = self._look.models.get(entry.path)
        if self.place is None:
            return make() if seen is None else seen
        told = f"{entry.sha256}:{entry.size}:{entry.path}"
        key = hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()
        if seen is NOTHING:
            self._nothing.add(key)
        if key in self._nothing:
            return NOTHING
        keep = self._new.setdefault("models", {})
        try:
            if (row := self._table("models").get(key)) is not None:
                found = _read_judged(row)
                keep[key] = row
                return found
        except _DAMAGE:
            pass
        made = make() if seen is None else seen
        if made is NOTHING:
            self._nothing.add(key)
        elif not self._unsteady():
            keep[key] = _judged(made)
        return made

    def save(self) -> None:
        """Keep what this run found and used, if it is something else than before; failing to is no error."""
        if self.place is None or self._unsteady():
            return
        # Where the whole check was known, no file of it was asked for: what is known of them stays known.
        self._new.setdefault("models", self._table("models"))
        self._look.models.clear()  # room for the document
        self._new |= {name: self._old.get(name, "") for name in ("plain", "others")}  # where no scan ran
        if self._looked and self._tree is not None:
            for name, plain in (("plain", True), ("others", False)):
                files = (entry for entry in self._tree.files if (entry.path in self._look.plain) is plain)
                self._new[name] = _packed(map(key_of, files))
        self._new |= {"nothing": self._nothing.text(), "quiet": self.quiet.text()}
        if self._new != self._old:
            diskcache.keep(self.place, self._new)

    def _table(self, name: str) -> dict[str, Any]:
        table = self._old.get(name)
        return table if isinstance(table, dict) else {}

    def _recall(self, key: str, read: Callable[[Any], T], make: Callable[[], T], row: Callable[[T], Any]) -> T:
        """Return what is kept under `key`, else what `make` gives, of which `row` is kept if it is not None."""
        try:
            if (known := self._old.get(key)) is not None:
                found = read(known)
                self._new[key] = known
                return found
        except _DAMAGE:
            pass
        made = make()
        if self.place is not None and not self._unsteady() and (fresh := row(made)) is not None:
            self._new[key] = fresh
        return made

    def _read_inventory(self, row: dict[str, Any]) -> Inventory:
        digest, count = row["tree"]
        relations = tuple(Relation(source, RelationKind(kind), target) for source, kind, target in row["relations"])
        components = tuple(record.read_component(one) for one in row["components"])
        self.stock = _stock(row)
        skips = tuple(record.read_skip(one) for one in row["skips"])
        return Inventory(components, relations, skips, digest, count, record.read_account(row["account"]))


def _key(name: str, content: str) -> str:
    return f"{name}:{hashlib.sha256(content.encode()).hexdigest()}"


class KeptNames:
    """What was kept of a kind, as one text; it remembers which of it was asked for or added.

    As many strings it would take three times the room, so it is cut up only when it is asked for.
    """

    def __init__(self, told: Any, used: set[str]) -> None:
        self._told = told if isinstance(told, str) else ""
        self._known: frozenset[str] | None = None
        self.used = used

    def __contains__(self, name: object) -> bool:
        if name in self.used:
            return True
        if self._known is None:
            self._known = frozenset(self._told.split())
        if name in self._known:
            self.used.add(str(name))
            return True
        return False

    def add(self, name: str) -> None:
        """Take a name in."""
        self.used.add(name)

    def text(self) -> str:
        """Return what was asked for or added, and forget it; all that was kept, where nothing was."""
        told = " ".join(sorted(self.used)) or self._told
        self.used.clear()
        return told


def open_parts(request: Request, tree: FolderTree, look: FirstLook | None = None) -> Parts:
    """Return what the last run over the same project kept, if results of earlier runs may be believed here."""
    place = parts_of(request)
    if look is not None:
        look.plain.intersection_update(entry.path for entry in tree.files)  # a policy may leave some out
    return Parts(place, content_of(tree) if place else "", lambda: bool(tree.unsteady), look, tree)


def _packed(keys: Iterable[bytes]) -> str:
    """Return keys as text: as a list of strings they would take thrice the room."""
    data = bytearray()
    for key in keys:
        data += key
    return base64.b64encode(data).decode("ascii")


def _unpacked(text: Any) -> frozenset[bytes]:
    """Return what `_packed` made of it; nothing where it is damaged."""
    try:
        data = base64.b64decode(text or "", validate=True)
    except (ValueError, TypeError):
        return frozenset()
    return frozenset(data[start : start + KEY_BYTES] for start in range(0, len(data), KEY_BYTES))


def _holds(row: dict[str, Any], now: datetime) -> bool:
    """Whether no feed expired between the time of the audit and now."""
    made = times.instant(row["from"])
    return made <= now and not any(made < times.instant(end) <= now for end in row["ends"])


def _rows(made: Inventory) -> dict[str, Any]:
    return {
        "components": [record.component_row(component) for component in made.components],
        "relations": [[each.source, each.kind.value, each.target] for each in made.relations],
        "tree": [made.tree_sha256, made.tree_files],
        "skips": [record.skip_row(skip) for skip in made.skipped],
        "account": made.account.to_dict() if made.account else None,
    }


def _stock(row: dict[str, Any]) -> str:
    """Return a digest over what an inventory lists, whatever else stands in the tree."""
    text = json.dumps([row["components"], row["relations"], row["skips"]], sort_keys=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _judged(made: Judged) -> list[Any]:
    findings = [record.finding_row(finding) for finding in made.findings]
    skips, members = [record.skip_row(skip) for skip in made.skips], made.members
    ends = [dict(members.judged), dict(members.cannot), members.not_read, members.text]
    return [made.format, made.outcome, list(made.holds), findings, skips, ends]


def _read_judged(row: list[Any]) -> Judged:
    kind, outcome, holds, findings, skips, (judged, cannot, not_read, text) = row
    members = Tally(Thing.MEMBER, judged, cannot, not_read, text)
    found = tuple(record.read_finding(each) for each in findings)
    return Judged(kind, outcome, tuple(holds), found, tuple(record.read_skip(each) for each in skips), members)
