"""JSON Lines: one object a finding and a place not read, then the verdict without them, to be read as it comes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from secpipe.report.read import read


def render(document: Mapping[str, Any], *, color: bool = False) -> str:
    """Return one JSON object a line: `{"type": "finding" | "skipped" | "verdict" | "findings" | "monitor"}`."""
    read(document)  # what is no report is refused here, too
    kind = "verdict" if "decision" in document else "findings" if "findings" in document else "monitor"
    rows = [{"type": "finding", **row} for row in document.get("findings", ())]
    rows += [{"type": "skipped", **row} for row in document.get("skipped", ())]
    rest = {key: value for key, value in document.items() if key not in ("findings", "skipped")}
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in [*rows, {"type": kind, **rest}])
