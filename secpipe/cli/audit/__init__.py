"""The command line of `secpipe audit`."""
