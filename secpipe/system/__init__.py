"""The only door to the outside: files, trees, secrets, network, processes, clock."""
