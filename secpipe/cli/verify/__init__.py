"""The command line of `secpipe verify`."""
