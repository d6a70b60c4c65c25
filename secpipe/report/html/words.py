"""Small pieces of markup: escaped text, links to advisories, lists that fit into their bytes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from secpipe.core.text import plural
from secpipe.report.text import markup

_ADVISORY = re.compile(r"\b(?:CVE-\d{4}-\d{4,7}|GHSA(?:-[23456789cfghjmpqrvwx]{4}){3}|PYSEC-\d{4}-\d{1,6})\b")
_CODE = re.compile(r"`([^`]+)`")
_ADVISORIES = "https://osv.dev/vulnerability/"


def linked(text: str) -> str:
    """Return `text` escaped, each advisory that it names as a link to its record; nothing is fetched before a click."""
    return _ADVISORY.sub(lambda found: link(_ADVISORIES + found[0], found[0]), markup(text))


def link(address: str, text: str) -> str:
    """Return a link that tells its target nothing about this page; both parts are markup already."""
    return f'<a href="{address}" rel="noreferrer noopener external">{text}</a>'


def prose(text: str) -> str:
    """Return a paragraph of a rule's own words: escaped, with what stands between backticks as code."""
    return _CODE.sub(r"<code>\1</code>", markup(" ".join(text.split())))


def bounded(lines: Iterable[str], total: int, budget: int, noun: str) -> Iterator[str]:
    """Yield lines while they fit into `budget` bytes, then say how many of `total` entries are missing."""
    for shown, line in enumerate(lines):
        budget -= len(line.encode()) + 1
        if budget < 0:
            yield f"<li><b>{plural(total - shown, f'further {noun}')}</b> did not fit here: the JSON lists all."
            return
        yield line
