"""Start secpipe from one file, as its `__main__.py`: unpack into a private folder, hold that against the digests, run.

Standard library only. Compiled parts cannot be loaded from an archive, so everything is unpacked once into
`CACHE/pyz/DIGEST` (0700). Each start reads the whole folder again: whatever is changed, added, linked, or not the
user's own is neither run nor mended; this start then uses a fresh folder of its own and says so.
"""

from __future__ import annotations

import atexit
import hashlib
import json
import os
import shutil
import stat
import sys
import tempfile
import zipfile
import zlib

CONTENTS = "contents.json"
PREFIX = "site/"


def unfit(contents: dict) -> str:  # type: ignore[type-arg]  # Python 3.7 must be able to read this and say no
    """Return why this file cannot run here, or ""."""
    running = f"{sys.version_info.major}.{sys.version_info.minor}"
    if sys.implementation.name != "cpython" or running != contents["python"]:
        return f"is for CPython {contents['python']}, and this is {sys.implementation.name} {running}"
    system, _, rest = contents["platform"].partition("_")
    if system == "manylinux":
        libc = os.confstr("CS_GNU_LIBC_VERSION") if sys.platform == "linux" else None
        major, minor, machine = rest.split("_", 2)
        if not libc or os.uname().machine != machine:
            return f"is for Linux with glibc on {machine}"
        if tuple(map(int, libc.split()[1].split(".")[:2])) < (int(major), int(minor)):
            return f"needs glibc {major}.{minor}, and this is {libc}"
    return ""


def cache() -> str:
    """Return secpipe's cache folder, by the rule of `secpipe.system.places`."""
    if os.environ.get("SECPIPE_CACHE"):
        return os.environ["SECPIPE_CACHE"]
    if sys.platform == "win32":
        return os.path.join(os.environ.get("LOCALAPPDATA", os.path.expanduser("~/AppData/Local")), "secpipe", "cache")
    return os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "secpipe")


def exposed(path: str) -> str:
    """Return why others could exchange what lies under `path`, or ""."""
    if not hasattr(os, "getuid"):
        return ""  # Windows: the profile's own access list
    while True:
        found = os.lstat(path)
        if found.st_uid not in (0, os.getuid()):
            return f"{path} belongs to another user"
        shared = found.st_mode & (0o002 if found.st_gid == os.getegid() else 0o022)
        if shared and not found.st_mode & stat.S_ISVTX:
            return f"{path} can be written by others"
        if path == os.path.dirname(path):
            return ""
        path = os.path.dirname(path)


def changed(path: str, found: os.stat_result, digest: str | None) -> str:
    """Return what is wrong with one entry of the folder (`digest` is None for a folder), or ""."""
    if not (stat.S_ISDIR if digest is None else stat.S_ISREG)(found.st_mode):
        return f"{path} is not what was unpacked"
    if hasattr(os, "getuid") and (found.st_uid != os.getuid() or found.st_mode & 0o077):
        return f"{path} is not private"
    if digest is not None:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
        with open(handle, "rb") as stream:
            if hashlib.sha256(stream.read()).hexdigest() != digest:
                return f"{path} was changed"
    return ""


def differs(folder: str, files: dict[str, str]) -> str:
    """Return the first way in which the folder is not exactly `files`, private to this user, or ""."""
    wanted: dict[str, str | None] = dict(files)
    for name in files:
        while "/" in name:
            name = name.rpartition("/")[0]
            wanted[name] = None
    problem, waiting = changed(folder, os.lstat(folder), None), [""]
    while waiting and not problem:
        prefix = waiting.pop()
        for entry in os.scandir(os.path.join(folder, prefix)):
            name = prefix + entry.name
            if name not in wanted:
                return f"{entry.path} was added"
            digest = wanted.pop(name)
            problem = problem or changed(entry.path, entry.stat(follow_symlinks=False), digest)
            if digest is None:
                waiting.append(name + "/")
    return problem or (f"{folder} lacks {min(wanted)}" if wanted else "")


def unpack(archive: str, folder: str, files: dict[str, str]) -> None:
    """Write `files` into the new, private `folder`; raises ValueError for an archive that is damaged."""
    made = {folder}
    with zipfile.ZipFile(archive) as source:
        for name in sorted(files):
            parent = folder
            for part in name.split("/")[:-1]:
                parent = os.path.join(parent, part)
                if parent not in made:
                    os.mkdir(parent, 0o700)
                    made.add(parent)
            try:
                data = source.read(PREFIX + name)
            except (zipfile.BadZipFile, KeyError, EOFError, zlib.error):
                data = b""
            if hashlib.sha256(data).hexdigest() != files[name]:
                raise ValueError(f"{archive} is damaged: {name}")
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
            with open(os.open(os.path.join(parent, name.rpartition("/")[2]), flags, 0o600), "wb") as stream:
                stream.write(data)


def kept(archive: str, name: str, files: dict[str, str]) -> tuple[str, str]:
    """Return the kept folder, unpacked now if there is none, and why it must not be used, or ""."""
    folder = os.path.join(cache(), "pyz", name)
    try:
        if not os.path.isabs(folder):
            return folder, "there is no home folder"
        base = os.path.realpath(os.path.dirname(folder))
        folder = os.path.join(base, name)
        os.makedirs(base, 0o700, exist_ok=True)
        problem = exposed(base)
        if not problem and not os.path.lexists(folder):
            scratch = tempfile.mkdtemp(prefix=name[:8] + ".", dir=base)
            try:
                unpack(archive, scratch, files)
                os.rename(scratch, folder)
            except BaseException as error:
                shutil.rmtree(scratch, ignore_errors=True)
                if not isinstance(error, OSError):
                    raise  # else another start was faster, or the disk is full: what stands there is judged below
        return folder, problem or differs(folder, files)
    except OSError as error:
        return folder, str(error)


def place(archive: str, raw: bytes, files: dict[str, str]) -> str:
    """Return a folder that holds exactly `files`: the kept one, or a fresh one that ends with this start."""
    folder, problem = kept(archive, hashlib.sha256(raw).hexdigest(), files)
    if problem:
        print(f"secpipe: unpacked afresh for this start: {problem}\n  do: rm -r {folder}", file=sys.stderr)
        folder = tempfile.mkdtemp(prefix="secpipe-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        unpack(archive, folder, files)
    return folder


def start() -> None:
    """Run secpipe from its own parts alone: no package of this machine stands beside them."""
    loader = globals()["__loader__"]  # Python's own importer of this very file
    raw = loader.get_data(CONTENTS)
    contents, archive = json.loads(raw), os.path.abspath(loader.archive)
    if why := unfit(contents):
        print(f"secpipe: error: {os.path.basename(archive)} {why}", file=sys.stderr)
        sys.exit(2)
    sys.dont_write_bytecode = True  # a .pyc beside its source would be run, and nothing here vouches for it
    others = [each for each in sys.path if os.path.basename(each) not in ("site-packages", "dist-packages")]
    try:
        sys.path[:] = [place(archive, raw, contents["files"]), *others]
    except (OSError, ValueError) as error:
        print(f"secpipe: error: cannot unpack: {error}", file=sys.stderr)
        sys.exit(3)
    from secpipe.cli.main import main

    main()


if __name__ == "__main__":
    start()
