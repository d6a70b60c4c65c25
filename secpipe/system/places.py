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
        return Path(os.environ.get("LOCALAPPDATA") or _own("AppData/Local")) / "secpipe"
    return Path(os.environ.get("XDG_DATA_HOME") or _own(".local/share")) / "secpipe"


def _own(below: str) -> Path:
    """Return a place in the user's own folder; who has none gets one where nothing is and nothing can be made."""
    try:
        return Path.home() / below
    except RuntimeError:  # a number without a name, as some containers run
        return Path(os.devnull) / below


def cache_folder() -> Path:
    """Return the folder for what can be made again: `$SECPIPE_CACHE`, or `secpipe` in the user's cache folder."""
    if given := os.environ.get("SECPIPE_CACHE"):
        return Path(given)
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA") or _own("AppData/Local")) / "secpipe" / "cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or _own(".cache")) / "secpipe"
