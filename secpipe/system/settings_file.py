"""Where the user's own settings lie; apart from the other places, since every start asks for it and little else."""

from __future__ import annotations

import os


def settings_file() -> str:
    """Return `secpipe/config.toml` in the XDG folder for configuration; on Windows in %APPDATA%."""
    if os.name == "nt":
        folder = os.environ.get("APPDATA") or os.path.join(os.path.expanduser("~"), "AppData", "Roaming")
    else:
        folder = os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    return os.path.join(folder, "secpipe", "config.toml")
