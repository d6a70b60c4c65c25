"""Secrets written out where a configuration should name them."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator

from secpipe.scan.agents.commands import SECRET_NAME
from secpipe.scan.agents.known import pattern
from secpipe.system.redaction import redact

_REFERENCE = pattern("secrets", "reference")
_PLACEHOLDER = pattern("secrets", "placeholder")
_OPTION = re.compile(
    r"^--?([\w-]*(?:token|secret|password|passwd|api-?key|auth|credential)[\w-]*)(?:=(.*))?$", re.IGNORECASE | re.DOTALL
)


_ASSIGNED = re.compile(
    r"(?i)(?<![\w-])(?P<name>[\w-]{0,80}?(?:token|secret|passw(?:or)?d|api_?key|access_?key|private_?key)\w{0,20})[\"']?\s*[:=]\s*[\"'](?P<value>[^\"'\s]{16,400})[\"']"
)
_LONG = re.compile(r"(?<![\w/+.-])[A-Za-z][\w-]{19,200}(?![\w/+.-])")


def written_out(name: str, value: str) -> bool:
    """Whether `value`, under a name that says secret or in a known shape, is a secret and no reference to one."""
    if len(value) < 8 or _REFERENCE.search(value) or _PLACEHOLDER.search(value):
        return False
    if redact(value) != value or redact(f"{name}={value}") != f"{name}={value}":
        return True
    bare = re.sub(r"(?i)^(?:bearer|basic|token|apikey)\s+", "", value)
    secretive = SECRET_NAME.search(name) or re.search(r"(?i)authorization|cookie|x-.*key", name)
    if (
        not secretive
        or re.search(r"\s", bare)
        or re.match(r"(?i)(?:https?://|/|\./|~|file:)", bare)
        or re.search(r"(?i)_(?:file|path|url|name|id|type|mode|scopes?|ttl|region|header)$", name)
    ):
        return False
    return len(bare) >= 12 and (
        _entropy(bare) > 3.0 or bool(re.search(r"\d", bare) and re.search(r"[^A-Za-z0-9]", bare))
    )


def in_setting(name: str, value: str) -> bool:
    """Whether a setting whose name is that of a secret holds one, written out."""
    named = re.search(
        r"(?i)(?:api[-_]?key|access[-_]?token|auth[-_]?token|secret(?:[-_]?key)?|password|bearer)$|^token$", name
    )
    return named is not None and written_out(name, value)


def in_words(words: list[str]) -> Iterator[tuple[str, str]]:
    """Yield (name, value) of the secrets on a command line, after an option or in its shape."""
    for index, word in enumerate(words):
        for name, value in re.findall(r"(?<![\w?&])([A-Za-z_][A-Za-z0-9_]{2,60})=[\"']?([^\s\"'&;]{8,400})", word):
            if not name.startswith("-") and "_" in name and written_out(name, value):
                yield name, value
        match = _OPTION.match(word)
        value = (match[2] if match[2] is not None else "".join(words[index + 1 : index + 2])) if match else ""
        if match and value and not value.startswith("-") and written_out(match[1], value):
            yield match[1], value
        elif user := re.match(r"\w+://[^/@:\s]*:([^/@\s]+)@", word):
            if written_out("password", user[1]):
                yield "password", user[1]
        elif (
            (not match)
            and len(word) > 12
            and not _REFERENCE.search(word)
            and not _PLACEHOLDER.search(word)
            and redact(word) != word
        ):
            yield "argument", word


def in_code(text: str) -> Iterator[int]:
    """Yield where a program holds a secret: in a known shape, or as the text of a name that says secret."""
    for match in _ASSIGNED.finditer(text):
        if written_out(match["name"], match["value"]):
            yield match.start()
    yield from in_prose(text)


def in_prose(text: str) -> Iterator[int]:
    """Yield where a text holds a secret in a known shape."""
    for match in _LONG.finditer(text):
        if (
            not match[0].startswith("eyJ")
            and not _PLACEHOLDER.search(match[0])
            and _entropy(match[0]) > 3.5
            and redact(match[0]) != match[0]
        ):
            yield match.start()


def _entropy(text: str) -> float:
    counts = Counter(text)
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts.values())
