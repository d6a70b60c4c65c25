"""What generators write into their own files, read as claims: one file a format."""
