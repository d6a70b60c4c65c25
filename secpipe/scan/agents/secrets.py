"""Secrets written out where a configuration should name them."""

# ruff: noqa: E501  # a table of expressions

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator

from secpipe.scan.agents.commands import SECRET_NAME
from secpipe.system.redaction import redact

_REFERENCE = re.compile(
    r"\$\{?[\w:.-]+\}?|\$\(|\{\{|%\w+%|<[^>]*>|\binput:|^env:|^op://|^vault:|^keyring|\*{3,}|\.{3}|…"
)
_PLACEHOLDER = re.compile(
    r"(?i)your|example|placeholder|change[-_ ]?me|xxx+|dummy|sample|insert|replace|todo|redacted|<|>|fake|test[-_]?(?:key|token)?$|^(?:none|null|true|false|secret|token|password|api[-_]?key|string|value|required|optional|demo|foo|bar)$|here$|_id$"
)
_OPTION = re.compile(
    r"^--?([\w-]*(?:token|secret|password|passwd|api-?key|auth|credential)[\w-]*)(?:=(.*))?$", re.IGNORECASE | re.DOTALL
)


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


def in_words(words: list[str]) -> Iterator[tuple[str, str]]:
    """Yield (name, value) of the secrets on a command line, after an option or in its shape."""
    for index, word in enumerate(words):
        match = _OPTION.match(word)
        value = (match[2] if match[2] is not None else "".join(words[index + 1 : index + 2])) if match else ""
        if match and value and not value.startswith("-") and written_out(match[1], value):
            yield match[1], value
        elif (
            (not match)
            and len(word) > 12
            and not _REFERENCE.search(word)
            and not _PLACEHOLDER.search(word)
            and redact(word) != word
        ):
            yield "argument", word


def _entropy(text: str) -> float:
    counts = Counter(text)
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts.values())
