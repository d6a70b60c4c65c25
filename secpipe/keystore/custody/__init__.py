"""Where private halves live: one file a place, looked up by the scheme of a custody reference."""
