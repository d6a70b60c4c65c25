"""The gate on a machine that has judged before: an older or forked ring and a clock set back are not accepted."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from secpipe.core.evidence import State
from secpipe.gate.outcome import Outcome
from secpipe.gate.pipeline import check
from secpipe.gate.request import Request
from secpipe.keys.schedule import Schedule
from secpipe.keystore import memory
from secpipe.keystore.commit import rotate
from secpipe.keystore.trusted import open_folder
from tests import skips
from tests.unit.keystore.conftest import Project

DAY = timedelta(days=1)


@pytest.fixture
def release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A release, and a machine of its own that judges it."""
    monkeypatch.setenv("SECPIPE_HOME", str(tmp_path / "machine"))
    monkeypatch.setenv("SECPIPE_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "release"
    folder.mkdir()
    (folder / "requirements.txt").write_text(f"attrs==24.2.0 --hash=sha256:{'a' * 64}\n")
    return folder


def judge(release: Path, now: datetime, keys: Path | None = None, **options: Any) -> Outcome:
    values: dict[str, Any] = {"policy": "builtin:baseline", "trust": keys, "memory": "keep"}
    return check(Request(path=release, now=now, **values | options))


def rules(outcome: Outcome) -> set[str]:
    return {reason.rule for reason in outcome.judgement.reasons}


def rotated(project: Project, passphrase: Callable[[], bytes], now: datetime) -> None:
    made = rotate(project.keys, project.home, Schedule(jitter=timedelta(0)), passphrase, lambda: now)
    assert made.made


@pytest.mark.parametrize("pinned", [True, False])
def test_an_older_ring_is_refused_after_a_newer_one_was_seen(
    pinned: bool, release: Path, project: Project, tmp_path: Path, now: datetime, passphrase: Callable[[], bytes]
) -> None:
    old = tmp_path / "old"
    shutil.copytree(project.keys, old)
    pin = project.pin if pinned else ""
    later = now + 80 * DAY
    rotated(project, passphrase, later)
    assert judge(release, later, old, trust_pin=pin).rules.trust is not None
    assert judge(release, later + DAY, project.keys, trust_pin=pin).rules.trust is not None
    refused = judge(release, later + 2 * DAY, old, trust_pin=pin)
    assert refused.rules.trust is None
    assert refused.record.evidence["trust"].state is State.FAILED
    assert "rollback" in refused.record.evidence["trust"].reason
    assert refused.document["exit_code"] == 1
    assert judge(release, later + 3 * DAY, project.keys, trust_pin=pin).rules.trust is not None


def test_a_forked_ring_is_refused(
    release: Path, project: Project, tmp_path: Path, now: datetime, passphrase: Callable[[], bytes]
) -> None:
    shutil.copytree(project.keys, tmp_path / "fork" / "keys")
    shutil.copytree(project.home, tmp_path / "fork" / "home")
    fork = Project(tmp_path / "fork" / "keys", tmp_path / "fork" / "home", project.pin)
    later = now + 80 * DAY
    rotated(project, passphrase, later)
    rotated(fork, passphrase, later)
    judge(release, later, project.keys)
    refused = judge(release, later + DAY, fork.keys)
    assert refused.record.evidence["trust"].state is State.FAILED
    assert "fork" in refused.record.evidence["trust"].reason


@pytest.mark.parametrize("options", [{"memory": "none"}, {"memory": "read"}, {"memory": "keep", "simulated": True}])
def test_what_does_not_judge_for_good_is_not_remembered(
    options: dict[str, Any], release: Path, project: Project, tmp_path: Path, now: datetime
) -> None:
    judge(release, now, project.keys, **options)
    judge(release, now, **options)
    assert not (tmp_path / "machine" / "seen").exists()


def test_a_simulated_time_is_neither_rollback_nor_a_wrong_clock(
    release: Path, project: Project, tmp_path: Path, now: datetime, passphrase: Callable[[], bytes]
) -> None:
    old = tmp_path / "old"
    shutil.copytree(project.keys, old)
    rotated(project, passphrase, now + 80 * DAY)
    judge(release, now + 80 * DAY, project.keys)
    past = judge(release, now + DAY, old, simulated=True, memory="none")
    assert past.rules.trust is not None
    assert "gate/clock" not in rules(past)


def test_a_clock_before_the_last_verdict_leaves_it_undecided(release: Path, project: Project, now: datetime) -> None:
    judge(release, now + 2 * DAY, project.keys)
    back = judge(release, now + DAY, project.keys)
    assert "gate/clock" in rules(back)
    assert back.document["exit_code"] == 3
    (reason,) = (reason for reason in back.judgement.reasons if reason.rule == "gate/clock")
    assert "before the last verdict of 2026-11-23T12:00:00Z" in reason.what
    assert reason.do is not None
    assert "$SECPIPE_HOME/seen/" in reason.do.text
    assert "gate/clock" in rules(judge(release, now + DAY, project.keys, memory="read"))
    assert "gate/clock" not in rules(judge(release, now + 3 * DAY, project.keys))


def test_a_clock_before_the_ring_leaves_it_undecided_on_a_fresh_machine_too(
    release: Path, project: Project, now: datetime
) -> None:
    back = judge(release, now - DAY, project.keys)
    assert "gate/clock" in rules(back)
    assert back.rules.trust is None
    assert back.document["exit_code"] == 3


def test_clocks_may_differ_a_little(release: Path, project: Project, now: datetime) -> None:
    judge(release, now + DAY, project.keys)
    assert "gate/clock" not in rules(judge(release, now + DAY - timedelta(seconds=30), project.keys))


def test_without_a_trust_root_the_policy_remembers(release: Path, tmp_path: Path, now: datetime) -> None:
    judge(release, now + DAY)
    assert "gate/clock" in rules(judge(release, now))
    assert "gate/clock" not in rules(judge(release, now, policy="builtin:strict"))
    assert "gate/clock" not in rules(judge(release, now + 2 * DAY))


def test_a_policy_that_is_not_pinned_is_not_remembered(release: Path, tmp_path: Path, now: datetime) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text('schema = "secpipe.policy/1"\nname = "p"\nowner = "o"\nexpires = 2028-01-01\n')
    judge(release, now, policy=str(policy))
    assert not (tmp_path / "machine").exists()


def test_the_wrong_clock_is_recorded_and_judged_again_alike(release: Path, now: datetime) -> None:
    judge(release, now + DAY)
    back = judge(release, now)
    assert {reason.rule for reason in back.judge_at(now + 9 * DAY).reasons} == rules(back)
    assert back.record.evidence["clock"].state is State.SKIPPED


def test_damaged_memory_is_not_passed_over(release: Path, project: Project, tmp_path: Path, now: datetime) -> None:
    judge(release, now, project.keys)
    judge(release, now)
    for file in (tmp_path / "machine" / "seen").glob("*.json"):
        file.write_text("{")
    assert judge(release, now + DAY, project.keys).rules.trust is None
    assert judge(release, now + DAY).document["exit_code"] == 3


@skips.unless_possible(sys.platform != "win32", "POSIX permissions")
def test_a_home_that_cannot_be_written_is_said_and_does_not_stop_the_gate(
    release: Path, project: Project, tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "a-file"
    blocked.write_text("")
    monkeypatch.setenv("SECPIPE_HOME", str(blocked / "home"))
    said: list[str] = []
    outcome = check(
        Request(path=release, now=now, policy="builtin:baseline", trust=project.keys, memory="keep"), said.append
    )
    assert outcome.rules.trust is not None
    assert any("remembered" in text or "memory" in text for text in said)


def _remember(folder: str, home: str, when: str) -> None:
    found = open_folder(Path(folder), now=None)
    for _ in range(5):
        memory.remember(Path(home), found, datetime.fromisoformat(when))
        memory.remember_time(Path(home), "a" * 64, datetime.fromisoformat(when))


def test_many_at_once_never_lower_what_is_remembered(
    project: Project, tmp_path: Path, now: datetime, passphrase: Callable[[], bytes]
) -> None:
    old = tmp_path / "old"
    shutil.copytree(project.keys, old)
    rotated(project, passphrase, now + 80 * DAY)
    context = multiprocessing.get_context("fork" if hasattr(os, "fork") else "spawn")
    jobs = [
        context.Process(target=_remember, args=(str(folder), str(tmp_path / "machine"), (now + age * DAY).isoformat()))
        for folder, age in ((old, 1), (project.keys, 100), (old, 2), (project.keys, 90))
    ]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert [job.exitcode for job in jobs] == [0, 0, 0, 0]
    found = open_folder(project.keys, now=None)
    seen = memory.recall(tmp_path / "machine", found.anchor)
    assert seen is not None
    assert (seen.ring_version, seen.time) == (found.ring.version, now + 100 * DAY)
    assert memory.last_time(tmp_path / "machine", "a" * 64) == now + 100 * DAY


def test_the_command_remembers_and_the_hook_only_looks(
    release: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from secpipe.cli.main import run

    run(["check", str(release), "--policy", "builtin:baseline", "--at", "2026-11-21"])
    assert not (tmp_path / "machine" / "seen").exists()
    run(["check", str(release), "--policy", "builtin:baseline", "-f", "json"])
    (file,) = (tmp_path / "machine" / "seen").glob("policy-*.json")
    file.write_text(json.dumps({"time": "2199-01-01T00:00:00Z"}))
    capsys.readouterr()
    assert run(["check", str(release), "--policy", "builtin:baseline"]) == 3
    assert "before the last verdict of 2199-01-01" in " ".join(capsys.readouterr().out.split())
