"""The commands of `secpipe log`."""
