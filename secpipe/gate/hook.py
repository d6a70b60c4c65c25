"""The git hook: beside an existing one, and removed byte for byte."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from secpipe.core.errors import ConfigError, InputError, SecpipeError
from secpipe.gate import starter_ci
from secpipe.gate.request import TREE_POLICY
from secpipe.system import files, git, process

KINDS = ("pre-push", "pre-commit")
_MARK = "# secpipe:hook:1"
_SAVED = ".before-secpipe"
#: What `init`, `keys init` and `sign` leave in a project.
_OURS = (TREE_POLICY, *(place for place, _ in starter_ci.STEPS.values()), "keys/r*", "*.sig")
_SCRIPT = """#!/bin/sh
{mark}
# Installed by `secpipe hook install {kind}`; `secpipe hook uninstall {kind}` restores what was here before.
input=$(cat)
feed() {{ [ -z "$input" ] || printf '%s\\n' "$input"; }}
before="$(dirname -- "$0")/{kind}{saved}"
if [ -x "$before" ]; then
  feed | "$before" "$@" || exit $?
fi
feed | {command}
"""


def install(repository: Path, kind: str, options: tuple[str, ...]) -> Path:
    """Install the hook and return its place; an existing one is kept and runs first.

    `options` are those of `secpipe check` and stand in the hook's text, outside the tree. The interpreter is started so
    that neither the work tree nor `PYTHON*` variables can change what is imported. Installing twice updates it.
    """
    place = _place(repository, kind)
    saved = place.with_name(place.name + _SAVED)
    if place.exists() and not _ours(place):
        if saved.exists():
            raise InputError(f"{saved} is in the way", hint=f"secpipe hook uninstall {kind}")
        files.make_folder(place.parent)
        files.rename(place, saved)
    words = [*process.ourselves(), "hook", "run", kind, *options]
    script = _SCRIPT.format(mark=_MARK, kind=kind, saved=_SAVED, command=shlex.join(words))
    files.make_folder(place.parent)
    files.write_atomic(place, script.encode("utf-8", "surrogateescape"), mode=0o755)
    return place


def uninstall(repository: Path, kind: str) -> Path:
    """Remove the hook and put the former one back as it was; raises InputError where the hook is not ours."""
    place = _place(repository, kind)
    if not place.exists() or not _ours(place):
        raise InputError(f"there is no secpipe hook at {place}")
    saved = place.with_name(place.name + _SAVED)
    if saved.exists():
        files.rename(saved, place)
    else:
        files.remove(place)
    return place


def _ours(place: Path) -> bool:
    return _MARK.encode() in files.read_bytes(place, 1 << 20)


def _place(repository: Path, kind: str) -> Path:
    repository = repository.resolve()  # git runs in a folder of its own
    if kind not in KINDS:
        raise ConfigError(f'unknown hook "{kind}"', hint=f"one of: {', '.join(KINDS)}")
    try:
        top = git.git(repository, "rev-parse", "--path-format=absolute", "--git-common-dir")
    except InputError as error:
        raise ConfigError(f"{repository} is no git repository", hint="git init") from error
    common = Path(os.fsdecode(top.rstrip(b"\n")))
    configured = _configured(repository)
    if not configured:
        # Git's own folder, which no pull request reaches: where its owner made it a link, that is followed.
        return (common / "hooks").resolve() / kind
    folder = Path(configured).expanduser()
    # A relative core.hooksPath counts from where hooks run: the top of the work tree, or the bare repository itself.
    return (folder if folder.is_absolute() else _hook_cwd(repository, common) / folder) / kind


def _configured(repository: Path) -> str:
    try:
        # Last value wins; the wrapper's own `-c core.hooksPath` must not answer, so the files are asked.
        listing = git.git(repository, "config", "--show-scope", "--null", "--get-all", "core.hooksPath")
    except InputError:
        return ""
    fields = listing.split(b"\0")
    values = [fields[i + 1] for i in range(0, len(fields) - 1, 2) if fields[i] != b"command"]
    return os.fsdecode(values[-1]) if values else ""


def _hook_cwd(repository: Path, common: Path) -> Path:
    try:
        top = git.git(repository, "rev-parse", "--path-format=absolute", "--show-toplevel")
    except InputError:
        return common
    return Path(os.fsdecode(top.rstrip(b"\n")))


def state(folder: Path) -> str:
    """Return whether the hook is `installed` or `missing`, or "" where `folder` is no repository of its own."""
    if not (folder / ".git").exists():
        return ""
    try:
        place = _place(folder, "pre-push")
        return "installed" if place.exists() and _ours(place) else "missing"
    except SecpipeError:
        return ""


def within(folder: Path, place: Path) -> bool:
    """Whether the hook lies in the work tree itself, where a change of the project reaches it."""
    try:
        top = git.git(folder.resolve(), "rev-parse", "--path-format=absolute", "--show-toplevel")
    except InputError:
        return False
    inside = Path(os.path.relpath(place.resolve(), os.fsdecode(top.rstrip(b"\n")))).parts
    return inside[0] not in ("..", ".git")


def push(folder: Path, kind: str = "pre-push") -> tuple[tuple[str, ...], ...]:
    """Return the git commands that the hook in the repository `folder` would judge, as typed from here.

    What `secpipe` made and git does not know yet comes first: a push publishes what is committed.
    """
    lead = ("git",) if folder.resolve() == Path.cwd() else ("git", "-C", str(folder))
    folder = folder.resolve()
    new = [spec for spec in _OURS if git.git(folder, "ls-files", "--others", "--exclude-standard", "--", spec)]
    added = [(*lead, "add", *new), (*lead, "commit", "-m", "Gate releases with secpipe")] if new else []
    if kind == "pre-commit":
        return tuple(added) or ((*lead, "commit"),)
    try:
        git.git(folder, "rev-parse", "--verify", "--quiet", "@{upstream}")
        return *added, (*lead, "push")
    except InputError:
        remotes = os.fsdecode(git.git(folder, "remote")).split()
        return (*added, (*lead, "push", "-u", remotes[0], "HEAD")) if remotes else tuple(added)
