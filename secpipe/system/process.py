"""The one subprocess: an argument list, a scrubbed environment, a timeout and a cap on output. Never a shell."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from secpipe.core.errors import MissingDependency, SecpipeError
from secpipe.core.limits import DEFAULT

# What a child may know. No tokens, no PYTHON* (PYTHONPATH, PYTHONSTARTUP), no GIT_*, no loader variables.
_PASSED = ("PATH", "HOME", "LANG", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "SSL_CERT_FILE", "SSL_CERT_DIR")


@dataclass(frozen=True, slots=True)
class Result:
    """What a finished process left: its exit code and output, each cut at the cap."""

    code: int
    stdout: bytes
    stderr: bytes
    truncated: bool = False


def run(
    argv: Sequence[str],
    *,
    cwd: str | os.PathLike[str] | None = None,
    stdin: bytes = b"",
    extra: Mapping[str, str] | None = None,
    timeout: float = DEFAULT.process_seconds,
    limit: int = DEFAULT.process_bytes,
) -> Result:
    """Run `argv` and return its result; the whole process group is killed at `timeout` seconds.

    The child sees PATH, HOME, a temporary folder, `LC_ALL=C.UTF-8` and `extra`. Its working folder is an empty
    temporary one unless given, so that nothing is picked up from the tree under test. Raises MissingDependency when the
    program is absent, SecpipeError on a timeout.
    """
    with contextlib.ExitStack() as stack:
        where = str(cwd) if cwd is not None else stack.enter_context(tempfile.TemporaryDirectory(prefix="secpipe-"))
        out = stack.enter_context(tempfile.TemporaryFile())
        err = stack.enter_context(tempfile.TemporaryFile())
        given = stack.enter_context(tempfile.TemporaryFile())
        given.write(stdin)
        given.seek(0)
        try:
            process = subprocess.Popen(
                list(argv),
                cwd=where,
                env=environment(extra),
                stdin=given,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        except OSError as error:
            raise MissingDependency(f"cannot start {argv[0]}: {(error.strerror or str(error)).lower()}") from error
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired as error:
            _kill(process)
            raise SecpipeError(f"{Path(argv[0]).name} took longer than {timeout:.0f} s and was stopped") from error
        except BaseException:
            _kill(process)
            raise
        out.seek(0)
        err.seek(0)
        stdout = out.read(limit + 1)
        return Result(code, stdout[:limit], err.read(limit), truncated=len(stdout) > limit)


def become(argv: Sequence[str]) -> NoReturn:
    """Replace this process by the program `argv[0]` of the PATH, with our own environment; without exec, wait for it.

    Raises MissingDependency when it cannot be started.
    """
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    try:
        if sys.platform != "win32":
            os.execvp(argv[0], list(argv))  # noqa: S606  # a list, never a shell; the words are the caller's own
        else:
            raise SystemExit(subprocess.run(list(argv), check=False).returncode)
    except (OSError, ValueError) as error:
        told = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise MissingDependency(f"cannot start {argv[0]}: {told.lower()}") from error


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the scrubbed environment of a child, with `extra` added."""
    return (
        {name: os.environ[name] for name in _PASSED if name in os.environ} | {"LC_ALL": "C.UTF-8"} | dict(extra or {})
    )


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if sys.platform != "win32":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


def ourselves() -> list[str]:
    """Return the words that start this very secpipe again, blind to the work tree and to `PYTHON*` variables."""
    archive = getattr(getattr(sys.modules["__main__"], "__loader__", None), "archive", "")
    if archive:  # the one-file release: nothing outside of it can be imported
        return [sys.executable, "-I", os.path.abspath(archive)]
    return [sys.executable, "-E", "-P", "-m", "secpipe"]


def find_program(name: str, *, outside: str | os.PathLike[str]) -> str | None:
    """Return the absolute path of program `name`: beside this interpreter first, then on the user's PATH.

    Relative PATH entries, and programs whose real path lies inside `outside` (the tree under test), do not count.
    """
    forbidden = os.path.realpath(outside)
    folders = [sysconfig.get_path("scripts"), str(Path(sys.executable).parent)]
    folders += os.environ.get("PATH", "").split(os.pathsep)
    for folder in folders:
        if not os.path.isabs(folder):
            continue
        program = shutil.which(name, path=folder)
        if program is None:
            continue
        inside = any(_within(place, forbidden) for place in (os.path.realpath(program), os.path.realpath(folder)))
        # The interpreter's own environment may stand inside the tree (secpipe checking itself): the user started it.
        if not inside or os.path.realpath(folder).startswith(os.path.realpath(sys.prefix)):
            return program
    return None


def _within(place: str, folder: str) -> bool:
    try:
        return os.path.commonpath([folder, place]) == folder
    except ValueError:  # two drives of Windows
        return False


def in_child(work: Callable[[], bytes], *, seconds: float = 30.0) -> bytes:
    """Return what `work` returns in a copy of this process, which may die of it (a native library that aborts).

    Raises SecpipeError where the copy dies, raises or takes too long. Where there is no fork, `work` runs here.
    """
    if not hasattr(os, "fork"):
        return work()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:  # nothing of ours may run twice: no handler, no flush, no traceback
        try:
            os.close(reader)
            for stream in (1, 2):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
            with os.fdopen(writer, "wb") as out:
                out.write(work())
            os._exit(0)
        finally:
            os._exit(1)
    os.close(writer)
    with os.fdopen(reader, "rb") as source:
        timer = threading.Timer(seconds, os.kill, (child, 9))  # SIGKILL; a system without it has no fork either
        timer.start()
        data = source.read()
        _, status = os.waitpid(child, 0)
        timer.cancel()
    code = os.waitstatus_to_exitcode(status)
    if code != 0:
        raise SecpipeError(f"it ends the process that loads it (signal {-code})" if code < 0 else "it cannot be asked")
    return data
