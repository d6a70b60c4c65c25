"""The command line of `secpipe agents`."""
