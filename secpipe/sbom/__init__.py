"""What is in a release: component sources, the inventory, its documents."""

#: Why nothing is known of a folder in which nobody finds anything.
EMPTY = "nothing was found: the bill of materials is empty"
