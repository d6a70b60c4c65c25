"""Make honest files of every kind and say what was made: `python -m tests.honest.models.libraries.make FOLDER [WORD...]`.

Run by `make honest` in an environment that holds the libraries. `FOLDER/made.json` says of each kind how many files it
came to, or why it could not be made here.
"""

# ruff: noqa: E501  # one call a line reads as a table
from __future__ import annotations

import importlib
import json
import random
import sys
import traceback
import zlib
from pathlib import Path

from tests.honest.models.libraries.kinds import KINDS

MODULES = ("arrays", "learned", "statistics", "torches", "hubs", "others")


def main(folder: Path, words: list[str]) -> None:
    """Make each kind whose name holds one of `words`, or all."""
    report: dict[str, int | str] = {}
    for name in MODULES:
        try:
            importlib.import_module(f"tests.honest.models.libraries.{name}")
        except ImportError as error:
            report[name] = f"not installed: {error.name}"
    for one in KINDS.values():
        if words and not any(word in one.name for word in words):
            continue
        for number in range(one.times):
            place = folder / one.name.replace(" ", "_") / str(number)
            place.mkdir(parents=True, exist_ok=True)
            try:
                one.make(place, random.Random(zlib.crc32(f"{one.name} {number}".encode())))
            except Exception as error:  # a library of another version: the kind says so, the others are made
                report[one.name] = f"{type(error).__name__}: {str(error)[:200]}"
                traceback.print_exc()
                break
        else:
            report[one.name] = sum(1 for path in (folder / one.name.replace(" ", "_")).rglob("*") if path.is_file())
        print(one.name, report[one.name], flush=True)
    (folder / "made.json").write_text(json.dumps(report, indent=1, sort_keys=True) + "\n")
    counts = [count for count in report.values() if isinstance(count, int)]
    print(f"{sum(counts)} files of {len(counts)} kinds; {len(report) - len(counts)} kinds could not be made")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
