"""What should be signed in a path: what this machine saw signed there before, and with `strict` every model file."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from secpipe.api.findings import seen_from
from secpipe.core.errors import SecpipeError
from secpipe.core.evidence import Evidence, State
from secpipe.core.text import plural, printable
from secpipe.system import places

if TYPE_CHECKING:
    from secpipe.core.finding import Finding
    from secpipe.core.protocols import Tree
    from secpipe.core.trust import Trust
    from secpipe.keystore.signed_before import Before


def with_bare_models(evidence: Evidence, tree: Tree) -> Evidence:
    """Return the evidence with a finding for every model file that no verified signature covers."""
    from secpipe.formats.kinds import TABLE, promises, unread
    from secpipe.formats.sniff import is_text, sniff
    from secpipe.sign.refusal import MISSING, finding

    covered = evidence.facts.get("covered", {})
    formats = {kind.name for kind in TABLE} | {"savedmodel", "onnx?"}
    bare = []
    for entry in tree.files:
        text = is_text(entry.head)
        named = promises(entry.name, text=text) or unread(entry.name, entry.head, text=text)
        if (named or sniff(entry.head, entry.size) in formats) and entry.path not in covered:
            bare.append(finding(MISSING, f"{entry.path} is a model file and is not signed", entry.path, fix="sign it"))
    return _failed(evidence, bare)


def with_memory(path: str, evidence: Evidence, trust: Trust, now: datetime, *, forget: bool, write: bool) -> Evidence:
    """Return the evidence with a finding for all that was signed otherwise when this machine last saw it.

    `forget` accepts the change. What holds is remembered if `write`; a home that cannot be written is no fault here.
    Raises InputError for a damaged memory.
    """
    from secpipe.keystore.signed_before import Before, recall, remember

    home, anchor = places.home(), (trust.pins or (trust.root_digest,))[0]
    held = {
        os.path.realpath(seen_from(path, fact["path"])): Before(fact["name"], fact["version"], now)
        for fact in evidence.facts.get("artifacts", [])
        if fact["verified"]
    }
    known = {os.path.realpath(seen_from(path, fact["path"])) for fact in evidence.facts.get("artifacts", [])}
    before = _below(os.path.realpath(path), recall(home, anchor))
    if not forget:
        evidence = _failed(evidence, list(_changes(path, before, held, known)))
    if write and evidence.state is State.OK:
        with contextlib.suppress(SecpipeError, OSError):
            remember(home, anchor, held, before.keys() - held.keys() if forget else ())
    return evidence


def remember_signed(path: str, name: str, version: str, anchor: str, now: datetime) -> None:
    """Remember what was just signed, where the home can be written."""
    from secpipe.keystore.signed_before import Before, remember

    with contextlib.suppress(SecpipeError, OSError):
        remember(places.home(), anchor, {os.path.realpath(path): Before(printable(name), printable(version), now)})


def _changes(path: str, before: dict[str, Before], held: dict[str, Before], known: set[str]) -> Iterator[Finding]:
    from secpipe.sign.refusal import MISSING, REPLAYED, finding

    hint = "restore it; if the change is right: secpipe verify --forget"
    root = os.path.realpath(path)
    for place, old in sorted(before.items()):
        inner = os.path.relpath(place, root) if place != root else ""
        shown = printable(os.path.join(path, inner) if inner else path)
        new = held.get(place)
        if place not in known and os.path.lexists(place):
            yield finding(MISSING, f"{shown} was signed when this machine last saw it, and is not now", inner, fix=hint)
        elif new and new.name != old.name:
            what = f'{shown} was signed as "{old.name}" and is now signed as "{new.name}"'
            yield finding(REPLAYED, what, inner, fix=hint)
        elif new and _older(new.version, old.version):
            what = f"{shown} was signed as version {old.version} and is now {new.version or 'of no version'}"
            yield finding(REPLAYED, what, inner, fix=hint)


def _below(root: str, before: dict[str, Before]) -> dict[str, Before]:
    prefix = f"{root.rstrip(os.sep)}{os.sep}"
    return {place: old for place, old in before.items() if place == root or place.startswith(prefix)}


def _older(new: str, old: str) -> bool:
    """Whether `new` is less than `old`; versions that cannot be compared are not."""
    if new == old:
        return False
    from secpipe.formats.packages.semver import pep440

    was, now = pep440(old), pep440(new)
    return bool(old) and (not new or (was is not None and now is not None and now < was))


def _failed(evidence: Evidence, found: list[Finding]) -> Evidence:
    if not found:
        return evidence
    more = f" (and {plural(len(found) - 1, 'more')})" if len(found) > 1 else ""
    told: dict[str, Any] = {} if evidence.state is State.FAILED else {"reason": printable(found[0].message) + more}
    return replace(evidence, state=State.FAILED, findings=(*evidence.findings, *found), **told)
