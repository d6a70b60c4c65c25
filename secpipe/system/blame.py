"""Which commit wrote a line, as git knows it: of committed text only, and without any program of the repository."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from secpipe.core.errors import InputError
from secpipe.system.git import Enclosing, git

_HEADER = re.compile(r"([0-9a-f]{40,64}) \d+ \d+")
_BYTES = 1 << 20  # of one answer


@dataclass(frozen=True, slots=True)
class Written:
    """The commit that wrote a line (hex), its day in UTC (`YYYY-MM-DD`, by the committer's clock), and the line."""

    commit: str
    day: str
    text: str


def written(where: Enclosing, path: str, line: int) -> Written:
    """Return what wrote a line (from 1) of the file at `path`, from the folder of `where`, as HEAD holds it.

    Raises InputError where git does not know. A filter for words (`textconv`) and a list of commits to pass over are
    the repository's own: neither is used.
    """
    asked = (
        "blame",
        "-p",
        "--no-textconv",
        "--no-ignore-revs-file",
        "-L",
        f"{line},{line}",
        "HEAD",
        "--",
        path,
    )
    said = os.fsdecode(git(where.folder, *asked, limit=_BYTES)).split("\n")
    header = _HEADER.match(said[0])
    rows = dict(row.partition(" ")[::2] for row in said[1:] if not row.startswith("\t"))
    text = next((row[1:] for row in said if row.startswith("\t")), None)
    seconds = rows.get("committer-time", "")
    if header is None or text is None or not seconds.isdecimal() or len(seconds) > 11:
        raise InputError("git blame says nothing that can be read")
    return Written(header[1], f"{datetime.fromtimestamp(int(seconds), UTC):%Y-%m-%d}", text)
