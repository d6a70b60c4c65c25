"""The version of this installation: on the ground floor, because every document names it."""

__version__ = "0.1.0"
