"""Custody of private halves, committing a rotation, updating trust."""
