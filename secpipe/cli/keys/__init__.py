"""The command line of `secpipe keys`."""
