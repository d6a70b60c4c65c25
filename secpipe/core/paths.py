"""Paths inside a tree: relative, with `/`, never leaving it."""

from __future__ import annotations

#: Folders of installed packages, by the name that their package manager looks for. What is copied into `vendor` ships.
_INSTALLED = frozenset({"node_modules", "site-packages", "dist-packages"})


def is_installed(path: str) -> bool:
    """Tell whether a file stands in a folder of installed packages."""
    return not _INSTALLED.isdisjoint(path.split("/")[:-1])


def folder_of(path: str) -> str:
    """Return the folder part of a relative path, "" for the top."""
    return path.rpartition("/")[0]


def join(folder: str, name: str) -> str | None:
    """Return `name` as seen from `folder`, both relative to the tree; None where it leaves the tree."""
    if name.startswith(("/", "\\", "~")) or ":" in name.split("/")[0]:
        return None
    parts: list[str] = []
    for part in f"{folder}/{name}".replace("\\", "/").split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in {"", "."}:
            parts.append(part)
    return "/".join(parts)


def is_page(path: str) -> bool:
    """Whether a file is a page that a browser opens, by its ending."""
    return path.lower().endswith((".html", ".htm", ".xhtml", ".svg", ".hta"))
