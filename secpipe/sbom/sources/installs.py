"""What `pip install` commands name: in Dockerfiles, notebooks and wherever else a command line stands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable

from secpipe.core.paths import folder_of, join
from secpipe.formats.locks import table
from secpipe.formats.locks.python import requirement
from secpipe.sbom.collector import Collector

_PIP = re.compile(r"(?:\b(?:pip3?|uv pip|python[\d.]* -m pip)\s+install|\buv add)\s+([^&|;\n]+)")
#: What writes a list out of a lock file during a build.
_MADE = re.compile(r"\b(?:(?:poetry|uv|pdm|pixi)\s+export|pipenv\s+requirements|uv pip compile|pip-compile)\b")
_LISTED = {"-r", "--requirement", "--requirements"}
_VALUED = {"-c", "--constraint", "-i", "--index-url", "--extra-index-url", "-f", "--find-links", "-t", "--target",
           "--python-version", "--platform", "--prefix", "--root", "--trusted-host", "--timeout", "-e", "--editable",
           "--index", "--default-index", "--python", "--proxy", "--cert", "--cache-dir", "--retries", "--src",
           "--log", "--implementation", "--abi", "--no-binary", "--only-binary", "--report", "--group"}  # fmt: skip
_REQUIREMENTS = table.Row("", "PyPI", "requirements")


def read(found: Collector, path: str, lines: Iterable[tuple[int, str]], *, unknown: bool = False) -> None:
    """Add what the commands on these lines install, and the packages of each list that one of them names.

    A list that is not in the tree is said, unless a line before makes it out of a lock file; with `unknown` its folder
    is not known either (a build context).
    """
    made = False
    for number, text in lines:
        made = made or _MADE.search(text) is not None
        plain = " ".join(text.replace('",', '" ').strip("[] ").split()) if text.lstrip().startswith("[") else text
        plain = plain.replace('"', "") if text.lstrip().startswith("[") else plain
        for command in _PIP.finditer(plain):
            _command(found, path, number, command[1], unknown, made)


def _command(found: Collector, path: str, line: int, text: str, unknown: bool, made: bool) -> None:
    try:
        words = shlex.split(text)
    except ValueError:
        found.skip(path, f"line {line}: the pip install line cannot be read")
        return
    pending = ""
    for word in words:
        option, sign, value = word.partition("=")
        if pending:
            if pending in _LISTED:
                _list(found, path, line, word, unknown, made)
            pending = ""
        elif word.startswith("-r") and len(word) > 2 and not word.startswith("--"):
            _list(found, path, line, word[2:].removeprefix("="), unknown, made)
        elif option in _LISTED and sign:
            _list(found, path, line, value, unknown, made)
        elif word in _LISTED or word in _VALUED:
            pending = word
        elif not word.startswith(("-", ".", "/", "$", "{")):
            component = requirement(word, path=path, line=line)
            if component is not None:
                found.add(component)


def _list(found: Collector, path: str, line: int, name: str, unknown: bool, made: bool) -> None:
    """Read a list of requirements, by the place a build or a notebook knows it under."""
    folder = folder_of(path)
    places = [join(folder, name)]
    if unknown:  # the context of a build is a folder above, and its files are copied to wherever the image wants them
        last = name.rpartition("/")[2]
        above = [folder]
        while above[-1]:
            above.append(folder_of(above[-1]))
        places += [join(one, part) for one in above for part in (name.lstrip("/"), last)]
    place = next((one for one in places if one and found.tree.find(one) is not None), None)
    if place is None and not made:
        found.skip(path, f"line {line} installs a list that is not in the tree")
    elif place is not None:
        found.read_list(place, table.row_of(place) or _REQUIREMENTS)
