"""What `secpipe advisories` does behind its options: the verifier of feeds, and the store in words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from secpipe.core.evidence import Evidence
from secpipe.core.text import plural
from secpipe.scan.vulnerabilities.store import AdvisoryStore
from secpipe.system.clock import parse_time
from secpipe.system.tree import open_tree


def verifier(trust: Path, pin: str, now: datetime) -> Callable[[Path], Evidence]:
    """Return what verifies the twin bundles beside a file, for the purpose `advisories` only."""
    from secpipe.keystore.trusted import open_trust
    from secpipe.sign.verify import verify_artifact

    root = open_trust(trust, pin=pin, now=now)

    def verify(path: Path) -> Evidence:
        return verify_artifact(path, open_tree(path), root, purpose="advisories", now=now)

    return verify


def lines(store: AdvisoryStore, now: datetime) -> str:
    """Return the feeds of a store, their ages and coverage, for a terminal."""
    said = [f"{store.source}: {plural(store.count, 'record')}, {store.digest}"]
    for feed in (feed.to_dict() for feed in store.feeds):
        age = (now - parse_time(feed["date"])).days if feed["date"] else 0
        covers = ", ".join(f"{home}: {known}" for home, known in feed["coverage"].items()) or "no packages"
        signed = f", signed by {feed['signed']}" if feed["signed"] else ""
        until = f", until {feed['expires']}" if feed["expires"] else ""
        said.append(
            f"  {feed['name']}: {plural(feed['records'], 'record')} of {feed['date']} ({plural(age, 'day')} old)"
        )
        said.append(f"    {covers}{signed}{until}")
    return "\n".join([*said, *([f"  {store.note}"] if store.note else [])])
