"""The command line of `secpipe policy`."""
