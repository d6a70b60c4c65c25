"""Judge dependencies by advisories, offline."""
