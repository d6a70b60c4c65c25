"""CSV (RFC 4180, lines end with LF) for spreadsheets: a row a finding and a row a place that was not read."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

from secpipe.report.read import read

COLUMNS = ("kind", "severity", "effect", "rule", "path", "line", "message", "fix", "owner", "waiver", "id")


def render(document: Mapping[str, Any], *, color: bool = False) -> str:
    """Return the document as a table with a head; a cell that a spreadsheet would compute begins with an apostrophe."""
    report = read(document)
    stream = io.StringIO()
    table = csv.writer(stream, lineterminator="\n")
    table.writerow(COLUMNS)
    for item in report.entries:
        row = ("finding", item.severity, item.effect, item.rule, item.path, item.line or "", item.message, item.fix,
               item.owner, item.waiver, item.id)  # fmt: skip
        table.writerow(map(still, row))
    for one in report.skipped:
        row = ("unread", "", "undecided", one.check, one.path, "", one.reason, "", "", "", "")
        table.writerow(map(still, row))
    return stream.getvalue()


def still(value: object) -> str:
    """Return the cell so that no spreadsheet takes it for a formula (CWE-1236)."""
    text = str(value)
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text
