"""What is known of packages: their ecosystems, names, package URLs and the order of their versions."""
