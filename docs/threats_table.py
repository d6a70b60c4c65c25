"""The page of threats to keys with the tables of `threats-keys.toml`; called by `generate.py`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def threats(docs: Path) -> dict[str, Any]:
    """Return the adversary's table: `goals`, `takeover` rows, `together` rows."""
    return tomllib.loads((docs / "spec/threats-keys.toml").read_text(encoding="utf-8"))


def threats_page(docs: Path) -> str:
    """Return `spec/threats-keys.md` in the folder `docs`, its tables made anew between the marks."""
    data = threats(docs)
    text = (docs / "spec/threats-keys.md").read_text(encoding="utf-8")
    text = _between(text, "goals", "| goal | |", [[name, words] for name, words in data["goals"].items()])
    rows = [[row["id"], row["holds"], row["can"], row["notices"], _names(row)] for row in data["takeover"]]
    text = _between(text, "one", "| takeover | holds | can | what notices | reaches |", rows)
    pairs = [[" + ".join(row["who"]), _names(row), row["ends"]] for row in data["together"]]
    return _between(text, "two", "| pair | reaches besides | what ends it |", pairs)


def _names(row: Mapping[str, Any]) -> str:
    return ", ".join(f"**{name}**" for name in row.get("reaches", ())) or "nothing"


def _between(text: str, mark: str, head: str, rows: Sequence[Sequence[str]]) -> str:
    start, end = f"<!-- {mark}:begin -->\n", f"<!-- {mark}:end -->"
    before, _, rest = text.partition(start)
    lines = [head, "|---" * (head.count("|") - 1) + "|", *(f"| {' | '.join(row)} |" for row in rows)]
    return before + start + "\n".join(lines) + "\n" + end + rest.partition(end)[2]
