"""Benchmarks: one script a claim, each a ratio against its rival in the same run."""
