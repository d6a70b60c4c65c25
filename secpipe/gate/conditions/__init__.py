"""Conditions in CEL: what may be said, about which items, and the one engine that evaluates it."""
