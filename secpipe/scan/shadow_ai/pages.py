"""Pages: what stands in `<script>` or in a handler is code, whatever the page tells around it."""

from __future__ import annotations

import re
from dataclasses import replace

from secpipe.scan.shadow_ai import source, text
from secpipe.scan.shadow_ai.catalogue import Catalogue
from secpipe.scan.shadow_ai.signal import Reading

_SCRIPT = re.compile(r"(?is)<script\b[^<>]*>(?P<body>.*?)(?:</script\s*>|\Z)")
_HANDLER = re.compile(
    r"""(?i)\s(?:on[a-z]{3,20}|hx-(?:get|post|put|delete|patch)|href|action)\s*=\s*(?:"([^"]*)"|'([^']*)')"""
)
_RUNS = re.compile(r"(?i)\b(?:fetch|XMLHttpRequest|EventSource|WebSocket|sendBeacon|axios|import)\b|^\s*javascript:")


def read(content: str, path: str, catalogue: Catalogue) -> Reading:
    """Return the signs in a page: its scripts as code, the rest as the text that it is."""
    kept: list[str] = []
    rest: list[str] = []
    end = 0
    for start, stop in sorted(_code(content)):
        if start < end:
            continue
        kept += [_blank(content[end:start]), content[start:stop], ";"]
        rest += [content[end:start], _blank(content[start:stop])]
        end = stop
    rest.append(content[end:])
    out = text.read("".join(rest), catalogue)
    out.engine = "page"
    if kept:
        code = source.read("".join(kept), "javascript", catalogue)
        out.signals += [replace(sign, region=sign.region or "code") for sign in code.signals]
        out.values += code.values
        out.downloads += code.downloads
        out.reads |= code.reads
        out.notes += code.notes
        out.unread += code.unread
    return out


def _code(content: str) -> list[tuple[int, int]]:
    spans = [match.span("body") for match in _SCRIPT.finditer(content)]
    for match in _HANDLER.finditer(content):
        span = match.span(1 if match[1] is not None else 2)
        if _RUNS.search(content[slice(*span)]):
            spans.append(span)
    return spans


def _blank(piece: str) -> str:
    """Line ends only: places keep their lines."""
    return "\n" * piece.count("\n")
