"""Where things lie: shipped data, `$SECPIPE_HOME`, the cache."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from secpipe.core.errors import SecpipeError


@cache
def shipped() -> Path:
    """Return the folder of shipped policies, rule data and catalogues (`policies/`)."""
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "_policies", package.parent / "policies"):  # a wheel, then a checkout
        if folder.is_dir():
            return folder
    raise SecpipeError("this installation lacks its policies folder", hint="reinstall secpipe")


def home() -> Path:
    """Return `$SECPIPE_HOME`, by default `secpipe` in the user's data folder (XDG): private keys and local state."""
    if given := os.environ.get("SECPIPE_HOME"):
        return Path(given)
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData/Local")) / "secpipe"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "secpipe"


def cache_folder() -> Path:
    """Return the folder for what can be made again: `$SECPIPE_CACHE`, or `secpipe` in the user's cache folder."""
    if given := os.environ.get("SECPIPE_CACHE"):
        return Path(given)
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData/Local")) / "secpipe" / "cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "secpipe"
