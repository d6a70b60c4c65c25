"""What is in a release: component sources, the inventory, its documents."""
