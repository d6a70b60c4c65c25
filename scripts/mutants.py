"""Mutants of the trusted core: what no test notices is told, but for what tests/mutants/equivalent.toml explains.

Usage: mutants.py PYTHON [PART...] [ends=DIGIT...]. PYTHON has mutmut; each part is mutated in a copy of the checkout
under .mutants. With `ends=1` only each tenth mutant is tried, the first of every function among them.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
TABLES = ROOT / "tests/mutants"
WORK = ROOT / ".mutants"
_CONFIG = """[mutmut]
source_paths=
    secpipe
only_mutate=
    {files}
pytest_add_cli_args_test_selection=
    {tests}
pytest_add_cli_args=
    -m
    not slow
also_copy=
    policies
    docs
    examples
"""


def main(python: str, wanted: list[str]) -> int:
    """Run the parts asked for, or all of them; returns 0 where every survivor is explained, else 1."""
    parts = {row["name"]: row for row in _rows("parts.toml", "part")}
    sample = [f"*__mutmut_*{word.removeprefix('ends=')}" for word in wanted if word.startswith("ends=")]
    wanted = [word for word in wanted if not word.startswith("ends=")]
    if unknown := [name for name in wanted if name not in parts]:
        print(f"no part of that name: {', '.join(unknown)}; there are {', '.join(parts)}", file=sys.stderr)
        return 2
    excused = {_key(row): row for row in _rows("equivalent.toml", "equivalent")}
    failed = False
    for name in wanted or parts:
        survivors = dict(_run(python, parts[name], sample))
        told = {key: said for key, said in survivors.items() if key not in excused}
        here = [key for key in excused if any(Path(key[0]).match(glob) for glob in parts[name]["files"])]
        gone = [key for key in here if key not in survivors] if not sample else []
        print(f"{name}: {len(survivors)} survive, {len(survivors) - len(told)} of them explained")
        for key, said in told.items():
            print(f"  not noticed: {key[0]} ({said})\n    - {key[1]}\n    + {key[2]}")
        for key in gone:
            print(f"  explained, and noticed or gone: take the row out: {key[0]}\n    - {key[1]}\n    + {key[2]}")
        failed |= bool(told or gone)
    return int(failed)


def _run(python: str, part: dict[str, Any], sample: list[str]) -> Iterator[tuple[tuple[str, str, str], str]]:
    """Yield (file, line before, line after) of each mutant that no test noticed, and its name."""
    place = WORK / part["name"]
    _copy(place)
    files, tests = ("\n    ".join(part[key]) for key in ("files", "tests"))
    (place / "setup.cfg").write_text(_CONFIG.format(files=files, tests=tests))
    done = subprocess.run([python, "-m", "mutmut", "run", *sample], cwd=place, stdout=sys.stderr, check=False)
    if done.returncode:
        raise SystemExit(f"mutants: mutmut ended with {done.returncode} on {part['name']}")
    listed = _said(python, place, "results")
    for line in listed.splitlines():
        name, _, state = line.strip().partition(": ")
        if state and state not in {"killed", "not checked"}:
            yield _change(_said(python, place, "show", name)), f"{name}, {state}"


def _copy(place: Path) -> None:
    """Copy what git knows of the checkout: nothing of it is changed where it stands."""
    shutil.rmtree(place, ignore_errors=True)
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout  # noqa: S607
    for name in filter(None, listed.decode().split("\0")):
        if (ROOT / name).is_file():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, place / name)


def _change(diff: str) -> tuple[str, str, str]:
    """Return the file of a diff, and the lines that go and come."""
    file = next((line[4:].strip() for line in diff.splitlines() if line.startswith("--- ")), "")
    gone, come = (
        " / ".join(
            line[1:].strip() for line in diff.splitlines() if line.startswith(sign) and not line.startswith(sign * 3)
        )
        for sign in "-+"
    )
    return file.removeprefix("mutants/"), gone, come


def _said(python: str, place: Path, *words: str) -> str:
    return subprocess.run(
        [python, "-m", "mutmut", *words], cwd=place, capture_output=True, text=True, check=True
    ).stdout


def _key(row: dict[str, str]) -> tuple[str, str, str]:
    return row["file"], row["before"], row["after"]


def _rows(file: str, table: str) -> list[dict[str, Any]]:
    return list(tomllib.loads((TABLES / file).read_text()).get(table, []))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
