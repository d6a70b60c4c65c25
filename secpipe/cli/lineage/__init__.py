"""The commands of `secpipe lineage`."""
