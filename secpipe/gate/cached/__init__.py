"""What earlier runs found, and when it may be believed."""
