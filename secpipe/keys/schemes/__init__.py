"""Signature algorithms: one file a family or backend, looked up by algorithm id."""
