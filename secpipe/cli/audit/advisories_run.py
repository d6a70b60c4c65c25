"""What `secpipe advisories` does behind its options: the verifier of feeds, and the store in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from secpipe.cli.options import say, tell
from secpipe.core.errors import EXIT_PASS, EXIT_UNDECIDED, ConfigError
from secpipe.core.evidence import Evidence
from secpipe.core.text import plural, printable
from secpipe.formats.locks.table import row_of
from secpipe.scan.vulnerabilities.store import AdvisoryStore
from secpipe.scan.vulnerabilities.update import Update
from secpipe.system import places
from secpipe.system.clock import parse_time
from secpipe.system.tree import open_tree


def verifier(trust: Path, pin: str, now: datetime) -> Callable[[Path], Evidence]:
    """Return what verifies the twin bundles beside a file, for the purpose `advisories` only."""
    from secpipe.keystore.remembered import open_remembered
    from secpipe.sign.verify import verify_artifact

    root = open_remembered(trust, places.home(), pin=pin, now=now)

    def verify(path: Path) -> Evidence:
        return verify_artifact(path, open_tree(path), root, purpose="advisories", now=now)

    return verify


def tell_update(done: Update) -> None:
    """Say what was taken into the store, and what of it could not be read."""
    signed = f"signed by {printable(done.feed.signed)}" if done.feed.signed else "not signed"
    say(
        f"{printable(done.feed.name)}: {plural(done.feed.records, 'record')} of {done.feed.date}, {signed}; "
        f"{done.added:,} new, {done.changed:,} changed, {done.total:,} in the store"
        + ("" if done.stored else " (dry run: nothing stored)")
    )
    for skip in done.refused[:20]:
        tell(f"  not readable: {printable(skip.path, 200)}: {printable(skip.reason, 200)}")


def from_upstream(wanted: Sequence[str], mirror: str, now: datetime, *, unsigned: bool, dry_run: bool) -> int:
    """Take what the makers of the data publish; what cannot be taken is said, and ends in exit 3."""
    from secpipe.scan.vulnerabilities import upstream

    names = list(wanted) or sorted({*_of_locks(Path()), *upstream.held()})
    if not names:
        raise ConfigError("no lock file lies here that says which ecosystems are meant", hint="--ecosystem PyPI")
    failed = 0
    for done in upstream.take(names, upstream.addresses(mirror), now=now, unsigned=unsigned, dry_run=dry_run):
        if isinstance(done, upstream.Failure):
            failed += 1
            tell(f"{printable(done.name)} was not taken: {printable(done.why.message)}")
            if done.why.hint:
                tell(f"  {done.why.hint}")
        else:
            tell_update(done)
    return EXIT_UNDECIDED if failed else EXIT_PASS


def _of_locks(root: Path) -> set[str]:
    """Return the ecosystems whose lock files and manifests lie below a folder."""
    rows = (row_of(entry.path) for entry in open_tree(root).files)
    return {row.ecosystem for row in rows if row is not None and row.reader}


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
