"""An unchanged folder known by its files' stamps: only where nothing is enforced, and never after a change."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from secpipe.api import checking
from secpipe.gate.cached import cache
from tests import skips

POSIX = skips.unless_possible(sys.platform != "win32", "a ctime that tells of changes")
TEXT = "print('hello')  # 12345\n"
HIT = "import openai # 1234567\n"
assert len(TEXT) == len(HIT)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in list(os.environ):
        if name in ("CI", "GITHUB_ACTIONS", "GITHUB_EVENT_NAME", "GITLAB_CI") or name.startswith("CI_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("SECPIPE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SECPIPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "_SETTLED_NS", 0)  # or each test would have to wait for two seconds
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "chat.py").write_text(TEXT)
    return folder


def ask(project: Path, mode: str = "warn") -> checking.Checked:
    asked = dict.fromkeys(("policy", "policy_ref", "waivers_ref", "trust_pin", "name"), "")
    nothing = dict.fromkeys(("waivers", "trust", "warn_until", "advisories", "verdicts"))
    return checking.judged(
        checking.request_of(
            project, at=None, cache=True, parts=True, mode=mode, environment="prod", exclude=(), **asked, **nothing
        )
    )


def reads(project: Path, monkeypatch: pytest.MonkeyPatch, mode: str = "warn") -> bool:
    """Tell whether any file is read to answer."""
    from secpipe.system import tree

    read: list[str] = []
    whole = tree.walk
    monkeypatch.setattr(tree, "walk", lambda *given, **named: (read.append("walk"), whole(*given, **named))[1])
    ask(project, mode)
    monkeypatch.setattr(tree, "walk", whole)
    return bool(read)


@POSIX
def test_an_unchanged_folder_is_not_read_again_where_nothing_is_enforced(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ask(project)
    assert first.outcome is not None
    assert not reads(project, monkeypatch)
    assert ask(project).document == first.document


def test_where_something_is_enforced_every_file_is_read(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for mode in ("warn", "enforce", ""):
        ask(project, mode)
    assert reads(project, monkeypatch, "enforce")
    assert reads(project, monkeypatch, "")


def test_a_change_is_seen_though_size_and_time_are_put_back(project: Path) -> None:
    ask(project)
    file, before = project / "chat.py", (project / "chat.py").stat()
    file.write_text(HIT)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    found = ask(project)
    assert found.outcome is not None
    assert found.outcome.record.evidence["shadow-ai"].facts["uses"]


@POSIX
@pytest.mark.parametrize("change", ["new", "gone", "renamed", "mode", "link"])
def test_any_other_change_is_seen(project: Path, change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "second.py").write_text(TEXT)
    ask(project)
    file = project / "second.py"
    if change == "new":
        (project / "third.py").write_text(TEXT)
    elif change == "gone":
        file.unlink()
    elif change == "renamed":
        file.rename(project / "third.py")
    elif change == "mode":
        file.chmod(0o755)
    else:
        (project / "third.py").symlink_to("second.py")
    assert reads(project, monkeypatch)


def test_what_was_written_a_moment_ago_is_read_again(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "_SETTLED_NS", 2_000_000_000)
    ask(project)
    assert reads(project, monkeypatch)


def test_a_file_that_changes_while_it_is_judged_is_not_kept_by_its_stamp(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from secpipe.gate import pipeline

    whole = pipeline.check

    def slow(*given: object, **named: object) -> object:
        outcome = whole(*given, **named)  # type: ignore[arg-type]  # as the caller gave it
        (project / "chat.py").write_text(HIT)
        return outcome

    monkeypatch.setattr(pipeline, "check", slow)
    ask(project)
    monkeypatch.setattr(pipeline, "check", whole)
    assert ask(project).outcome is not None
