"""Readers of model and archive formats: pure, bounded, over bytes. They never execute and return error values."""
