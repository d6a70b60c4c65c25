"""What a verdict tells to run, run as it stands by a robot that knows nothing else, ends honestly in 12 commands."""

from __future__ import annotations

import json
import pickle
import random
import re
import shutil
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from secpipe.core.do import quote
from tests import skips
from tests.e2e.robot import LIMIT, ROOT, End, Robot, against, story

pytestmark = skips.posix

ENFORCE = 'schema = "secpipe.policy/1"\nname = "shop"\nowner = "ann@shop.example"\nexpires = 2027-06-30\n'


#: Transcripts whose first check is wrong usage, and those whose project holds something malicious.
WRONG = ("bad-paths", "bad-policy", "bad-usage", "first-day-small")
MALICIOUS = ("acme-chat", "bad-names")


class _Attack:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        import os

        return os.system, ("true",)


class _Unlisted:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return run_plugin, ("x",)


def run_plugin(name: str) -> None:
    """Stands for code that no list of gadgets knows."""


def weights(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    head = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    path.write_bytes(struct.pack("<Q", len(head)) + head + bytes(4))


def project(root: Path, seed: int) -> tuple[bool, bool]:
    """Make a project of random parts; return whether it is malicious, and whether it comes with a policy."""
    pick = random.Random(seed)
    folder = root / pick.choice(["shop", "a shop", "-shop", "shop's", "$(touch pwned)", "sh\nop"])
    folder.mkdir()
    models = pick.choice(["models", "my models", "models/x y", "-m"])
    if pick.random() < 0.7:
        weights(folder / models / "w.safetensors")
    if pick.random() < 0.6:
        (folder / "app.py").write_text("from openai import OpenAI\nclient = OpenAI()\n")
    if pick.random() < 0.3:
        (folder / "local.py").write_text(
            'import requests\nrequests.post("https://api.deepseek.com/v1/chat/completions")\n'
        )
    if pick.random() < 0.4:
        (folder / "requirements.txt").write_text("jinja2==3.1.4\n")
    malicious = pick.random() < 0.35
    if malicious:
        target = folder / pick.choice(["models/m.pkl", "data/x.bin", "-evil.pkl", "it's.pkl"])
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(pickle.dumps(pick.choice([_Attack, _Unlisted])()))
    own = pick.random() < 0.7
    if own:
        (root / "rules.toml").write_text(ENFORCE)
    return malicious, own


def told(end: End) -> str:
    left = [(reason["rule"], reason["what"], reason["do"]) for reason in against(end.document)]
    return "\n".join([*(f"[{code}] {line}" for line, code in end.ran), end.document["sentence"], *map(str, left)])


@pytest.mark.parametrize("seed", range(20))
def test_a_generated_project_ends_honestly(seed: int, tmp_path: Path) -> None:
    robot = Robot(tmp_path)
    malicious, own = project(tmp_path / "work", seed)
    (folder,) = [path for path in (tmp_path / "work").iterdir() if path.is_dir()]
    name = folder.name if not folder.name.startswith("-") else f"./{folder.name}"
    end = story(robot, f"secpipe check {quote(name)}" + (" --policy rules.toml" if own else ""))
    assert end.honest, told(end)
    assert not (malicious and end.passed), told(end)
    assert not list((tmp_path / "work").rglob("pwned"))


def test_without_a_grant_only_what_mends_is_run(tmp_path: Path) -> None:
    robot = Robot(tmp_path)
    weights(tmp_path / "work/shop/models/w.safetensors")
    (tmp_path / "work/rules.toml").write_text(ENFORCE)
    end = story(robot, "secpipe check shop --policy rules.toml", grants=("fix",))
    assert not end.passed
    assert (tmp_path / "work/rules.toml").read_text() == ENFORCE
    assert [line for line, _ in end.ran if "check" not in line] == []


STORIES = sorted((ROOT / "tests/e2e/transcripts").glob("*.txt"))
_ASKED = re.compile(r"\$ (secpipe check (?!.*--(?:at|store|sign)\b)[^|&;]*)")


def asked(path: Path) -> tuple[list[str], str]:
    """Return the lines of a transcript up to its first check, and that check, "" where it has none."""
    before: list[str] = []
    for line in path.read_text().splitlines():
        if found := _ASKED.fullmatch(line):
            return before, re.sub(r" (?:-f \S+|--exit-zero|--explain\S*|--mode warn)(?= |$)", "", found[1])
        before += [line[2:]] if line.startswith("$ ") else []
    return before, ""


@pytest.mark.parametrize("path", [path for path in STORIES if asked(path)[1]], ids=lambda path: path.stem)
def test_the_project_of_a_transcript_ends_honestly(path: Path, tmp_path: Path) -> None:
    robot = Robot(tmp_path, {"ROOT": str(ROOT), "PYTHON": sys.executable, "UV_OFFLINE": "1"})
    before, check = asked(path)
    for line in before:
        if named := re.fullmatch(r"([A-Z]+)=\$\((.*)\)", line):
            robot.environment[named[1]] = robot.run(named[2])[1].strip()
        else:
            robot.run(line, answers=True)
    robot.ran.clear()
    if path.stem in WRONG:
        assert robot.run(check)[0] in (2, 3)
        return
    end = story(robot, check, mends=False)
    assert len(end.ran) <= LIMIT, told(end)
    assert end.passed or end.left <= {"person", "fix"}, told(end)
    assert not (end.passed and path.stem in MALICIOUS), told(end)


def wheel(folder: Path, name: str, version: str) -> None:
    """Write the smallest wheel that a resolver takes."""
    stem = f"{name.replace('-', '_')}-{version}"
    info = f"{stem}.dist-info"
    with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as file:
        file.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        file.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        file.writestr(f"{info}/RECORD", "")


def test_acme_chat_ends_in_a_pass_once_a_person_removed_the_malicious_model(tmp_path: Path) -> None:
    """The robot is not given that model's removal: it stops there. Then somebody does what the sentence says."""
    packages = tmp_path / "packages"
    packages.mkdir()
    robot = Robot(tmp_path, {"UV_FIND_LINKS": str(packages), "UV_NO_INDEX": "1", "UV_OFFLINE": "1"})
    work = tmp_path / "work"
    shutil.copytree(ROOT / "examples/acme-chat", work / "acme-chat")
    subprocess.run([sys.executable, work / "acme-chat/make_models.py"], check=True, capture_output=True, timeout=60)
    shutil.copy(ROOT / "examples/demo/policy.toml", work)
    lock = (work / "acme-chat/requirements.txt").read_text()
    pins = [line.split()[0].split("==") for line in lock.splitlines() if "==" in line and line[:1].isalpha()]
    for name, version in [*pins, ["jinja2", "3.1.6"], ["python-multipart", "0.0.31"]]:
        wheel(packages, name, version.rstrip(";\\ "))
    end = story(robot, "secpipe check acme-chat --policy policy.toml")
    assert not end.passed
    assert end.left == {"person"}, told(end)
    assert len(end.ran) <= LIMIT
    assert {reason["path"] for reason in against(end.document)} == {"models/intent-legacy/classifier.pkl"}
    shutil.rmtree(work / "acme-chat/models/intent-legacy")
    last = next(line for line, _ in reversed(end.ran) if line.startswith("secpipe check "))
    assert robot.judge(last.partition(" -f json")[0])["exit_code"] == 0
