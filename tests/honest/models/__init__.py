"""Honest model files, written byte by byte as their libraries write them: see `test_honest_models`."""
