"""Which secpipe this is: the git address and commit it was installed from, where that is known (PEP 610)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from urllib.parse import unquote, urlsplit

from secpipe.core.errors import ConfigError, InputError
from secpipe.core.text import printable
from secpipe.system import git

# No user, no query, no quote: it is written into scripts, and a password in it would be published.
_ADDRESS = re.compile(r"(?:https|ssh|file)://[A-Za-z0-9._~/:+-]+")
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


@dataclass(frozen=True, slots=True)
class Source:
    """A git address and the digest of a commit there; both "" where they are not known."""

    address: str = ""
    commit: str = ""


def parse(text: str) -> Source:
    """Return what `ADDRESS@COMMIT` names; raises ConfigError."""
    address, _, commit = text.removeprefix("git+").rpartition("@")
    if not _ADDRESS.fullmatch(address) or not _COMMIT.fullmatch(commit):
        raise ConfigError(
            f'"{printable(text, 200)}" names no commit of a git repository',
            hint="https://git.example.org/tools/secpipe@COMMIT, all 40 digits of it; a branch or tag can be moved",
        )
    return Source(address, commit)


def source() -> Source:
    """Return where this secpipe came from, as its installer wrote it down; what others could not fetch is not known."""
    try:
        found = json.loads(metadata.distribution("secpipe").read_text("direct_url.json") or "{}")
        if "vcs_info" in found:
            return parse(f"{found['url']}@{found['vcs_info']['commit_id']}")
        if "dir_info" in found:
            folder = Path(unquote(urlsplit(found["url"]).path))
            address, commit = (_ask(folder, *words) for words in (_REMOTE, _HEAD))
            return parse(f"{address}@{commit}") if address.startswith("https://") else Source()
    except (metadata.PackageNotFoundError, ConfigError, InputError, ValueError, TypeError, KeyError, AttributeError):
        pass
    return Source()


_REMOTE = ("config", "--get", "remote.origin.url")
_HEAD = ("rev-parse", "--verify", "HEAD^{commit}")


def _ask(folder: Path, *words: str) -> str:
    return git.git(folder, *words).decode("utf-8", "replace").strip()
