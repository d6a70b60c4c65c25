"""git with everything switched off by which a hostile repository could run code: plumbing only, no work tree."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from secpipe.core.artifact import Skip
from secpipe.core.errors import InputError, SecpipeError, UnsafeInput
from secpipe.core.limits import DEFAULT, Limits
from secpipe.core.text import printable
from secpipe.system import files, process

# Configuration that names programs; attributes that name filters; protocols that fetch.
_OFF = (
    "--no-pager",
    "-c", "core.fsmonitor=false",
    "-c", "core.hooksPath=/dev/null",
    "-c", "core.attributesFile=/dev/null",
    "-c", "core.sshCommand=false",
    "-c", "core.alternateRefsCommand=false",
    "-c", "diff.external=",
    "-c", "protocol.allow=never",
    "-c", "submodule.recurse=false",
)  # fmt: skip
_ENVIRONMENT = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
}
_REF = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./+-]{0,250}")
_GITLINK = "160000"
_SYMLINK = "120000"


class Absent(InputError):
    """A commit was read, and it holds nothing at the path asked for."""


@dataclass(frozen=True, slots=True)
class Blob:
    """One path of a commit or of the index."""

    mode: str
    object: str
    path: str


def git(repository: Path, *arguments: str, stdin: bytes = b"", limit: int = DEFAULT.process_bytes) -> bytes:
    """Return the output of a plumbing command that reads objects, the index or configuration, never the work tree.

    Raises InputError when git says no, UnsafeInput when it says too much.
    """
    argv = ["git", *_OFF, "-C", str(repository), *arguments]
    done = process.run(argv, stdin=stdin, extra=_ENVIRONMENT | _repository_variables(), timeout=120, limit=limit)
    if done.code != 0:
        words = printable(done.stderr.decode("utf-8", "replace").strip().split("\n")[0], 200)
        name = next(word for word in arguments if not word.startswith("-"))
        raise InputError(f"git {name}: {words or f'exit code {done.code}'}")
    if done.truncated:
        raise UnsafeInput(f"git {arguments[0]} says more than {limit:,} bytes")
    return done.stdout


def _repository_variables() -> dict[str, str]:
    """Return what git tells a hook about the repository it runs in (worktrees and bare repositories need it)."""
    return {name: os.environ[name] for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE") if name in os.environ}


def commit_blobs(repository: Path, commit: str) -> list[Blob]:
    """Return every path of a commit (40 or 64 hex digits)."""
    return _parse(git(repository, "ls-tree", "-r", "-z", "--full-tree", _hex(commit)), tree=True)


def index_blobs(repository: Path) -> list[Blob]:
    """Return every path of the index: what a commit would hold."""
    return _parse(git(repository, "ls-files", "-s", "-z", "--full-name", ":/"), tree=False)


def _hex(name: str) -> str:
    if len(name) not in (40, 64) or set(name) - set("0123456789abcdef"):
        raise InputError(f'"{printable(name, 80)}" is no object name')
    return name


def _parse(listing: bytes, *, tree: bool) -> list[Blob]:
    blobs = []
    for line in filter(None, listing.split(b"\0")):
        about, _, path = line.partition(b"\t")
        words = about.decode("ascii", "replace").split()
        blobs.append(Blob(words[0], words[2] if tree else words[1], os.fsdecode(path)))
    return blobs


def export(repository: Path, blobs: Sequence[Blob], folder: Path, limits: Limits = DEFAULT) -> tuple[Skip, ...]:
    """Write blobs below `folder` as they stand in the object store: no filters, no hooks, no attributes.

    Returns submodules, of which this repository holds nothing. Raises UnsafeInput for a path that leaves the folder.
    """
    if len(blobs) > limits.tree_files:
        raise UnsafeInput(f"more than {limits.tree_files:,} files")
    submodules = tuple(Skip(blob.path, "a submodule without its checkout") for blob in blobs if blob.mode == _GITLINK)
    wanted = [blob for blob in blobs if blob.mode != _GITLINK]
    links = {blob.path for blob in wanted if blob.mode == _SYMLINK}
    for blob in wanted:
        parts = PurePosixPath(blob.path).parts
        if links & {str(parent) for parent in PurePosixPath(blob.path).parents}:
            raise UnsafeInput(f"a link in the repository stands for a folder of it: {printable(blob.path, 200)}")
        if not parts or blob.path.startswith("/") or {"..", ".git"} & {part.lower() for part in parts}:
            raise UnsafeInput(f"unsafe path in the repository: {printable(blob.path, 200)}")
    _write(repository, wanted, folder)
    return submodules


def _write(repository: Path, blobs: Iterable[Blob], folder: Path) -> None:
    """Stream the blobs' contents through one `git cat-file --batch`."""
    environment = process.environment(_ENVIRONMENT | _repository_variables())
    argv = ["git", *_OFF, "-C", str(repository), "cat-file", "--batch"]
    with contextlib.ExitStack() as stack:
        try:
            child = stack.enter_context(
                subprocess.Popen(
                    argv, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
                )
            )
        except OSError as error:
            raise SecpipeError(f"cannot start git: {files.reason(error)}") from error
        stack.callback(child.kill)
        if child.stdin is None or child.stdout is None:
            raise SecpipeError("git was started without its pipes")
        for blob in blobs:
            child.stdin.write(f"{_hex(blob.object)}\n".encode())
            child.stdin.flush()
            header = child.stdout.readline().split()
            if len(header) != 3 or header[1] != b"blob":
                raise InputError(f"{printable(blob.path)} is not in the object store")
            target = folder / blob.path
            files.make_folder(target.parent)
            size = int(header[2])
            if blob.mode == _SYMLINK:
                files.make_link(target, child.stdout.read(min(size, DEFAULT.path_bytes)))
            else:
                files.write_stream(target, child.stdout, size, executable=blob.mode == "100755")
            child.stdout.read(1)


