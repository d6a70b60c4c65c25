"""What stands near a call: files that are read, columns, prompts. A hint for whoever reviews it, and no proof."""

from __future__ import annotations

import re
from typing import Final

from secpipe.core.text import printable

_AROUND = 40  # lines before and after the call
_MANY = 6  # of a kind: a hint is short
_WORD = 80
_READS = r"(?:read_\w+|readFile(?:Sync)?|ReadFile|open|Path|load_dataset)"
_TABLES = "df|row|rows|record|data|user|customer|frame|event|body"
_PROMPTS = r"\w*(?:prompt|template|instructions|system_message)\w*"
_KINDS: Final = {
    "file": re.compile(rf"""{_READS}\(\s*(?:\w+,\s*)?["']([\w./ -]{{3,120}}\.\w{{2,8}})["']"""),
    "column": re.compile(rf"""\b(?:{_TABLES})\[["']([A-Za-z_][\w .-]{{1,60}})["']\]"""),
    "query": re.compile(r"(?i)\bselect\s[\w*.,\s\"]{1,200}?\sfrom\s+([\w.\"`]{2,80})"),
    "prompt": re.compile(rf"""(?i)\b({_PROMPTS})\s*(?::\s*\w+\s*)?=\s*[frb]*["'(]"""),
    "placeholder": re.compile(r"(?<![{$\w])\{([a-z_][\w.]{2,40})\}(?!\})"),
}


def nearby(text: str, line: int) -> list[str]:
    """Return what stands within 40 lines of a line, as `kind name`, at most six of a kind."""
    lines = text.split("\n")
    part = "\n".join(one[:1_000] for one in lines[max(0, line - 1 - _AROUND) : line + _AROUND])
    found: list[str] = []
    for kind, pattern in _KINDS.items():
        names = dict.fromkeys(printable(match[1].strip(' "`'), _WORD) for match in pattern.finditer(part))
        found += [f"{kind} {name}" for name in list(names)[:_MANY]]
    return found
