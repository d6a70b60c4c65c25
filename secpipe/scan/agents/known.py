"""The shipped tables of this wing: which files are read how, and what is known of names, credentials and vendors."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from secpipe.core.documents import parse_toml
from secpipe.core.errors import SecpipeError
from secpipe.system.files import read_bytes
from secpipe.system.places import shipped

_LIMIT = 1 << 20
_FLAGS = {"i": re.IGNORECASE, "m": re.MULTILINE}
_ONE_OF = re.compile(r"\\\{([^}]*)\\\}")
_PART = re.compile(r"<<(\w+)>>")


@dataclass(frozen=True, slots=True)
class Form:
    """How a file is read, and by which assistant."""

    client: str
    reads: str


@cache
def table(name: str) -> dict[str, Any]:
    """Return a shipped table; raises SecpipeError where the installation's is damaged."""
    return parse_toml(read_bytes(shipped() / "agents" / f"{name}.toml", _LIMIT), name)


@cache
def _forms() -> tuple[re.Pattern[str], tuple[Form, ...]]:
    parts: list[str] = []
    forms: list[Form] = []
    for row in table("formats")["file"]:
        for glob in row["globs"]:
            parts.append(f"(?P<g{len(forms)}>(?:.*/)?{_regex(glob)})")
            forms.append(Form(row["client"], row["reads"]))
    return re.compile("|".join(parts), re.IGNORECASE | re.DOTALL), tuple(forms)


@cache
def _any_form() -> re.Pattern[str]:
    """Return one expression for lower-case paths that match any glob, without a group for each."""
    globs = (_regex(glob.lower()) for row in table("formats")["file"] for glob in row["globs"])
    return re.compile(f"(?:.*/)?(?:{'|'.join(dict.fromkeys(globs))})", re.DOTALL)


def _regex(glob: str) -> str:
    made = (
        _ONE_OF.sub(lambda one: f"(?:{one[1].replace(',', '|')})", re.escape(glob))
        .replace(r"\*\*", ".*")
        .replace(r"\*", "[^/]*")
    )
    return made.replace(r"\[\-_\]", "[-_]").replace("y\\?ml", "ya?ml")


def form_of(path: str) -> Form | None:
    """Return how the file at `path` is read, or None where no assistant reads it by its name."""
    if path.isascii() and _any_form().fullmatch(path.lower()) is None:  # a twentieth of the time of telling which
        return None
    pattern, forms = _forms()
    match = pattern.fullmatch(path)
    return forms[int((match.lastgroup or "g0")[1:])] if match else None


@cache
def part(name: str) -> str:
    """Return a part that several expressions of `patterns.toml` share."""
    return str(table("patterns")["part"][name])


@cache
def pattern(section: str, key: str) -> re.Pattern[str]:
    """Return one expression of `patterns.toml`; raises SecpipeError where the installation's is damaged."""
    row = table("patterns")[section][key]
    flags = sum(_FLAGS[letter] for letter in row.get("flags", ""))
    try:
        return re.compile(_filled("|".join(row["any"])), flags)
    except re.error as error:
        raise SecpipeError(f"the table of {section} is damaged", hint="reinstall secpipe") from error


def _filled(text: str) -> str:
    while (filled := _PART.sub(lambda match: part(match[1]), text)) != text:
        text = filled
    return text


def tools_give(names: str) -> set[str]:
    """Return what tools of frameworks can do, by a word in their names."""
    plain = re.sub(r"[^a-z]", "", names.lower())
    return {
        word
        for row in table("frameworks")["tool"]
        if any(one in plain for one in row["words"])
        for word in row["gives"]
    }


@cache
def hints(name: str) -> tuple[str, ...]:
    """Return the words of which each match of a table holds one."""
    return tuple(table("patterns")["hints"][name])


@cache
def words(section: str, key: str) -> re.Pattern[str]:
    """Return one expression for the patterns of a list or text in `known.toml`; raises SecpipeError if damaged."""
    value = table("known")[section][key]
    try:
        listed = [value] if isinstance(value, str) else value
        return re.compile("|".join(f"(?:{one})" for one in listed), re.IGNORECASE | re.MULTILINE)
    except re.error as error:
        raise SecpipeError(f"the table of {section} is damaged", hint="reinstall secpipe") from error


def installer(url: str) -> bool:
    """Whether a URL is an installer that its maker documents, over https."""
    bare = url.lower()
    if not bare.startswith("https://"):
        return False
    rest = bare[8:]
    return "@" not in rest.split("/")[0] and any(
        rest == host or rest.startswith(host if "/" in host else f"{host}/")
        for host in table("known")["installers"]["hosts"]
    )


@cache
def _vendors() -> tuple[tuple[re.Pattern[str], tuple[str, ...]], ...]:
    return tuple((re.compile(row["env"]), tuple(row["hosts"])) for row in table("known")["vendor"])


def vendor_hosts(name: str) -> tuple[str, ...] | None:
    """Return where the secret in an environment name may go, or None where nobody knows whose it is."""
    return next((hosts for pattern, hosts in _vendors() if pattern.search(name)), None)
