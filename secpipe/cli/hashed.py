"""What is signed or verified, walked and hashed under the eyes of whoever waits for it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from secpipe.cli.options import watching

if TYPE_CHECKING:
    from secpipe.system.tree import FolderTree


def hashed(path: str) -> FolderTree:
    """Return the walk of a folder or the tree of a file, showing the bytes hashed so far; raises InputError."""
    from secpipe.system.tree import single, walk

    with watching(f"hashing {os.path.basename(path) or path}") as watch:
        return walk(path, watch=watch) if os.path.isdir(path) else single(path, watch)
