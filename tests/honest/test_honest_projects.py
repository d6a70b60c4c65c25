"""What honest projects see under the policy that `init` writes for them: little, true, and each with what to do."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from secpipe.gate.pipeline import check
from secpipe.gate.policies import policy_file
from secpipe.gate.request import Request
from secpipe.gate.starter import detect, starter_files
from secpipe.system.tree import walk
from tests.honest.projects import PROJECTS, Project
from tests.metamorphic.judge import write

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
ALLOW = """
[[shadow_ai.allow]]
provider = "{0}"
owner = "ann@example.org"
reason = "contract 2026-014"
expires = 2027-03-31
"""
#: What whoever answers for a project with models has to do once: keys, and a signature.
TO_SIGN = {"gate/unsigned-artifact", "gate/not-checked"}


def judged(place: Path, project: Project) -> dict[str, Any]:
    root = place / "project"
    write(root, {path: text.encode() if isinstance(text, str) else text for path, text in project.files.items()})
    made = starter_files(detect(walk(root), ()), name="app", owner="ann@example.org", today=NOW.date())
    text = next(text for path, text in made.items() if path.endswith("policy.toml"))
    rules = place / "policy.toml"
    rules.write_text(text + "".join(map(ALLOW.format, project.providers)))
    pin = f"sha256:{policy_file.load(str(rules)).digest}"
    return check(Request(root, NOW, policy=str(rules), policy_ref=pin, cache=False)).document


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECPIPE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SECPIPE_CACHE", str(tmp_path / "cache"))


def test_there_are_twenty_of_them() -> None:
    assert len({project.name for project in PROJECTS}) == len(PROJECTS) == 20


@pytest.mark.parametrize("project", PROJECTS, ids=lambda project: project.name)
def test_an_honest_project_sees_no_noise(project: Project, tmp_path: Path) -> None:
    document = judged(tmp_path, project)
    told = [(one["rule"], one["what"]) for one in document["reasons"] if one["effect"] in ("deny", "undecided")]
    models = any(path.endswith(".safetensors") for path in project.files)
    wrong = [
        what for rule, what in told if not (models and rule in TO_SIGN) and not (project.open and project.open in what)
    ]
    assert not wrong
    assert len(document["reasons"]) <= 3, [one["what"] for one in document["reasons"]]
    assert all(one["fix"] for one in document["reasons"])
    things = [row for one in document["checks"] if one["account"] for row in one["account"]["things"].values()]
    assert sum(row["not_read"] for row in things) <= bool(project.open or "conda.yaml" in project.files)
