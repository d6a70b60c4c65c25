"""A project that came as a ZIP, written out to be judged as a folder; what is not written is not read, and said."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import BinaryIO

from secpipe.core.artifact import Skip
from secpipe.core.errors import InputError, SecpipeError, UnsafeInput
from secpipe.core.limits import DEFAULT, Limits
from secpipe.core.text import plural, printable
from secpipe.formats import zips
from secpipe.formats.compressed import Expander
from secpipe.formats.stream import Readable, view
from secpipe.gate.published import Published
from secpipe.system import files

#: What two programs that unpack it could see in two ways, or not see at all.
_ODD = frozenset({"broken", "mismatch", "foreign"})
_PART = 255  # bytes of one step of a path that a file system takes


@contextmanager
def unzipped(place: Path, limits: Limits = DEFAULT) -> Iterator[Published]:
    """Write the files of a ZIP into a scratch folder; links, encrypted members and odd names are left in `not_read`.

    Raises InputError for what is no ZIP, UnsafeInput for one that expands beyond `archive_bytes` or `tree_files`.
    """
    with files.open_regular(place) as file, TemporaryDirectory(prefix="secpipe-zip-") as scratch:
        archive = zips.read(file, limits)
        if not archive.members:
            raise InputError(f"{printable(place.name)} is no ZIP with files in it")
        if len(archive.members) > limits.tree_files:
            raise UnsafeInput(f"more than {limits.tree_files:,} files")
        if sum(member.size for member in archive.members) > limits.archive_bytes:
            raise UnsafeInput(f"expands beyond {limits.archive_bytes:,} bytes")
        folder = Path(scratch) / "project"
        files.make_folder(folder)
        not_read = [Skip(printable(member.name), "only the bytes of the ZIP name it") for member in archive.hidden]
        not_read += [Skip("", f"the ZIP is odd: {fault.message}") for fault in archive.faults if fault.kind in _ODD]
        taken: set[str] = set()
        for member in archive.members:
            if not member.name.endswith("/") and (why := _written(file, member, folder, taken, limits)):
                not_read.append(Skip(printable(member.name), why))
        yield Published(place.name, _top(folder), tuple(not_read))


def _written(file: BinaryIO, member: zips.Member, folder: Path, taken: set[str], limits: Limits) -> str:
    """Write one member; return why it is not read, or ""."""
    parts = PurePosixPath(member.name.replace("\\", "/")).parts
    odd = zips.escapes(member.name) or not parts or any(len(part.encode("utf-8", "replace")) > _PART for part in parts)
    checks = {
        "a name that no folder can hold": odd,
        "a symbolic link in a ZIP": member.link,
        "encrypted": member.encrypted,
        "its bytes cannot be found": member.start < 0,
        "its name stands twice": "/".join(parts).casefold() in taken,
    }
    for why, holds in checks.items():
        if holds:
            return why
    taken.add("/".join(parts).casefold())
    target = folder.joinpath(*parts)
    try:
        part: Readable = view(file, member.start, member.compressed)
        if member.method:
            part = Expander(part, zips.METHODS.get(member.method, str(member.method)), limits)
        files.make_folder(target.parent)
        files.write_stream(target, part, member.size)  # type: ignore[arg-type]
        if part.read(1):
            raise InputError(f"holds more than the {plural(member.size, 'byte')} that it names")
    except SecpipeError as error:
        if target.is_file():
            files.remove(target)
        return error.message.replace(f"{folder}/", "")
    return ""


def _top(folder: Path) -> Path:
    """Return the folder that the ZIP wraps everything in, if there is one and nothing beside it."""
    names = files.names(folder), files.folders(folder)
    return folder / names[1][0] if not names[0] and len(names[1]) == 1 else folder
