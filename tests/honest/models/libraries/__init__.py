"""Honest model files made by the real libraries, in an environment of their own: `make honest` (`make.py` runs it)."""
