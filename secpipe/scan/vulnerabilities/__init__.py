"""Judge dependencies by advisories, offline."""

#: How the reason begins for packages of an ecosystem whose advisories nobody brought.
NO_FEED = "no advisory feed covers"
