"""When signatures stop counting for want of a time stamp, where a policy asks retired keys for one. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from secpipe.core import times
from secpipe.core.text import printable


@dataclass(frozen=True, slots=True)
class Lapse:
    """From `at` on the signature over the artifact at `path` counts no more; `digest` and `name` are as signed."""

    at: datetime
    path: str
    digest: str
    name: str
    signer: str
    label: str  # name and version, as the holders vouch for it


def label_of(fact: Mapping[str, Any]) -> str:
    """Return the name and version that the holders vouch for beside a digest; the same bytes count as nothing else."""
    version = f" version {fact['version']}" if fact.get("version") else ""
    return printable(f"{fact['name']}{version}", 200)


def lapses(facts: Iterable[Mapping[str, Any]], since: date) -> list[Lapse]:
    """Return what lapses, by the facts of evidence `signatures`, if a policy asks for time stamps from `since` on."""
    start = datetime.combine(since, time(), UTC)
    found = []
    for fact in facts:
        ends = times.maybe_instant(fact.get("sign_until"))
        if fact.get("verified") is not True or fact.get("trusted_time") or fact.get("grandfathered") or ends is None:
            continue
        signer = f"{fact['identity']} version {fact['key_version']}"
        found.append(
            Lapse(max(start, ends), str(fact["path"]), str(fact["digest"]), str(fact["name"]), signer, label_of(fact))
        )
    return sorted(found, key=lambda one: (one.at, one.path))
