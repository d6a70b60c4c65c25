"""The command line of `secpipe check`."""
