"""Which settings plausibly govern a file: those beside it or above it, not those of another project of the tree."""

from __future__ import annotations

import re

_SETTINGS = re.compile(r"(?:^|/)(?:\.env[^/]*|[^/]+\.env|\.envrc|(?:docker-)?compose[^/]*\.ya?ml)$")
#: Folders whose settings are for the whole tree.
_SHARED = re.compile(
    r"\..*|(?:deploy(?:ment)?s?|infra\w*|ops|k8s|kube\w*|helm|charts?|docker|compose|conf(?:ig)?s?|configuration|envs?"
    r"|environments?|settings|ci|build|scripts?|terraform|ansible|manifests?|overlays|stacks?|etc|secrets?)(?:[-_].*)?",
    re.I,
)


def common(left: str, right: str) -> int:
    """Return how many folders two paths share."""
    count = 0
    for a, b in zip(left.split("/")[:-1], right.split("/")[:-1], strict=False):
        if a != b:
            break
        count += 1
    return count


def foreign(setting: str, path: str) -> bool:
    """Tell whether a file of settings belongs to another project of the tree: it stands in another top folder."""
    mine, theirs = path.partition("/"), setting.partition("/")
    if not _SETTINGS.search(setting) or not theirs[1] or not mine[1]:
        return False
    return mine[0] != theirs[0] and not _SHARED.fullmatch(theirs[0])


def governs(setting: str, path: str) -> bool:
    """Tell whether a setting stands in the folder of the file or above it, or in one of settings there, so that it
    plausibly governs it.
    """
    folder = setting.rpartition("/")[0]
    while folder and _SETTINGS.search(setting) and _SHARED.fullmatch(folder.rpartition("/")[2]):
        folder = folder.rpartition("/")[0]
    return not folder or path.startswith(f"{folder}/")
