"""One line a finding, as compilers write them: `path:line:column: severity rule message`; the verdict comes last."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from secpipe.report.read import read


def render(document: Mapping[str, Any], *, color: bool = False) -> str:
    """Return the document in lines that an editor can jump from."""
    report = read(document)
    lines = []
    for item in report.entries:
        place = f"{item.path or '.'}:{item.line or 1}:{item.column or 1}"
        waived = " (waived)" if item.effect == "waived" else ""
        lines.append(f"{place}: {item.severity} {item.rule} {item.message}{waived}")
    lines += [f"{one.path or '.'}:1:1: unread {one.check or report.command}: {one.reason}" for one in report.skipped]
    return "\n".join([*lines, report.sentence]) + "\n"
