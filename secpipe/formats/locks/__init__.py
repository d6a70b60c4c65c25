"""Lock files and manifests of packages: one table of file names, one reader a format, read alike by every wing."""
