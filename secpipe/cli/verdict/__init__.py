"""The command line of `secpipe verdict`."""
