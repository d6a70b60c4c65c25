"""The one door for results: where each may go, what is taken out of it on the way, and the errors of doing so.

    write(place, result, sink)   what `-o FILE`, `-f FORMAT=FILE` and their kin name; "-" is stdout
    say(text), tell(text)        a line for a person on stdout, on stderr
    check(*places)               every place looked at before the first is written

Keys, trust material and other state go through `files`, which shares this door's rules for links.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from secpipe.core.errors import ConfigError, SecpipeError
from secpipe.core.foreign import Sink, neutral
from secpipe.core.text import printable
from secpipe.system import files, links, redaction

STDOUT = "-"
# These flags are POSIX's: on Windows no path names a device or FIFO of ours to open by.
_THROUGH = os.O_WRONLY | sum(getattr(os, name, 0) for name in ("O_NOCTTY", "O_CLOEXEC", "O_NOFOLLOW"))


def write(
    place: str | os.PathLike[str], result: str | bytes, sink: Sink = Sink.TEXT, *, color: bool = False,
    private: bool = False,
) -> None:  # fmt: skip
    """Write a result to `place`: stdout for "-", through devices, pipes and sockets, files in one step.

    Secrets are replaced and foreign text is made harmless as `sink` says; `Sink.EXACT` alone leaves bytes as they are.
    A regular file keeps its mode and owner; a `private` one is its owner's alone. A link is followed where it lies
    outside the project, and its target is replaced. Raises ConfigError (exit 2) for a place that cannot hold a result,
    SecpipeError (exit 3) where writing fails.
    """
    data = _cleaned(result, sink, color)
    target = _target(place)
    if isinstance(target, int):
        _to_descriptor(target, data, place)
    elif (kind := _kind(target)) is None or stat.S_ISREG(kind):
        files.replace(target, data, mode=0o600 if private else None)
    elif stat.S_ISSOCK(kind):
        _to_socket(target, data)
    else:
        _through(target, data)


def append(place: str, result: str, sink: Sink) -> None:
    """Add to the end of a file that others write too (a CI job summary); cleaned and refused as by `write`."""
    files.append(place, _cleaned(result, sink, False))


def check(*places: str | os.PathLike[str]) -> None:
    """Raise ConfigError for the first place that cannot hold a result; nothing is written."""
    for place in places:
        _target(place)


def say(text: str) -> None:
    """Write one line for a person to stdout, line ends in it escaped: a name in it forges no second one."""
    write(STDOUT, f"{printable(text, len(text))}\n")


def tell(text: str) -> None:
    """Write one line of progress or complaint to stderr, line ends in it escaped; that nobody reads it is no error."""
    try:
        sys.stderr.write(_cleaned(printable(text, len(text)) + "\n", Sink.TEXT, False).decode())
        sys.stderr.flush()
    except (OSError, ValueError):
        return


def stand_in() -> None:
    """Put something in the place of a stdout or stderr that was closed before we began.

    The next file opened would otherwise get its number, and what is said would go into that file. A closed stdout
    becomes a pipe that nobody reads, for whoever asked is not told; what is said on a closed stderr is dropped.
    """
    if sys.stdout is None:
        read, write = os.pipe()
        os.close(read)
        sys.stdout = os.fdopen(_numbered(write, 1), "w")
    if sys.stderr is None:
        sys.stderr = os.fdopen(_numbered(os.open(os.devnull, os.O_WRONLY), 2), "w")


@contextlib.contextmanager
def stdout_alone() -> Iterator[None]:
    """Keep standard output for what the caller writes to `sys.stdout`; what a library prints goes to standard error."""
    kept = os.dup(1)
    alone = os.fdopen(os.dup(1), "w", encoding="utf-8")
    real, sys.stdout = sys.stdout, alone
    os.dup2(2, 1)
    try:
        yield
    finally:
        if not alone.closed:  # who was given it may have closed it
            alone.close()
        os.dup2(kept, 1)
        os.close(kept)
        sys.stdout = real


def _numbered(descriptor: int, number: int) -> int:
    """Return the descriptor under a number that is free, else as it is."""
    try:
        os.fstat(number)
    except OSError:
        os.dup2(descriptor, number, inheritable=True)
        os.close(descriptor)
        return number
    return descriptor


def _cleaned(result: str | bytes, sink: Sink, color: bool) -> bytes:
    if sink is Sink.EXACT:
        return result if isinstance(result, bytes) else result.encode("utf-8", "backslashreplace")
    text = result if isinstance(result, str) else result.decode("utf-8", "surrogateescape")
    return neutral(redaction.redact(text), sink, color=color).encode("utf-8", "backslashreplace")


def _target(place: str | os.PathLike[str]) -> Path | int:
    """Return the descriptor or the path free of links that a result goes to; raises ConfigError."""
    text = os.fspath(place)
    if text == STDOUT:
        return 1
    target = links.follow(text)
    if isinstance(target, int):
        return target
    kind = _kind(target)
    if (kind is not None and stat.S_ISDIR(kind)) or text.endswith(("/", os.sep, "/.", f"{os.sep}.")):
        raise ConfigError(
            f"{printable(text)} names a folder, and a result needs a file",
            hint=f"name a file in it: {printable(os.path.join(text, 'FILE'))}",
        )
    return target


def _kind(target: Path) -> int | None:
    """Return the mode of what stands at `target` (never a link), None where nothing does."""
    try:
        return os.lstat(target).st_mode
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _failed(target, error) from error


def _to_descriptor(number: int, data: bytes, place: str | os.PathLike[str]) -> None:
    stream = {1: sys.stdout, 2: sys.stderr}.get(number)
    try:
        if stream is not None:
            stream.flush()  # what was said before comes first
            number = _number(stream)
        if number >= 0:
            _send(number, data)
        elif stream is not None:
            stream.buffer.write(data)
            stream.flush()
    except BrokenPipeError as error:
        if stream is sys.stdout:
            raise  # `| head`: the command line's root knows what that means
        raise _failed(place, error) from error
    except OSError as error:
        if error.errno == errno.EBADF:
            raise ConfigError(f"{printable(os.fspath(place))} is not open for writing") from error
        raise _failed("stdout" if stream is sys.stdout else place, error) from error


def _number(stream: TextIO) -> int:
    """Return the stream's descriptor, -1 for one that lives in memory (an embedding program's, a test's)."""
    try:
        return stream.fileno()
    except (OSError, ValueError):
        return -1


def _through(target: Path, data: bytes) -> None:
    """Write to a device or FIFO as it stands; a FIFO waits for its reader, as in a shell."""
    try:
        descriptor = os.open(target, _THROUGH)
        try:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise SecpipeError(f"{printable(str(target))} changed while it was being written")
            _send(descriptor, data)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise _failed(target, error) from error


def _to_socket(target: Path, data: bytes) -> None:
    import socket

    family = getattr(socket, "AF_UNIX", None)
    if family is None:
        raise ConfigError(f"{printable(str(target))} is a socket, and this system has no files that are sockets")
    try:
        with socket.socket(family, socket.SOCK_STREAM) as connection:
            connection.connect(str(target))
            connection.sendall(data)
    except OSError as error:
        raise _failed(target, error) from error


def _send(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(descriptor, view) :]
        except BlockingIOError:
            select.select([], [descriptor], [])


def _failed(place: str | os.PathLike[str], error: OSError) -> SecpipeError:
    return SecpipeError(f"cannot write {printable(os.fspath(place))}: {files.reason(error)}")
