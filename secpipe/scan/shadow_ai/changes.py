"""Which files of a work tree differ from a commit: by content, with a git that runs nothing the repository asks for."""

from __future__ import annotations

import hashlib
import os
import re

from secpipe.core.errors import InputError, SecpipeError
from secpipe.core.limits import DEFAULT, Limits
from secpipe.core.protocols import Tree
from secpipe.core.text import printable
from secpipe.system import process

# Only `rev-parse` and `ls-tree` are used: they read objects, never the index, so no filter, hook, fsmonitor, external
# diff or textconv of a hostile configuration has an occasion. Lazy fetching from a promisor remote is off as well.
_SAFE = (
    "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "core.attributesFile=/dev/null", "-c",
    "core.pager=cat",
    "-c", "protocol.allow=never", "-c", "core.sshCommand=false", "-c", "credential.helper=", "--no-pager",
    "--no-replace-objects", "--literal-pathspecs",
)  # fmt: skip
_ENVIRONMENT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "",
}
_SECONDS = 60.0
_ENTRY = re.compile(rb"(?P<mode>\d{6}) (?P<kind>blob|commit) (?P<id>[0-9a-f]{40}(?:[0-9a-f]{24})?)\t(?P<path>[^\0]+)")


def changed(
    tree: Tree, root: str | os.PathLike[str], base: str, program: str, limits: Limits = DEFAULT
) -> frozenset[str]:
    """Return the paths of `tree` whose content differs from commit `base`, or that it does not have.

    `program` is git. A file that a filter would change (line ends, LFS) counts as changed. Raises InputError when
    `base` is no commit of the repository, SecpipeError when git fails.
    """
    if not base or base.startswith("-"):
        raise InputError(f'"{printable(base, 80)}" is no commit')
    commit = (
        _git(program, root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{base}^{{commit}}")
        .strip()
        .decode("ascii", "replace")
    )
    if not re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", commit):
        raise InputError(
            f'"{printable(base, 80)}" is no commit of this repository',
            hint="fetch it first; a shallow clone may lack it",
        )
    known: dict[str, str] = {}
    for row in _git(program, root, "ls-tree", "-r", "-z", commit).split(b"\0"):
        match = _ENTRY.fullmatch(row)
        if match:
            known[os.fsdecode(match["path"])] = match["id"].decode()
    return frozenset(entry.path for entry in tree.files if _differs(tree, entry.path, known.get(entry.path), limits))


def _differs(tree: Tree, path: str, blob: str | None, limits: Limits) -> bool:
    entry = tree.find(path)
    if blob is None or entry is None or entry.size > limits.text_bytes:
        return True
    try:
        data = tree.read(entry, limits.text_bytes)
    except InputError:
        return True
    hasher = hashlib.new("sha1" if len(blob) == 40 else "sha256", usedforsecurity=False)
    hasher.update(b"blob %d\0" % len(data))
    hasher.update(data)
    return hasher.hexdigest() != blob


def _git(program: str, root: str | os.PathLike[str], *arguments: str) -> bytes:
    result = process.run([program, *_SAFE, *arguments], cwd=root, extra=_ENVIRONMENT, timeout=_SECONDS)
    if result.truncated:
        raise SecpipeError("git lists more than can be read")
    if result.code == 1 and arguments[0] == "rev-parse":
        return b""
    if result.code != 0:
        text = result.stderr.decode("utf-8", "replace").strip().split("\n")[-1]
        raise SecpipeError(f"git {arguments[0]} failed: {printable(text, 200)}")
    return result.stdout
