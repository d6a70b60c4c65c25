"""What install commands name: in Dockerfiles, notebooks and wherever else a command line stands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator

from secpipe.core.paths import folder_of, join
from secpipe.formats.locks import commands, table
from secpipe.formats.locks.conda import conda_spec
from secpipe.formats.locks.python import requirement
from secpipe.formats.locks.requirements import direct
from secpipe.sbom.collector import Collector

_PIP = re.compile(
    r"(?:\bpip[\d.]*\s+(?:-\S{1,80}\s+){0,9}install|\buv\s+(?:add|tool\s+install)|\bpipx\s+(?:install|inject)|\bpoetry\s+add"
    r"|\bpdm\s+add)\s+([^&|;\n]+)"
)
_CONDA = re.compile(r"(?:\b(?:conda|mamba|micromamba)\s+(?:install|create)|\bpixi\s+add)\s+([^&|;\n]+)")
_COMMENT = re.compile(r"(?:^|\s)#.*")
_CONDA_VALUED = {"-c", "--channel", "-n", "--name", "-p", "--prefix", "--solver", "--platform", "--feature", "-f"}
#: What writes a list during a build: out of the lock file named here, or (None) out of the files on its command line.
_MADE = re.compile(
    r"\b(?:(poetry|uv|pdm|pixi)\s+export|(pipenv)\s+requirements|uv pip compile|pip-compile)\b([^&|;\n]*)"
)
_OUTPUT = re.compile(r"(?:(?:^|\s)(?:-o|--output|--output-file)[=\s]\s*|>\s*)([^\s>]+)")
_EDITABLE = {"-e", "--editable"}
_LISTED = {"-r", "--requirement", "--requirements"}
_VALUED = {"-c", "--constraint", "-i", "--index-url", "--extra-index-url", "-f", "--find-links", "-t", "--target",
           "--python-version", "--platform", "--prefix", "--root", "--trusted-host", "--timeout", "-e", "--editable",
           "--index", "--default-index", "--python", "--proxy", "--cert", "--cache-dir", "--retries", "--src",
           "--log", "--implementation", "--abi", "--no-binary", "--only-binary", "--report", "--group"}  # fmt: skip


def read(found: Collector, path: str, lines: Iterable[tuple[int, str]], *, unknown: bool = False) -> None:
    """Add what the commands on these lines install, and the packages of each list that one of them names.

    A list that is not in the tree is said, unless a line before makes that list out of a lock file or a list that is in
    the tree; with `unknown` its folder is not known either (a build context).
    """
    made: set[str] = set()
    for number, text in lines:
        made |= set(_made(found, text))
        plain = " ".join(text.replace('",', '" ').strip("[] ").split()) if text.lstrip().startswith("[") else text
        plain = plain.replace('"', "") if text.lstrip().startswith("[") else plain
        for command in _PIP.finditer(plain):
            _command(found, path, number, command[1], unknown, made)
        for one in commands.named(plain, path, number):
            if isinstance(one, str):
                found.skip(path, one)
            else:
                found.add(one)
        for command in _CONDA.finditer(plain):
            _conda(found, path, number, command[1])


def _conda(found: Collector, path: str, line: int, text: str) -> None:
    """Add what a command of conda names; a list that it takes is said where the tree does not hold it."""
    pending = ""
    for word in _COMMENT.sub("", text).replace('"', " ").replace("'", " ").split():
        if pending in ("-f", "--file") and word.rpartition("/")[2].lower() not in found.names:
            found.skip(path, f"line {line} installs a list that is not in the tree")
        if pending:
            pending = ""
        elif word in _CONDA_VALUED or word == "--file":
            pending = word
        elif not word.startswith(("-", ".", "/", "$", "<", ">")) and "://" not in word:
            found.add(conda_spec(word, [], path))


def _made(found: Collector, text: str) -> Iterator[str]:
    """Yield the names of the lists that a line makes of what the tree holds."""
    here = found.names
    for match in _MADE.finditer(text):
        lock = f"{match[1]}.lock" if match[1] else next(filter(_is_pipenvs, here), "no lock") if match[2] else ""
        words = [word for word in match[3].split() if not word.startswith("-")]
        inputs = [word.rpartition("/")[2] for word in words if word.endswith((".in", ".toml", ".txt", ".cfg"))]
        outputs = [name.strip("\"'").rpartition("/")[2] for name in _OUTPUT.findall(match[3])]
        sources = [lock] if lock else [name for name in inputs if name not in outputs] or ["requirements.in"]
        if not outputs and not lock:  # pip-compile names its output after its input
            outputs = [f"{name.rpartition('.')[0]}.txt" for name in sources]
        if here.issuperset(name.lower() for name in sources):
            yield from outputs


def _is_pipenvs(name: str) -> bool:
    row = table.row_of(name)
    return row is not None and row.locked and row.reader.startswith("pip")


def _command(found: Collector, path: str, line: int, text: str, unknown: bool, made: set[str]) -> None:
    try:
        words = shlex.split(text, comments=True)
    except ValueError:
        found.skip(path, f"line {line}: the pip install line cannot be read")
        return
    pending = ""
    for word in words:
        option, sign, value = word.partition("=")
        if pending:
            if pending in _LISTED:
                _list(found, path, line, word, unknown, made)
            elif pending in _EDITABLE and "://" in word:
                found.add(direct(word, path=path, line=line))
            pending = ""
        elif word.startswith("-r") and len(word) > 2 and not word.startswith("--"):
            _list(found, path, line, word[2:].removeprefix("="), unknown, made)
        elif option in _LISTED and sign:
            _list(found, path, line, value, unknown, made)
        elif word in _LISTED or word in _VALUED:
            pending = word
        elif "://" in word:
            found.add(direct(word, path=path, line=line))
        elif not word.startswith(("-", ".", "/", "$", "{")):
            component = requirement(word, path=path, line=line)
            if component is not None:
                found.add(component)


def _list(found: Collector, path: str, line: int, name: str, unknown: bool, made: set[str]) -> None:
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
    if place is None and name.rpartition("/")[2] not in made:
        found.skip(path, f"line {line} installs a list that is not in the tree")
    elif place is not None:
        found.read_list(place, table.row_of(place) or table.REQUIREMENTS)
