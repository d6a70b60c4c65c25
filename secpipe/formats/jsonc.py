"""JSON as editors and agents write it: with comments and trailing commas."""

from __future__ import annotations

import re

# What is not closed reaches to the end of the text: so that a hostile text is gone through once, not once a quote.
_COMMENTS = re.compile(r'("(?:[^"\\]|\\[\s\S])*(?:"|\\?\Z))|//[^\n]*|/\*(?:[\s\S]*?\*/|[\s\S]*)')
_COMMAS = re.compile(r'("(?:[^"\\]|\\[\s\S])*(?:"|\\?\Z))|,(?=\s*[}\]])')


def plain_json(text: str) -> str:
    """Return the text as plain JSON: comments and trailing commas outside strings taken away."""
    return _COMMAS.sub(lambda match: match[1] or "", _COMMENTS.sub(lambda match: match[1] or "", text))
