"""Is a version affected, and where is it mended? The evaluation of the OSV schema, section "Evaluation"."""

from __future__ import annotations

from secpipe.scan.vulnerabilities import versions
from secpipe.scan.vulnerabilities.osv import Affected, Range
from secpipe.scan.vulnerabilities.versions import Key


def affects(affected: Affected, version: str) -> bool | None:
    """Return whether `version` is affected; None where the advisory or its ecosystem's order cannot be judged.

    A PEP 440 local label neither hides nor mends: a version is affected if it is, or if its public part is.
    """
    if affected.unclear:
        return None
    unsure = False
    for candidate in dict.fromkeys((version, versions.public(affected.ecosystem, version))):
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


def _listed(affected: Affected, version: str) -> bool:
    if version in affected.versions:
        return True
    here = versions.key(affected.ecosystem, version)
    return here is not None and any(versions.key(affected.ecosystem, text) == here for text in affected.versions)


def _in_range(ecosystem: str, span: Range, version: str) -> bool | None:
    """Evaluate one range; None where an event or an ecosystem cannot be ordered.

    A version that its ecosystem does not know (PyPI's `2013-b`) sorts below every other, as OSV has it.
    """
    if ecosystem not in versions.KEYS:
        return True if span.events == (("introduced", "0"),) else None
    here = versions.key(ecosystem, version)
    events: list[tuple[bool, Key, str]] = []
    limits: list[Key | None] = []
    for kind, text in span.events:
        zero = kind == "introduced" and text == "0"
        key = None if zero or text == "*" else versions.event_key(ecosystem, text)
        if key is None and not zero and not (kind == "limit" and text == "*"):
            return None
        if kind == "limit":
            limits.append(key)
        else:
            events.append((zero, key, kind))
    if limits and not any(limit is None or here is None or here < limit for limit in limits):
        return False
    affected = any(zero for zero, _, _ in events)
    if here is None:
        return affected
    for _, key, kind in sorted((event for event in events if not event[0]), key=lambda event: event[1]):
        if kind == "introduced" and here >= key:
            affected = True
        elif (kind == "fixed" and here >= key) or (kind == "last_affected" and here > key):
            affected = False
    return affected
