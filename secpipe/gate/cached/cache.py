"""The warm path: an unchanged release under unchanged rules need not be judged twice.

An entry is named by everything the verdict rests on and has a MAC under a key in `$SECPIPE_HOME`, outside any tree
(`system.diskcache`); one that is edited, foreign, or past the moment at which anything it rests on changes is as good
as absent. Where something is enforced only a pass by pinned rules is ever served. docs/adr/0018 says why that is safe,
and 0030 why an unchanged folder is known by its files' stamps where the caller asked that nothing is enforced.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from secpipe.core import times
from secpipe.core.errors import InputError, SecpipeError
from secpipe.gate.request import BUILTIN, TREE_POLICY, Request
from secpipe.system import diskcache, files, places
from secpipe.system.believable import is_inside, may_carry_a_foreign_change
from secpipe.system.tree import FolderTree
from secpipe.system.tree import stamps as tree_stamps

if TYPE_CHECKING:  # a warm check keeps nothing new, and should not pay for what judges
    from secpipe.gate.outcome import Outcome

_PIN = re.compile(r"((sha256:)?[0-9a-fA-F]{64})?")
_MEMORY = 1 << 16  # bytes of what this machine remembers of one trust root
_RULES = 1 << 24  # bytes of one file of rules
_SETTLED_NS = 2_000_000_000  # some file systems stamp in ticks of two seconds


def may_serve(request: Request) -> bool:
    """Whether a kept verdict could answer at all.

    A verdict that rests on other verdicts (promotion), on a policy that is fetched from somewhere else than the file
    named, or on rules that count by a signature is always made afresh, and so is everything in a job that may carry a
    foreign change.
    """
    by_digest = _PIN.fullmatch(request.policy_ref) is not None and not _is_signed(request.waivers)
    return request.cache and request.project is None and request.verdicts is None and by_digest and may_believe(request)


def _is_signed(path: Path | None) -> bool:
    """Whether anything that may be a signature stands beside a file, or it cannot be told."""
    try:
        return path is not None and any(name.startswith(f"{path.name}.") for name in os.listdir(path.parent))
    except OSError:
        return True


def may_believe(request: Request) -> bool:
    """Whether anything that an earlier run kept may be believed in this one."""
    return not (request.simulated or may_carry_a_foreign_change(os.environ) or is_inside(request.path))


def parts_of(request: Request) -> Path | None:
    """Return where single checks of a project are kept, or None where nothing of an earlier run may be believed."""
    if not request.parts or not may_believe(request):
        return None
    name = request.name or str(request.path.resolve())
    parts = [diskcache.engine().encode(), diskcache.machine().encode(), name.encode("utf-8", "surrogatepass")]
    return places.cache_folder() / "parts" / diskcache.digest(parts)


def place_of(request: Request, tree: FolderTree) -> Path | None:
    """Return where the verdict on `tree` (walked without the policy's exclusions) would be kept, or None."""
    try:
        return None if tree.skipped else _place(request, content_of(tree))  # what cannot be read whole is never kept
    except (SecpipeError, OSError):
        return None


@dataclass(frozen=True, slots=True)
class Stamped:
    """How a folder's files were stamped before anybody read one, and where the verdict on it is kept by that."""

    entry: Path
    stamps: str
    settled: bool  # the newest is so old that a later change would have left another stamp


def stamped_of(request: Request) -> Stamped | None:
    """Return under which stamps a verdict may be kept; None unless the caller asked that nothing is enforced."""
    if request.asked_mode != "warn" or os.name == "nt":  # its ctime says nothing of changes
        return None
    begun = time.time_ns()
    try:
        found, newest = tree_stamps(request.path)
        return Stamped(_place(request, "by stamps"), found, newest <= begun - _SETTLED_NS)
    except (SecpipeError, OSError):
        return None


def find(request: Request, entry: Path | Stamped | None) -> dict[str, Any] | None:
    """Return the verdict document kept at `entry`, by content or by stamps, if it still holds, or None."""
    row = diskcache.find(entry.entry if isinstance(entry, Stamped) else entry) if entry else None
    if isinstance(entry, Stamped) and row is not None and row.get("stamps") != entry.stamps:
        return None
    try:
        if row is None:
            return None
        document: dict[str, Any] = row["document"]
        fresh = times.instant(document["at"]) <= request.now < times.instant(row["until"])
        holds = fresh and _servable(document) and _remembered(row, request.now)
        return document if holds else None
    except (ValueError, KeyError, TypeError, SecpipeError, OSError):
        return None


def keep(
    request: Request, tree: FolderTree, outcome: Outcome, entry: Path | None, stamped: Stamped | None = None
) -> None:
    """Keep the verdict on `tree` at `entry`, unless its rules changed meanwhile; failing to is not an error.

    It is kept by the stamps that the files had before they were read, too, if they have them still.
    """
    document = outcome.document
    if entry is None or not _servable(document) or place_of(request, tree) != entry:
        return
    from secpipe.gate.cached.lasting import lasts_until
    from secpipe.keystore.memory import policy_name

    end = times.instant(document["valid_until"])
    until = lasts_until(outcome.judge_at, outcome.record.evidence, outcome.rules.trust, request.now, end)
    anchor = outcome.rules.anchor.opened
    name = f"{anchor.anchor if anchor else policy_name(document['policy']['digest']['sha256'])}.json"
    row = {"document": document, "until": times.exact(until), "anchor": anchor.anchor if anchor else ""}
    try:
        row["memory"] = [name, _digest_of(places.home() / "seen" / name)]
        diskcache.keep(entry, row)
        if stamped and stamped.settled and document["mode"] == "warn" and stamped_of(request) == stamped:
            diskcache.keep(stamped.entry, row | {"stamps": stamped.stamps})
    except (SecpipeError, OSError):
        return


def _remembered(row: dict[str, Any], now: datetime) -> bool:
    """Whether this machine has seen no newer ring or root since, and no later verdict; raises InputError for damage."""
    name, then = row["memory"]
    if _digest_of(places.home() / "seen" / name) == then:
        return True  # nothing was remembered since: the usual case, which needs no more imports
    from secpipe.core.trust import SKEW
    from secpipe.keystore import memory

    document, anchor = row["document"], row["anchor"]
    if not anchor:
        last = memory.last_time(places.home(), document["policy"]["digest"]["sha256"])
        return last is None or now >= last - SKEW
    seen, trust = memory.recall(places.home(), anchor), document["trust"]
    if seen is None:
        return True
    newest = (trust["root_version"], trust["ring_version"]) == (seen.root_version, seen.ring_version)
    return newest and now >= seen.time - SKEW


def _digest_of(path: Path) -> str:
    """Return the hex SHA-256 of a small file, "" where none is."""
    return hashlib.sha256(files.read_bytes(path, _MEMORY)).hexdigest() if path.is_file() else ""


def _servable(document: dict[str, Any]) -> bool:
    """Whether such a verdict may be served: any where the environment only warns, otherwise a pass by pinned rules."""
    if document["simulated"]:
        return False
    if document["mode"] == "warn":
        return True
    trust = document["trust"]
    pinned = document["policy"]["pinned"] and (trust is None or trust["pinned"]) and not document["self_judged"]
    return bool(pinned and document["exit_code"] == 0 and document["decision"] in ("pass", "warn"))


def _place(request: Request, content: str) -> Path:
    """Return the entry's place: its name covers engine, rules, question and the content of the whole tree."""
    question = {
        "environment": request.environment,
        "mode": request.asked_mode,
        "warn_until": str(request.warn_until),
        "policy": request.policy,
        "policy_ref": request.policy_ref,
        "trust": str(request.trust),
        "trust_pin": request.trust_pin,
        "max_ring_age": request.max_ring_age,
        "path": str(request.path.resolve()),
        "typed": str(request.path),  # what is told to run names the path as it was given
        "name": request.name,
        "advisories": str(request.advisories),
        "waivers": str(request.waivers),
        "waivers_ref": request.waivers_ref,
        "exclude": request.exclude,
        "not_read": [(skip.path, skip.reason, skip.soft) for skip in request.not_read],
    }
    parts: list[bytes] = [
        diskcache.engine().encode(),
        diskcache.machine().encode(),
        json.dumps(question, sort_keys=True).encode(),
        content.encode(),
        *_rule_bytes(request),
        *_advisories(request),
    ]
    return places.cache_folder() / "verdicts" / diskcache.digest(parts)


def content_of(tree: FolderTree) -> str:
    """Return a digest over every path, size and content of a tree, its links and what was left out.

    Every file was hashed in this run: nothing here rests on a time stamp. Unlike a `dirHash` no name can pass for two.
    """
    hasher = hashlib.sha256()
    for entry in tree.files:
        hasher.update(f"{entry.path!r} {entry.size} {entry.mode} {entry.sha256}\n".encode("utf-8", "surrogatepass"))
    rest = [[(link.path, link.target, link.inside) for link in tree.links]]
    rest += [[(skip.path, skip.reason, skip.soft) for skip in skips] for skips in (tree.skipped, tree.left_out)]
    hasher.update(repr(rest).encode("utf-8", "surrogatepass"))
    return hasher.hexdigest()


def _rule_bytes(request: Request) -> Iterator[bytes]:
    """Yield the name and content of every file that the rules come from; rules that count otherwise are not served."""
    found = [Path(request.policy)] if request.policy and not request.policy.startswith(BUILTIN) else []
    found.append(request.path / TREE_POLICY)
    found += [request.waivers] if request.waivers else []
    for folder in filter(None, (request.trust, request.path / "keys")):
        found += sorted(path for path in folder.rglob("*") if not path.is_dir()) if folder.is_dir() else []
        for name in ("root", "ring"):  # may be links to folders, as in a mounted volume; what they hold decides
            below = folder / name
            found += [below / file for file in sorted(os.listdir(below))] if below.is_symlink() else []
    for place in found:
        yield os.fsencode(place)
        try:
            yield files.read_bytes(place, _RULES)
        except InputError as error:
            yield f"unreadable: {error.message}".encode("utf-8", "surrogatepass")


def _advisories(request: Request) -> Iterator[bytes]:
    """Yield the stamps of the advisory data in use: it lies outside the tree, and any write to it changes them."""
    for place in (request.advisories, places.home() / "advisories"):
        if place is None or not place.exists():
            continue
        for file in sorted(place.rglob("*")) if place.is_dir() else [place]:
            info = file.stat()
            yield repr((str(file), info.st_size, info.st_mtime_ns, info.st_ctime_ns, info.st_ino)).encode()
