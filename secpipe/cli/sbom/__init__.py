"""The command line of `secpipe sbom`."""
