"""Find code in model files, by allow-list, without loading them."""
