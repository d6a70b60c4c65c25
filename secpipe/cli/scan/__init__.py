"""The command line of `secpipe scan`."""
