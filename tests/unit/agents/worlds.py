"""Reads the corpus files: many small projects in one text file, with marks for what plain text cannot hold.

`### name` opens a project, `== path` a file, `== path -> target` a link, `== x.mcpb!member` a member of one. In a
body `\\u{200b}` is that character, `\\tags{text}` is text in tag characters, `\\b64{text}` and `\\hex{text}` encode,
`\\token{prefix,n}` and `\\hexdigits{n}` invent a value of that length (so that no file of ours holds one), and
`\\repeat{n,text}` repeats, with NN as the count.
"""

from __future__ import annotations

import base64
import hashlib
import re
import zipfile
from pathlib import Path

Files = dict[str, str]
HERE = Path(__file__).parent / "worlds"


def _letters(seed: str, count: int) -> str:
    wide = "".join(
        base64.b64encode(hashlib.sha256(f"{seed}{n}".encode()).digest()).decode() for n in range(count // 20 + 2)
    )
    return re.sub(r"[^A-Za-z0-9]", "", wide)[:count]


def _mark(found: re.Match[str]) -> str:
    name, value = found["name"], found["value"]
    if name == "u":
        return chr(int(value, 16))
    if name == "tags":
        return "".join(chr(0xE0000 + ord(letter)) for letter in value)
    if name == "b64":
        return base64.b64encode(value.encode()).decode()
    if name == "hex":
        return value.encode().hex()
    if name == "hexdigits":
        return hashlib.sha512(value.encode()).hexdigest()[: int(value)]
    if name == "token":
        prefix, _, count = value.rpartition(",")
        return prefix + _letters(prefix, int(count))
    count, _, text = value.partition(",")
    return "".join(text.replace("\\n", "\n").replace("NN", str(n)) for n in range(int(count)))


def read(name: str) -> list[tuple[str, Files]]:
    """The projects of one corpus file, in order."""
    worlds: list[tuple[str, Files]] = []
    path = ""
    for line in (HERE / name).read_text("utf-8").split("\n"):
        if line.startswith("### "):
            worlds.append((line[4:], {}))
        elif line.startswith("== "):
            path = line[3:]
            worlds[-1][1][path] = ""
        elif worlds:
            made = re.sub(r"\\(?P<name>u|tags|b64|hex|hexdigits|token|repeat)\{(?P<value>[^{}]*)\}", _mark, line)
            worlds[-1][1][path] += made + "\n"
    return worlds


def write(root: Path, files: Files) -> None:
    """Lays one project out below root."""
    for path, text in files.items():
        name, _, target = path.partition(" -> ")
        archive, _, member = name.partition("!")
        place = root / archive
        place.parent.mkdir(parents=True, exist_ok=True)
        if target:
            place.symlink_to(target)
        elif member:
            with zipfile.ZipFile(place, "a") as pack:
                pack.writestr(member, text)
        else:
            place.write_text(text, "utf-8", newline="")
