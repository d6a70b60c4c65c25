"""The page as a whole, in the order in which people ask."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from secpipe.report.html import lists
from secpipe.report.html.embedded import embedded
from secpipe.report.html.first import first_screen
from secpipe.report.html.reasons import reasons
from secpipe.report.html.style import CSP, STYLE
from secpipe.report.html.timeline import timeline
from secpipe.report.read import read
from secpipe.report.rules import NONE, Rule
from secpipe.report.text import markup


def render(document: Mapping[str, Any], *, color: bool = False, rules: Mapping[str, Rule] = NONE) -> str:
    """Return the document as one HTML page of at most 700 kB, and itself inside it; `rules` tell why in their words."""
    report = read(document)
    parts = [
        *_head(report.subject or report.command),
        "<a class='skip' href='#top'>To the verdict</a>",
        *first_screen(report),
        *reasons(report, rules),
        *lists.checks(report.checks),
        *lists.accounts(report),
        *lists.unseen(report.skipped),
        *timeline(report),
        *lists.suppressed(report),
        *lists.findings(report),
        *lists.rests_on(report),
        *embedded(document),
        "</main></body></html>\n",
    ]
    return "\n".join(parts)


def framed(title: str, sentence: str, decision: str, parts: Iterable[str]) -> str:
    """Return a page of another document around parts that are markup already; `decision` is its sentence's class."""
    said = f'<main><h1 class="{decision}">{markup(sentence)}</h1>'
    return "\n".join([*_head(title), said, *parts, "</main></body></html>\n"])


def _head(title: str) -> list[str]:
    return [
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{markup(CSP)}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="referrer" content="no-referrer">',
        f"<title>secpipe: {markup(title)}</title><style>{STYLE}</style></head><body>",
    ]
