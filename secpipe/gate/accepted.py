"""What was not read and the policy accepts: settled before the rules look, so that only the rest is held against it.

Only *not read* is ever settled: a finding, a signature that does not hold, an SBOM that is not valid and a check that
did not run are none. Where more matches an entry than was accepted, it settles nothing and is asked again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from fnmatch import fnmatchcase

from secpipe.core.artifact import Skip
from secpipe.core.evidence import Evidence
from secpipe.core.ledger import Depth
from secpipe.core.text import plural
from secpipe.core.verdict import Accepted
from secpipe.gate import ages
from secpipe.gate.facts import mapping
from secpipe.gate.policies import waivers
from secpipe.gate.policies.policy import ACCEPTS, INCOMPLETE, Accept, Policy
from secpipe.sign.sidecars import is_sidecar

#: How a thing is told that was read, but not as far as the policy asks.
SHALLOW = "read as text, not parsed: "
_VARIES = re.compile(r"\d[\d,.]*|\"[^\"]*\"")
_NEVER = ("signature", "sbom", "changed while")  # in our own words of why: no honest file ends so

#: path -> (SHA-256, size) of the files of the tree that something was not read of.
Content = Mapping[str, tuple[str, int]]


def kind_of(skip: Skip) -> str:
    """Return the kind of not read that a thing is of: its reason, `*` in place of numbers and quoted names."""
    return _VARIES.sub("*", skip.reason)


def acceptable(skip: Skip) -> bool:
    """Whether a policy may accept that this was not read: a named thing that vouches for nothing else."""
    words = skip.reason.casefold()
    return bool(skip.path) and not is_sidecar(skip.path) and not any(word in words for word in _NEVER)


def content_of(evidence: Mapping[str, Evidence]) -> dict[str, tuple[str, int]]:
    """Return digest and size of what was not read, as the walk found it; what has none is no file of the tree."""
    found = {}
    for path, row in mapping(evidence["files"], "unread").items() if "files" in evidence else ():
        if isinstance(row, list | tuple) and len(row) == 2 and isinstance(row[0], str) and type(row[1]) is int:
            found[path] = (f"sha256:{row[0]}", row[1])
    return found


def settle(
    evidence: Mapping[str, Evidence], policy: Policy, environment: str, now: datetime
) -> tuple[dict[str, Evidence], tuple[Accepted, ...]]:
    """Return the evidence as the policy's `[ledger]` wants it, and what became of each of its acceptances.

    Where the policy asks for `parsed`, what ships and was read as text only is not read. Advisory data that is too old
    for it has read nothing either: it is accepted by ecosystem and day.
    """
    deep = {name: _deepened(one, policy.ledger.depth) for name, one in evidence.items()}
    if "audit" in deep:
        old = tuple(ages.too_old(deep["audit"], policy, now))
        deep["audit"] = replace(deep["audit"], skips=(*deep["audit"].skips, *old)) if old else deep["audit"]
    content, told = content_of(evidence), []
    gone: dict[str, set[Skip]] = {name: set() for name in ACCEPTS}
    for number, entry in enumerate(policy.ledger.accept, 1):
        if entry.env and environment not in entry.env:
            continue
        met = {name: _matching(entry, deep[name].skips, content) for name in entry.checks if name in deep}
        paths = tuple(sorted({skip.path for skips in met.values() for skip in skips}))
        refused = _refusal(entry, paths, content, policy, now)
        for name, skips in met.items() if not refused else ():
            gone[name].update(skips)
        told.append(_told(number, entry, () if refused else paths, refused, now))
    for name, settled in gone.items():
        if settled:
            one = deep[name]
            rest = tuple(skip for skip in one.skips if skip not in settled)
            deep[name] = replace(one, skips=rest, accepted=tuple(skip for skip in one.skips if skip in settled))
    return deep, tuple(told)


def _deepened(evidence: Evidence, depth: str) -> Evidence:
    if depth != Depth.PARSED or evidence.account is None:
        return evidence
    known = {skip.path for skip in evidence.skips}
    shallow = [skip for skip in evidence.account.shallow if not skip.soft and skip.path not in known]
    more = tuple(Skip(skip.path, f"{SHALLOW}{skip.reason}") for skip in shallow)
    return replace(evidence, skips=(*evidence.skips, *more)) if more else evidence


def _matching(entry: Accept, skips: Iterable[Skip], content: Content) -> list[Skip]:
    kind = re.compile(".*".join(map(re.escape, entry.kind.split("*"))), re.DOTALL)
    return [
        skip for skip in skips
        if acceptable(skip) and kind.fullmatch(skip.reason)
        and (not entry.paths or any(fnmatchcase(skip.path, glob) for glob in entry.paths))
        and (not entry.digests or content.get(skip.path, ("", 0))[0] in entry.digests)
    ]  # fmt: skip


def _refusal(entry: Accept, paths: tuple[str, ...], content: Content, policy: Policy, now: datetime) -> str:
    """Return why an entry settles nothing, as the end of a sentence; "" where it counts."""
    if waivers.never(INCOMPLETE, policy.waivers):
        return f"does not count: nothing waives {INCOMPLETE}"
    if why := waivers.refusal(entry, policy.waivers, now, policy.persons):
        return why
    if entry.accepted is None or entry.accepted > now.date():
        return f"does not count before {entry.accepted}"
    size = sum(content[path][1] for path in paths if path in content)
    if entry.digests or (len(paths) <= entry.most and size <= entry.bytes):
        return ""
    there = f"{plural(len(paths), 'thing')} of {plural(size, 'byte')} match"
    return f"asks again: {there}, {entry.most:,} of {plural(entry.bytes, 'byte')} were accepted"


def _told(number: int, entry: Accept, paths: tuple[str, ...], refused: str, now: datetime) -> Accepted:
    age = (now.date() - entry.accepted).days if entry.accepted else 0
    return Accepted(
        number, entry.checks, entry.kind, entry.owner, entry.reason, str(entry.accepted or ""),
        str(entry.expires or ""), age, paths, entry.approved_by, refused,
    )  # fmt: skip
