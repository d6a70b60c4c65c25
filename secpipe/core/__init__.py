"""The nouns everyone shares: frozen dataclasses, errors and ids. Standard library only, no I/O, no clock."""
