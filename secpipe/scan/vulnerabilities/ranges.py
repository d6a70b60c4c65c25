"""Is a version affected, and where is it mended? The evaluation of the OSV schema, section "Evaluation"."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from secpipe.formats.packages import versions
from secpipe.formats.packages.ecosystems import Key
from secpipe.scan.vulnerabilities.osv import Affected, Range


def affects(affected: Affected, version: str) -> bool | None:
    """Return whether `version` is affected; None where the advisory or its ecosystem's order cannot be judged.

    A PEP 440 local label neither hides nor mends: a version is affected if it is, or if its public part is.
    """
    if affected.unclear:
        return None
    unsure = False
    for candidate in (version, versions.public(affected.ecosystem, version)) if "+" in version else (version,):
        if _listed(affected, candidate):
            return True
        for span in affected.ranges:
            verdict = _in_range(affected.ecosystem, span, candidate)
            if verdict:
                return True
            unsure = unsure or verdict is None
    return None if unsure else False


def affects_all(affected: Affected) -> bool:
    """Return whether every version is affected, so that none needs to be known."""
    return any(span.events == (("introduced", "0"),) for span in affected.ranges)


def fixed_versions(affected: Affected, version: str) -> list[str]:
    """Return the `fixed` versions above `version`, in ascending order."""
    here = versions.key(affected.ecosystem, version)
    found: dict[str, Key] = {}
    for span in affected.ranges:
        for kind, text in span.events:
            key = versions.event_key(affected.ecosystem, text) if kind == "fixed" else None
            if key is not None and (here is None or key > here):
                found[text] = key
    return sorted(found, key=lambda text: found[text])


def last_affected(affected: Affected, version: str) -> list[tuple[Key, str]]:
    """Return the `last_affected` events `(key, text)` at or above `version`."""
    here = versions.key(affected.ecosystem, version)
    found = []
    for span in affected.ranges:
        for kind, text in span.events:
            key = versions.event_key(affected.ecosystem, text) if kind == "last_affected" else None
            if key is not None and here is not None and key >= here:
                found.append((key, text))
    return found


def _listed(affected: Affected, version: str) -> bool:
    if not affected.versions or version in affected.versions:
        return bool(affected.versions)
    here = versions.key(affected.ecosystem, version)
    return here is not None and any(versions.key(affected.ecosystem, text) == here for text in affected.versions)


@dataclass(frozen=True, slots=True)
class _Ordered:
    """A range ready to be asked: events by version, `zero` where it begins before every version."""

    zero: bool
    events: tuple[tuple[Key, str], ...]
    limits: tuple[Key | None, ...]  # None is no limit


@lru_cache(maxsize=65_536)
def _ordered(ecosystem: str, span: Range) -> _Ordered | None:
    """Return the range in order; None where one of its events cannot be ordered."""
    zero = False
    events: list[tuple[Key, str]] = []
    limits: list[Key | None] = []
    for kind, text in span.events:
        if kind == "introduced" and text == "0":
            zero = True
        elif kind == "limit" and text == "*":
            limits.append(None)
        elif (key := versions.event_key(ecosystem, text)) is None:
            return None
        elif kind == "limit":
            limits.append(key)
        else:
            events.append((key, kind))
    return _Ordered(zero, tuple(sorted(events, key=lambda event: event[0])), tuple(limits))


def _in_range(ecosystem: str, span: Range, version: str) -> bool | None:
    """Evaluate one range; None where an event or an ecosystem cannot be ordered.

    A version that its ecosystem does not know (PyPI's `2013-b`) sorts below every other, as OSV has it.
    """
    if not versions.is_ordered(ecosystem):
        return True if span.events == (("introduced", "0"),) else None
    ordered = _ordered(ecosystem, span)
    if ordered is None:
        return None
    here = versions.key(ecosystem, version)
    if here is None:
        return ordered.zero
    if ordered.limits and not any(limit is None or here < limit for limit in ordered.limits):
        return False
    affected = ordered.zero
    for key, kind in ordered.events:
        if here < key:
            break  # later events lie above this version
        if kind != "last_affected" or here != key:
            affected = kind == "introduced"
    return affected
