"""Model files that are made to pass the scan, by the scan's own lists: see `test_models`."""
