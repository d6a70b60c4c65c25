"""What picklescan and fickling accuse and we do not, of hostile and honest pickles: nothing, or it is explained."""

from __future__ import annotations

import json
import random
import subprocess
import tarfile
from pathlib import Path

import pytest

from bench.measure import rival
from tests import skips
from tests.honest.models.libraries.store import STORED
from tests.metamorphic.models.encodings import pickled
from tests.metamorphic.models.gadgets import made
from tests.metamorphic.models.judging import outcome
from tests.metamorphic.models.siblings import CASES

_COUNT = 1_000
#: An import that picklescan calls dangerous -> why an honest pickle may hold it.
EXPLAINED = {
    "getattr": "judged by the object and the name that it is given",
    "functools.partial": "judged by what it carries",
    "uuid.UUID": "a class that keeps one number",
    "operator.": "arithmetic that is referred to, and called by nobody while the pickle loads",
}
PICKLESCAN = """
import json, logging, sys
from picklescan.scanner import scan_file_path
logging.disable(logging.CRITICAL)
said = {}
for path in json.load(sys.stdin):
    try: found = scan_file_path(path, strict=len(sys.argv) > 1)
    except Exception: continue
    if found.issues_count:
        said[path] = sorted({f"{one.module}.{one.name}" for one in found.globals if one.safety.value == "dangerous"})
print(json.dumps(said))
"""
FICKLING = """
import json, sys, fickling
said = {}
for path in json.load(sys.stdin):
    try: found = fickling.scan_file(path, graceful=True)
    except BaseException: continue
    if not found.is_safe and not found.errors: said[path] = [found.severity.name]
print(json.dumps(said))
"""


def asked(name: str, code: str, paths: list[Path], *options: str) -> dict[str, list[str]]:
    """Return what a rival accuses, by path."""
    if rival(name) is None or (python := rival(name, "python")) is None:
        skips.cannot(f"{name} is not installed (make rivals)")
    given = json.dumps(list(map(str, paths)))
    done = subprocess.run([python, "-c", code, *options], input=given, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def laid(folder: Path, files: dict[str, bytes]) -> dict[str, bytes]:
    found = {}
    for number, (name, data) in enumerate(files.items()):
        path = folder / f"{number}" / name.rpartition("/")[2]
        path.parent.mkdir()
        path.write_bytes(data)
        found[str(path)] = data
    return found


def hostile() -> dict[str, bytes]:
    files = {f"gadget{seed}.pkl": made(seed)[1] for seed in range(_COUNT)}
    files |= {f"pickle{seed}.pkl": pickled(random.Random(seed))[2] for seed in range(_COUNT)}
    return files | {f"{kind}{name}.pkl": data for kind, name, bad, _ in CASES for data in bad.values()}


def honest() -> dict[str, bytes]:
    with tarfile.open(STORED) as archive:
        stored = {member.name: archive.extractfile(member) for member in archive}
        files = {name: file.read() for name, file in stored.items() if file is not None}
    return files | {f"{kind}{name}.pkl": data for kind, name, _, good in CASES for data in good.values()}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "code", "options"), [("picklescan", PICKLESCAN, ("strict",)), ("fickling", FICKLING, ())]
)
def test_no_hostile_pickle_that_another_accuses_is_ok(
    name: str, code: str, options: tuple[str, ...], tmp_path: Path
) -> None:
    files = laid(tmp_path, hostile())
    said = asked(name, code, [Path(path) for path in files], *options)
    assert len(said) > _COUNT / 2
    assert [path for path in said if outcome(files[path], path) == "ok"] == []


@pytest.mark.slow
def test_what_picklescan_accuses_in_an_honest_pickle_is_explained(tmp_path: Path) -> None:
    files = laid(tmp_path, honest())
    said = asked("picklescan", PICKLESCAN, [Path(path) for path in files])
    open_ = {
        path: names for path, names in said.items() if outcome(files[path], path) == "ok"
        and not all(any(known in name for known in EXPLAINED) for name in names)
    }  # fmt: skip
    assert open_ == {}
