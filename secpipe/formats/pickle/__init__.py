"""Pickles, read as data: opcodes walked over symbolic values. Nothing is imported, called or built."""