@dataclass(frozen=True, slots=True)
class Enclosing:
    """The repository that a folder lies in. `prefix` is the folder's path in it, "" or with a slash at its end."""

    folder: Path
    prefix: str


def enclosing(folder: Path) -> Enclosing:
    """Return the repository whose work tree holds `folder`; raises InputError where none does.

    A folder that only looks like a bare repository is none: whoever can add files to a project can add those, with refs
    and configuration of their own (git itself refuses such a path only where it is called `.git`).
    """
    folder = folder.resolve()  # git runs in a folder of its own
    listing = git(folder, "rev-parse", "--path-format=absolute", "--absolute-git-dir", "--is-inside-work-tree")
    store, inside, *_ = [*os.fsdecode(listing).split("\n"), "", ""]
    if inside != "true" or (".git" not in Path(store).parts and "GIT_DIR" not in os.environ):
        raise InputError(f"{printable(str(folder))} is in no work tree of a git repository")
    prefix = os.fsdecode(git(folder, "rev-parse", "--show-prefix")).rstrip("\n")
    return Enclosing(folder, prefix)


def resolve(where: Enclosing, name: str) -> tuple[str, str]:
    """Return (full name, commit) of a commit's digest, of `refs/...`, or of a branch, local or remote.

    Tags count only by their full name: git would take a tag `origin/main` before the branch, and whoever may push tags
    could make one. Raises InputError for a name that is none, that is both a local and a remote branch, or HEAD, which
    is what is under test.
    """
    if len(name) in (40, 64) and not set(name) - set("0123456789abcdef"):
        return name, _commit(where, name)
    if not _REF.fullmatch(name) or ".." in name or name.endswith((".lock", "/", ".")):
        raise InputError(f'"{printable(name, 100)}" is no name of a branch', hint="git:origin/main[:PATH]")
    if name == "HEAD" or name.endswith("/HEAD"):
        raise InputError("HEAD is what is under test, and moves with it", hint="name a protected branch")
    wanted = [name] if name.startswith("refs/") else [f"refs/heads/{name}", f"refs/remotes/{name}"]
    listing = git(where.folder, "for-each-ref", "--format=%(refname)", *wanted)
    found = [line for line in os.fsdecode(listing).splitlines() if line in wanted]
    if not found:
        raise InputError(f"this repository has no branch {printable(name, 100)}", hint="git fetch it first")
    if len(found) > 1:
        raise InputError(f"{printable(name, 100)} is two branches", hint=f"name one: {' or '.join(found)}")
    return found[0], _commit(where, found[0])


def _commit(where: Enclosing, name: str) -> str:
    listing = git(where.folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    return _hex(os.fsdecode(listing).strip())


def read_at(where: Enclosing, commit: str, path: str, limit: int) -> bytes:
    """Return the bytes of a regular file as `commit` holds it, at most `limit`; raises InputError or UnsafeInput.

    Raises Absent where the commit could be read and has nothing there.

    `path` counts from the top of the repository. Nothing is filtered or converted, and no link is followed.
    """
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts:
        raise InputError(f'"{printable(path, 200)}" is no path in the repository')
    plain = "/".join(parts)
    listing = git(where.folder, "--literal-pathspecs", "ls-tree", "-z", "--full-tree", _hex(commit), "--", plain)
    blob = next((blob for blob in _parse(listing, tree=True) if blob.path == plain), None)
    if blob is None:
        raise Absent(f"{printable(plain, 200)} is not there in {commit[:12]}")
    if not blob.mode.startswith("100"):
        raise InputError(f"{printable(plain, 200)} is no regular file in {commit[:12]}")
    return git(where.folder, "cat-file", "blob", _hex(blob.object), limit=limit)
