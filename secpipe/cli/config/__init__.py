"""`secpipe config`: options from the user's own file and environment, and where each comes from."""
