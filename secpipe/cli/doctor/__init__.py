"""The command line of `secpipe doctor`."""
