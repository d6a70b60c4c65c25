"""Judge dependencies by advisories, offline."""

import re

#: What the data that came with secpipe is called.
SNAPSHOT = "embedded snapshot"
#: How the reason begins for packages of an ecosystem whose advisories nobody brought.
NO_FEED = "no advisory feed covers"
_UNCOVERED = re.compile(rf"{NO_FEED} these (.{{1,40}}?) packages\b")


def uncovered(ecosystem: str) -> str:
    """Return why packages of an ecosystem are not judged whose advisories nobody brought."""
    return f"{NO_FEED} these {ecosystem} packages"


def ecosystem_of(reason: str) -> str:
    """Return the ecosystem that `uncovered` said this of, or ""."""
    found = _UNCOVERED.search(reason)
    return found[1] if found else ""
