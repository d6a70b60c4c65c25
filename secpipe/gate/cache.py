"""The warm path: in warn mode an unchanged tree need not be judged twice. Never used where anything is enforced.

An entry is keyed by everything the verdict rests on and carries a MAC under a key in `$SECPIPE_HOME`, outside any tree;
an entry that is edited, foreign or past its `valid_until` is as good as absent.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from secpipe.core.artifact import dir_hash
from secpipe.core.errors import InputError, SecpipeError
from secpipe.gate.request import BUILTIN, TREE_POLICY, Request
from secpipe.sign.sidecars import twins
from secpipe.system import files, kept, places
from secpipe.system.tree import FolderTree


def may_serve(request: Request) -> bool:
    """Whether a kept verdict could answer at all: only warn mode is served, and only argv or a pin can ask for it."""
    return request.cache and (request.mode == "warn" or (request.mode == "" and bool(request.policy_ref)))


def place_of(request: Request, tree: FolderTree) -> Path | None:
    """Return where the verdict on `tree` (walked without the policy's exclusions) would be kept, or None."""
    try:
        return _place(request, tree)
    except (SecpipeError, OSError):
        return None


def find(request: Request, entry: Path | None) -> dict[str, Any] | None:
    """Return the verdict document kept at `entry` if it still holds, or None."""
    document: dict[str, Any] | None = kept.find(entry) if entry else None
    if document is None:
        return None
    try:
        fresh = datetime.fromisoformat(document["at"]) <= request.now < datetime.fromisoformat(document["valid_until"])
        return document if fresh and document["mode"] == "warn" else None
    except (ValueError, KeyError, TypeError):
        return None


def keep(request: Request, tree: FolderTree, document: dict[str, Any], entry: Path | None) -> None:
    """Keep a warn-mode verdict on `tree` at `entry`, unless its rules changed meanwhile; failing to is not an error."""
    if entry is None or document["mode"] != "warn" or place_of(request, tree) != entry:
        return
    kept.keep(entry, document)


def _place(request: Request, tree: FolderTree) -> Path:
    """Return the entry's place: its name covers engine, rules, question and the content of the whole tree."""
    if tree.skipped:
        raise SecpipeError("a tree that cannot be read whole is never kept")
    question = (
        request.environment,
        request.mode,
        request.policy,
        request.policy_ref,
        str(request.waivers),
        request.waivers_ref,
        request.trust_pin,
        str(request.trust),
    )
    parts: list[bytes] = [
        kept.engine().encode(),
        json.dumps([*question, str(request.path.resolve()), str(request.advisories), *request.exclude]).encode(),
        dir_hash(tree.files).encode(),
        json.dumps([(link.path, link.target) for link in tree.links]).encode(),
        *_rule_bytes(request),
        *_advisories(request),
    ]
    return places.cache_folder() / "verdicts" / kept.digest(parts)


def _rule_bytes(request: Request) -> list[bytes]:
    """Return the bytes of every file that the rules come from."""
    parts = []
    places = [Path(request.policy)] if request.policy and not request.policy.startswith(BUILTIN) else []
    places.append(request.path / TREE_POLICY)
    places += [request.waivers] if request.waivers else []
    places += [bundle for file in places for bundle in twins(file, directory=False)]
    folder = request.trust or request.path / "keys"
    places += sorted(folder.rglob("*.json")) if folder.is_dir() else []
    for place in places:
        try:
            parts.append(files.read_bytes(place, 1 << 24))
        except InputError:
            parts.append(b"absent")
    if request.policy_ref.startswith("git:"):
        from secpipe.gate import pins

        loaded, pin = pins.from_git(pins.parse(request.policy_ref), request)
        parts += [pin.encode(), loaded.data]
    return parts


def _advisories(request: Request) -> list[bytes]:
    """Return the stamps of the advisory data in use."""
    stamps = []
    for place in (request.advisories, places.home() / "advisories"):
        if place is None or not place.exists():
            continue
        for file in sorted(place.rglob("*")) if place.is_dir() else [place]:
            info = file.stat()
            stamps.append(repr((str(file), info.st_size, info.st_mtime_ns)).encode())
    return stamps
