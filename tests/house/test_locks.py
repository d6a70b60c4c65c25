"""The locks: every package by hash, one version everywhere, and nothing in them that belongs to one machine."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
LOCKS = {path.stem: path for path in sorted((ROOT / "requirements").glob("*.txt"))}
ENTRY = re.compile(r"^([a-z0-9][a-z0-9.-]*)==([^ ;\\]+)", re.MULTILINE)
#: Never in a lock: they are large, or they have no place in a tool that only reads models.
UNWANTED = re.compile(r"^(torch|tensorflow|transformers|nvidia-|onnx|keras)", re.MULTILINE)


def versions(name: str) -> dict[str, str]:
    return dict(ENTRY.findall(LOCKS[name].read_text()))


def project() -> dict[str, object]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_the_locks_are_there() -> None:
    assert set(LOCKS) == {"core", "dev", "full", "mutants", "release", "site", "tools", "workflows"}


@pytest.mark.parametrize("name", sorted(LOCKS))
def test_lock_holds_hashes_and_nothing_of_one_machine(name: str) -> None:
    logical = LOCKS[name].read_text().replace("\\\n", " ").splitlines()
    for line in logical:
        assert re.match(r"[a-z0-9][a-z0-9.-]*==\S+( ; [^-]+?)?( +--hash=sha256:[0-9a-f]{64})+$", line), line[:200]
    assert logical
    assert not UNWANTED.search(LOCKS[name].read_text())


@pytest.mark.parametrize("name", ["core", "full", "release"])
def test_smaller_locks_name_the_versions_of_the_largest(name: str) -> None:
    dev = versions("dev")
    assert {package: dev.get(package) for package in versions(name)} == versions(name)


def test_the_lock_of_the_mutants_lane_names_the_versions_that_the_tests_run_with() -> None:
    assert versions("dev").items() <= versions("mutants").items()


def test_locks_answer_what_the_project_declares() -> None:
    declared = project()["project"]
    assert isinstance(declared, dict)
    wanted = {"core": list(declared["dependencies"])}
    wanted["full"] = wanted["core"] + [
        requirement
        for extra, requirements in declared["optional-dependencies"].items()
        for requirement in requirements
        if extra != "full"
    ]
    wanted["release"] = wanted["core"]
    for name, requirements in wanted.items():
        locked = versions(name)
        for text in requirements:
            requirement = Requirement(text)
            version = locked.get(canonicalize_name(requirement.name))
            assert version, f"{name}.txt lacks {requirement.name}: make lock"
            assert requirement.specifier.contains(version, prereleases=True), f"{name}.txt: {text}: make lock"


def test_full_means_every_extra() -> None:
    declared = project()["project"]
    assert isinstance(declared, dict)
    extras = dict(declared["optional-dependencies"])
    (full,) = extras.pop("full")
    extras.pop("mcp")  # docs/adr/0035: semgrep, which is in full, pins a version of its own
    assert Requirement(full).extras == set(extras)


def test_a_release_holds_the_core_and_no_builder() -> None:
    builders = {"hatchling", "pathspec", "pluggy", "trove-classifiers"}
    assert versions("release").items() <= versions("core").items()
    assert set(versions("core")) - set(versions("release")) == builders
