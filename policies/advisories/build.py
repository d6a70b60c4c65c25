"""Build `snapshot.jsonl.gz`, the embedded advisory snapshot, from OSV data.

    python policies/advisories/build.py --at 2026-07-24 \
        "all:PyPI=pypa-advisory-database-2024-10-10.zip=PyPA advisory database" \
        "listed=ghsa-ai-stack.json=AI stack (PyPA and GitHub advisories)"

Facts only: ids, aliases, packages, affected ranges, severity vectors, dates; no prose. `all:ECOSYSTEM=` names a feed
that claims to know every package of an ecosystem, `listed=` one that knows only the packages it names.
"""

from __future__ import annotations

import argparse
import sys
from datetime import timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from secpipe.scan.vulnerabilities import feed, snapshot  # noqa: E402
from secpipe.scan.vulnerabilities.osv import Advisory  # noqa: E402
from secpipe.scan.vulnerabilities.store import ALL, Feed  # noqa: E402
from secpipe.system.clock import parse_time  # noqa: E402
from secpipe.system.files import write_atomic  # noqa: E402

LIMIT = 400_000


def main() -> None:
    """Write the snapshot and say what went into it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--at", required=True, help="the day after the newest data: later times in records are errors")
    parser.add_argument("feeds", nargs="+", metavar="KIND=PATH=TITLE")
    options = parser.parse_args()
    now = parse_time(options.at) + timedelta(days=1)
    feeds, advisories = [], dict[str, Advisory]()
    for word in options.feeds:
        kind, place, title = word.split("=")
        found = feed.harvest(Path(place), now)
        for skip in found.refused:
            print(f"refused: {skip.path}: {skip.reason}")
        for identity, advisory in found.advisories.items():
            if identity not in advisories or advisory.modified >= advisories[identity].modified:
                advisories[identity] = advisory
        coverage = {kind[4:]: ALL} if kind.startswith("all:") else found.coverage(partial=True)
        feeds.append(Feed(title, Path(place).name, found.newest, len(found.advisories), coverage))
    data = snapshot.write(feeds, [advisory for advisory in advisories.values() if not advisory.withdrawn])
    if len(data) > LIMIT:
        raise SystemExit(f"the snapshot takes {len(data):,} bytes, more than {LIMIT:,}")
    write_atomic(ROOT / "policies" / snapshot.NAME, data)
    print(f"{len(advisories):,} records, {len(data):,} bytes; " + ", ".join(f"{f.source} of {f.date}" for f in feeds))


if __name__ == "__main__":
    main()
