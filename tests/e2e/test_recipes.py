"""Each page of docs/recipes is done on a copy of the package: it works, and it does not when one step is left out."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs/recipes").glob("*.md"))
_STEP = re.compile(
    r"^(?:New file `(?P<new>[^`]+)`|In `(?P<old>[^`]+)`, after `(?P<anchor>[^\n]+)`|The (?P<check>check)):\n\n"
    r"```\w+\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
WANTED = {"custody", "lock-file", "model-format", "provider", "rule", "scheme", "writer"}


@dataclass(frozen=True)
class Step:
    """One code block of a page: a new file, or lines after a line that stands in one."""

    file: str
    anchor: str
    text: str

    def do(self, copy: Path) -> None:
        place = copy / self.file
        if not self.anchor:
            assert not place.exists(), f"{self.file} exists"
            place.write_text(self.text)
            return
        before = place.read_text()
        at = [line for line in before.splitlines(keepends=True) if line.strip() == self.anchor.strip()]
        assert len(at) == 1, f"{self.anchor} stands {len(at)} times in {self.file}"
        place.write_text(before.replace(at[0], at[0] + self.text, 1))


def steps(page: Path) -> tuple[list[Step], str]:
    """Return the steps of a page and its check."""
    found = list(_STEP.finditer(text := page.read_text()))
    assert len(found) == text.count("\n```\n"), "each code block belongs to a step"
    check = [match["text"] for match in found if match["check"]]
    assert len(check) == 1
    made = [Step(one["new"] or one["old"], one["anchor"] or "", one["text"]) for one in found if not one["check"]]
    return made, check[0]


def carried_out(done: list[Step], check: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Do the steps on a copy of package and data, and run the check with it."""
    copy, work = folder / "copy", folder / "work"
    work.mkdir(parents=True)
    for name in ("secpipe", "policies"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for step in done:
        step.do(copy)
    env = {**os.environ, "PYTHONPATH": str(copy), "SECPIPE_HOME": str(folder / "h"), "SECPIPE_CACHE": str(folder / "c")}
    here = f"import secpipe; assert secpipe.__file__.startswith({str(copy)!r})\n"
    return subprocess.run([sys.executable, "-c", here + check], cwd=work, capture_output=True, text=True, env=env)


def test_there_is_a_recipe_for_each_thing_that_is_added_often() -> None:
    assert {page.stem for page in PAGES} == WANTED


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_recipe_fits_on_a_screen_and_works(page: Path, tmp_path: Path) -> None:
    made, check = steps(page)
    assert len(page.read_text().splitlines()) <= 90
    done = carried_out(made, check, tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("page", "left_out"),
    [(page, nth) for page in PAGES for nth in range(len(steps(page)[0]))],
    ids=lambda value: getattr(value, "stem", str(value)),
)
def test_a_recipe_with_a_step_left_out_fails(page: Path, left_out: int, tmp_path: Path) -> None:
    made, check = steps(page)
    done = carried_out([step for nth, step in enumerate(made) if nth != left_out], check, tmp_path)
    assert done.returncode != 0, f"{made[left_out].file} makes no difference"
