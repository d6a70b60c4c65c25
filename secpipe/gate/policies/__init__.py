"""Policies: reading, putting together, pinning, comparing; waivers; what is in force on a day."""
