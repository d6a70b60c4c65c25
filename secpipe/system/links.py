"""Where a path leads: links are followed one by one, and none that lies in a tree under judgement.

A pull request can plant `report.json -> ~/.bashrc`, and a folder `out -> /etc`. Every writer asks here.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from pathlib import Path

from secpipe.core.errors import ConfigError, SecpipeError
from secpipe.core.text import printable

_MAX_LINKS = 40
_DESCRIPTOR = re.compile(r"/dev/fd/(\d{1,6})|/proc/(self|thread-self|\d+)(?:/task/\d+)?/fd/(\d{1,6})")
_STANDARD = {"/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2}

#: Folders under judgement by device and inode: a spelling or a second mount of one changes nothing.
_judged: set[tuple[int, int]] = set()
#: Files that this run goes by: none of them may lie in what is judged.
_relied_on: set[str] = set()


def judge(path: str | os.PathLike[str]) -> None:
    """Remember a tree under judgement for the rest of this process: no writer follows a link that lies in it.

    Raises ConfigError where a file that this run relies on lies in it.
    """
    place = os.path.realpath(path)
    _judged.update(_identity(place) if os.path.isdir(place) else ())
    _judged.update(_work_tree(place))
    for file in _relied_on:
        if is_judged(file):
            raise ConfigError(
                f"{printable(file)} sets options and lies in what is judged: whoever changes the one changes the other",
                hint="SECPIPE_CONFIG=off does without, XDG_CONFIG_HOME names another folder",
            )


def rely_on(path: str | os.PathLike[str]) -> None:
    """Remember a file that sets options of this run, before anything is judged."""
    _relied_on.add(os.path.realpath(path))


def is_judged(path: str | os.PathLike[str]) -> bool:
    """Whether `path` lies in a tree under judgement, or in the git work tree around the current folder."""
    here = Path(os.path.realpath(path))
    trees = _judged | _work_tree(".")
    return any(_identity(folder) & trees for folder in (here, *here.parents))


def follow(path: str | os.PathLike[str]) -> Path | int:
    """Return where `path` leads, free of links, or the number of the open descriptor that it names.

    The last part need not exist. Raises ConfigError for a link that lies in a judged tree or in the git work tree
    around the current folder, for a missing parent folder and for what is no path at all.
    """
    text = os.fspath(path)
    if not text or "\0" in text:
        raise ConfigError("an empty path names no file" if not text else "a path cannot hold a NUL byte")
    if (number := descriptor(os.path.normpath(text))) is not None:
        return number
    trees, asked, followed = _judged | _work_tree("."), Path(text).absolute(), 0
    todo, here = list(reversed(asked.parts[1:])), Path(asked.anchor)
    while todo:
        part = todo.pop()
        if part == "..":
            here = here.parent
            continue
        place = here / part
        if not todo and (number := descriptor(str(place))) is not None:
            return number
        info = _stat(place, path, last=not todo)
        if info is None or not stat.S_ISLNK(info.st_mode):
            here = place
            continue
        _allow(place, trees)
        followed += 1
        if followed > _MAX_LINKS:
            raise ConfigError(f"{printable(text)} is a link that leads round in a circle")
        target = Path(os.readlink(place))
        here = Path(target.anchor) if target.is_absolute() else here
        todo += reversed(target.parts[1:] if target.is_absolute() else target.parts)
    return here


def descriptor(path: str) -> int | None:
    """Return the number of our own open descriptor that `path` names (`/dev/stdout`, `/dev/fd/63`), None otherwise."""
    if os.name != "posix":
        return None
    if path in _STANDARD:
        return _STANDARD[path]
    found = _DESCRIPTOR.fullmatch(path)
    if found is None or found[2] not in {None, "self", "thread-self", str(os.getpid())}:
        return None
    return int(found[1] or found[3])


def _stat(place: Path, asked: str | os.PathLike[str], *, last: bool) -> os.stat_result | None:
    try:
        info = os.lstat(place)
    except FileNotFoundError:
        if last:
            return None
        shown = printable(str(place))
        raise ConfigError(f"the folder {shown} does not exist", hint=f"mkdir -p {shown}") from None
    except OSError as error:
        what = f"{printable(os.fspath(asked))} cannot be reached: {(error.strerror or type(error).__name__).lower()}"
        raise (ConfigError if error.errno == errno.ENAMETOOLONG else SecpipeError)(what) from error
    if not last and not stat.S_ISDIR(info.st_mode) and not stat.S_ISLNK(info.st_mode):
        raise ConfigError(f"{printable(str(place))} is not a folder", hint="name a file in a folder that exists")
    return info


def _allow(link: Path, trees: set[tuple[int, int]]) -> None:
    if any(_identity(folder) & trees for folder in link.parents):
        raise ConfigError(
            f"{printable(str(link))} is a link inside the project: whoever changed the project chose where it leads",
            hint="name a place outside the project, or remove the link",
        )


def _work_tree(place: str) -> set[tuple[int, int]]:
    """Return the top of the git work tree around `place`, if there is one: a pull request can change all of it."""
    here = Path(os.path.realpath(place))
    top = next((folder for folder in (here, *here.parents) if os.path.lexists(folder / ".git")), None)
    return _identity(top) if top else set()


def _identity(folder: str | Path) -> set[tuple[int, int]]:
    try:
        info = os.stat(folder)
    except OSError:
        return set()
    return {(info.st_dev, info.st_ino)}
