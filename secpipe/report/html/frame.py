"""What stands around every page: the head that allows nothing but the one style sheet, and the end."""

from __future__ import annotations

from collections.abc import Iterable

from secpipe.report.html.style import CSP, STYLE
from secpipe.report.text import markup


def page(title: str, parts: Iterable[str]) -> str:
    """Return a whole page around parts that are markup already."""
    head = [
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{markup(CSP)}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="referrer" content="no-referrer">',
        f"<title>secpipe: {markup(title)}</title><style>{STYLE}</style></head><body>",
        "<a class='skip' href='#top'>To the verdict</a>",
    ]
    return "\n".join([*head, *parts, "</main></body></html>\n"])


def headed(title: str, sentence: str, decision: str, parts: Iterable[str]) -> str:
    """Return a page that begins with one sentence; `decision` is its class."""
    first = f"<main id='top'><section class='verdict {decision}'><h1>{markup(sentence)}</h1></section>"
    return page(title, [first, *parts])
