"""The trust bundle: a whole trust folder in one file, for verifiers that have no folder (docs/spec/trust-bundle.md).

It carries the signed files as they are and nothing that anybody says about them: who reads it verifies every signature.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from secpipe.core.errors import InputError, TrustError
from secpipe.core.shape import Fields
from secpipe.core.trust import Freshness
from secpipe.keys.growth import ROLLBACK, demand_growth, known
from secpipe.keys.ring import read_ring
from secpipe.keys.root import verify_chain
from secpipe.keys.snapshot import judge_snapshot
from secpipe.keys.wire import read
from secpipe.keystore.publicfiles import FILE_LIMIT, refuse_private_keys
from secpipe.keystore.snapshot import PATH as SNAPSHOT
from secpipe.keystore.trusted import Opened, assemble, check_pin, demand_fresh, open_folder, target_path
from secpipe.system import files

SCHEMA = "secpipe.trust-bundle/1"
_WHAT = "the trust bundle"
_MOST_ROOTS = 10_000
_MOST_DOCUMENTS = 100_000


def export(folder: Path) -> bytes:
    """Return the trust bundle of a folder, after verifying all that lies there; its age is for the reader to judge.

    Raises SecpipeError where the folder does not hold.
    """
    found = open_folder(folder, now=None)
    ring, held = found.ring, refuse_private_keys(folder)

    def text(path: Path) -> str:
        data = held.get(str(path)) or files.read_bytes(path, FILE_LIMIT, follow=False)
        return data.decode("utf-8")

    newest = f"{ring.version}.rotation.json" if ring.rotation else ""
    signed = [envelope.signed["targets"] for envelope in (ring.targets, ring.rotation) if envelope]
    targets = {path: str(entry["hashes"]["sha256"]) for table in signed for path, entry in table.items()}
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "roots": [text(folder / "root" / f"{number}.root.json") for number in range(1, len(found.roots) + 1)],
        "ring": text(folder / "ring" / f"{ring.targets.version}.targets.json"),
        **({"rotation": text(folder / "ring" / newest)} if newest else {}),
        "targets": {path: text(target_path(folder, path, digest)) for path, digest in sorted(targets.items())},
        **({"snapshot": text(folder / SNAPSHOT)} if not found.trust.freshness.problem else {}),
    }
    data = json.dumps(document, indent=1, ensure_ascii=False).encode("utf-8") + b"\n"
    if open_bundle(data, now=None).trust.ring_digest != found.trust.ring_digest:
        raise TrustError("the folder changed while it was read", hint="try again")
    return data


def open_bundle(
    data: bytes, *, pin: str = "", now: datetime | None, max_ring_age: int = 0, seen: bytes | None = None
) -> Opened:
    """Return the trust in a bundle at `now` (None: time is not judged), every signature and rule checked.

    `pin` names a root of the chain by its hex SHA-256. `seen` is a bundle that was accepted before: this one must have
    grown from it. With `max_ring_age` the ring must be stated to be the newest within so many days.
    Raises as `open_trust` does, and TrustError for a rollback or a fork.
    """
    found = _open(data, pin, now)
    if seen is not None:
        _demand_newer(_open(seen, "", None), found)
    if now is not None:
        demand_fresh(found.trust, now, max_ring_age)
    return found


def _open(data: bytes, pin: str, now: datetime | None) -> Opened:
    fields = Fields(read(data, _WHAT), _WHAT)
    if fields.text("schema", limit=40) != SCHEMA:
        raise InputError(f"{_WHAT} is not of a schema that this secpipe knows", hint="secpipe trust export --bundle")
    chain = [_bytes(text) for text in fields.texts("roots", _MOST_ROOTS)]
    targets = _bytes(fields.text("ring", limit=FILE_LIMIT))
    rotation = _bytes(fields.text("rotation", limit=FILE_LIMIT)) if "rotation" in fields.table else None
    snapshot = _bytes(fields.text("snapshot", limit=FILE_LIMIT)) if "snapshot" in fields.table else None
    documents = _documents(fields.mapping("targets"))
    fields.close()
    roots = verify_chain(chain)
    check_pin(pin, roots)

    def load(path: str, digest: str) -> bytes:
        if path not in documents:
            raise InputError(f"{_WHAT} lacks target {path}")
        return documents[path]

    ring = read_ring(roots[-1], roots[0].envelope.digest, targets, rotation, load)
    fresh = judge_snapshot(snapshot, roots, ring) if snapshot is not None else Freshness()
    return assemble(Path(), roots, ring, pin, now, fresh)


def _bytes(text: str) -> bytes:
    if len(text) > FILE_LIMIT:
        raise InputError(f"{_WHAT} holds a document of more than {FILE_LIMIT:,} characters")
    return text.encode("utf-8")


def _documents(table: Mapping[str, Any]) -> dict[str, bytes]:
    if len(table) > _MOST_DOCUMENTS or not all(isinstance(text, str) for text in table.values()):
        raise InputError(f"{_WHAT} holds a target that is no text")
    return {path: _bytes(text) for path, text in table.items()}


def _demand_newer(old: Opened, new: Opened) -> None:
    """Raise TrustError unless `new` has the roots of `old`, or more, and its ring grew from the one of `old`."""
    digests = [root.envelope.digest for root in new.roots]
    if old.anchor != digests[0]:
        raise TrustError("the trust bundle is of another trust root than the one accepted before", code="fork")
    if len(digests) < old.root.version:
        raise TrustError(
            f"rollback: root {len(digests)} is offered, root {old.root.version} was accepted before",
            hint=ROLLBACK,
            code="rollback",
        )
    if digests[old.root.version - 1] != old.root.envelope.digest:
        raise TrustError(f"fork: root {old.root.version} is not the one accepted before", code="fork")
    demand_growth(known(old.ring), new.ring)
