"""How paths are named in a command or a sentence: none is taken for an option, a pattern or another path."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from secpipe.core.text import printable


def option(name: str, value: str) -> tuple[str, ...]:
    """Return an option with its value, so that no value is taken for an option."""
    return (f"{name}={value}",) if value.startswith("-") else (name, value)


def glob(path: str) -> str:
    """Return the glob that matches this path and no other."""
    return "".join(f"[{char}]" if char in "*?[" else char for char in path)


def holds(folder: str, paths: Iterable[str]) -> bool:
    """Whether one of the paths is the folder or below it."""
    return any(f"{path}/".startswith(f"{folder}/") for path in paths)


def signable(path: str) -> bool:
    """Whether a manifest can name the file: valid Unicode on one line."""
    return not any(char in "\r\n" or 0xD800 <= ord(char) <= 0xDFFF for char in path)


def common(paths: Sequence[str]) -> str:
    """Return a glob for the folder that holds all of them."""
    folders = [path.split("/")[:-1] for path in paths]
    same = [parts[0] for parts in zip(*folders, strict=False) if len(set(parts)) == 1]
    depth = next((n for n, parts in enumerate(zip(*folders, strict=False)) if len(set(parts)) > 1), len(same))
    return "/".join([*map(glob, same[:depth]), "*"])


def named(paths: Sequence[str]) -> str:
    """Return the first of the paths in words, and how many more there are."""
    shown = ", ".join(printable(path, 200) for path in paths[:3])
    return f"{shown} and {len(paths) - 3:,} more" if len(paths) > 3 else shown
