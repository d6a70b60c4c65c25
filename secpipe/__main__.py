"""`python -m secpipe`, without the working folder on the import path: it may be the tree under test."""

import os
import sys

if not sys.flags.safe_path:
    sys.path[:] = [entry for entry in sys.path if entry and os.path.realpath(entry) != os.getcwd()]

from secpipe.cli.main import main  # the path is cleaned first

if __name__ == "__main__":
    main()
