"""Write the vectors anew: `python -m vectors.generate` from the top of the checkout. The same bytes every time."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from secpipe.core.refusals import TABLE, result_of
from vectors import cases_edges, cases_folders, cases_guessed, cases_logs, cases_signatures, cases_trust, cases_verdicts
from vectors.book import Book
from vectors.world import HERE, POOL, SEED

PARTS = (cases_signatures, cases_folders, cases_trust, cases_verdicts, cases_logs, cases_guessed, cases_edges)


def make() -> dict[str, bytes]:
    """Return every file of the vectors by its name."""
    book = Book()
    for part in PARTS:
        part.add_all(book)
    index = {
        "schema": "secpipe.vectors/1",
        "version": "1.0.0",
        "licence": "Apache-2.0",
        "seed": SEED,
        "about": "What a verifier must answer; README.md says how to read it.",
        "codes": {part: {code: {"result": result_of(code), "about": words} for code, words in rows.items()}
                  for part, rows in TABLE.items()},
        "count": len(book.cases),
        "cases": book.cases,
    }  # fmt: skip
    listed = json.dumps(POOL.places(book.files), indent=0, sort_keys=True).encode()
    return book.files | {"index.json": written(index), "signatures.json": listed + b"\n"}


def written(index: dict[str, Any]) -> bytes:
    """Return the index in ASCII, one case a line: so a difference can be read."""
    rows = ",\n".join(json.dumps(case) for case in index["cases"])
    top = json.dumps({**index, "cases": []}, indent=1)
    return top.replace('"cases": []', f'"cases": [\n{rows}\n]').encode() + b"\n"


def main() -> int:
    made = make()
    (HERE / "files").mkdir(exist_ok=True)
    for path in (HERE / "files").iterdir():
        if f"files/{path.name}" not in made:
            path.unlink()
    for name, data in made.items():
        place = HERE / name
        if not place.is_file() or place.read_bytes() != data:
            place.write_bytes(data)
    count = json.loads(made["index.json"])["count"]
    sys.stdout.write(f"{count} cases, {len(made)} files, {sum(map(len, made.values())):,} bytes in {Path(HERE).name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
