"""The output door in the small: links, state files, secrets, CI commands, and what stays as it is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from secpipe.core.errors import ConfigError, InputError, SecpipeError
from secpipe.core.foreign import Sink
from secpipe.system import diskcache, files, links, locks, outputs
from tests import skips

OLD = b"old"


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    place = tmp_path / "victim"
    place.write_bytes(OLD)
    return place


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a folder under judgement."""
    folder = tmp_path / "project"
    folder.mkdir()
    links.judge(folder)
    return folder


def test_a_link_in_a_judged_folder_is_refused_by_whatever_way_it_is_named(project: Path, victim: Path) -> None:
    (project / "report.json").symlink_to(victim)
    (project.parent / "alias").symlink_to("project")
    for place in (project / "report.json", project.parent / "alias" / "report.json", project / "." / "report.json"):
        with pytest.raises(ConfigError, match="link inside the project"):
            outputs.write(place, "x")
    assert victim.read_bytes() == OLD


def test_a_link_in_the_git_work_tree_around_the_judged_folder_is_refused(project: Path, victim: Path) -> None:
    (project / "service").mkdir()
    (project / ".git").mkdir()
    (project / "report.json").symlink_to(victim)
    links.judge(project / "service")
    with pytest.raises(ConfigError, match="link inside the project"):
        outputs.write(project / "report.json", "x")


def test_a_link_beside_the_project_is_followed_and_stays(project: Path, victim: Path) -> None:
    link = project.parent / "out.json"
    link.symlink_to("victim")
    outputs.write(link, "new")
    assert victim.read_bytes() == b"new"
    assert link.is_symlink()


@pytest.mark.parametrize("mode", [0o644, 0o600])
def test_state_never_follows_a_link(project: Path, victim: Path, mode: int) -> None:
    place = project.parent / "1.targets.json"
    place.symlink_to(victim)
    files.write_atomic(place, b"state", mode=mode)
    assert victim.read_bytes() == OLD
    assert not place.is_symlink()
    assert place.stat().st_mode & 0o777 == mode


def test_a_secret_is_private_whatever_stood_there(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(OLD)
    (tmp_path / "key").chmod(0o666)
    files.write_atomic(tmp_path / "key", b"secret", mode=0o600)
    assert (tmp_path / "key").stat().st_mode & 0o7777 == 0o600


def test_state_is_not_written_through_a_folder_that_a_pull_request_made_a_link(project: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (project / "ring").symlink_to(tmp_path / "elsewhere")
    for write in (
        lambda: files.write_atomic(project / "ring" / "2.targets.json", b"x"),
        lambda: files.create_exclusive(project / "ring" / "key", b"x"),
        lambda: files.make_folder(project / "ring" / "new" / "folder"),
        lambda: files.append(project / "ring" / "summary", b"x"),
        lambda: files.rename(project / "ring" / "a", project / "ring" / "b"),
        lambda: files.write_folder(project / "ring" / "entry", {"a": b"x"}),
        lambda: files.state_place(project / "ring" / "inventory.db"),
    ):
        with pytest.raises(ConfigError, match="link inside the project"):
            write()
    with pytest.raises(ConfigError), locks.lock(project / "ring" / "lock"):
        pass
    assert not list((tmp_path / "elsewhere").iterdir())


def test_init_writes_all_or_nothing(tmp_path: Path) -> None:
    (tmp_path / ".github").write_text("a file\n")
    done = subprocess.run([sys.executable, "-m", "secpipe", "init", str(tmp_path)], cwd="/", capture_output=True)
    assert done.returncode == 2
    assert [one.name for one in tmp_path.iterdir()] == [".github"]


def test_state_takes_no_fifo_folder_or_link_for_a_file(tmp_path: Path, victim: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to(victim)
    for place in (tmp_path / "fifo", tmp_path):
        with pytest.raises(ConfigError):
            files.write_atomic(place, b"x")
    with pytest.raises(ConfigError, match="is a link"):
        files.state_place(tmp_path / "link")
    with pytest.raises(InputError, match="exists already"):
        files.create_exclusive(tmp_path / "link", b"x")
    with pytest.raises(SecpipeError, match="cannot lock"), locks.lock(tmp_path / "link"):
        pass
    assert victim.read_bytes() == OLD


def test_a_kept_result_is_not_written_over_a_link(tmp_path: Path, victim: Path) -> None:
    place = tmp_path / "cache" / "entry"
    place.parent.mkdir(mode=0o700)
    place.symlink_to(victim)
    diskcache.keep(place, {"a": 1})
    assert victim.read_bytes() == OLD


def test_init_writes_nothing_through_a_planted_folder(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / ".github").symlink_to(tmp_path / "elsewhere")
    done = subprocess.run([sys.executable, "-m", "secpipe", "init", "project"], cwd=tmp_path, capture_output=True)
    assert done.returncode == 2
    assert b"link inside the project" in done.stderr
    assert not list((tmp_path / "elsewhere").iterdir())


def test_places_are_looked_at_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        outputs.check(tmp_path / "a", tmp_path / "absent" / "b")
    for place in ("", "a\0b", f"{tmp_path}/new/", str(tmp_path)):
        with pytest.raises(ConfigError):
            outputs.check(place)


@pytest.mark.parametrize("end", ["/", "//", "/."])
def test_a_file_named_as_a_folder_is_not_replaced(end: str, victim: Path) -> None:
    with pytest.raises(ConfigError, match="names a folder"):
        outputs.write(f"{victim}{end}", "report")
    assert victim.read_bytes() == OLD


@pytest.mark.parametrize("char", ["x", "\u00e9", "\u4e2d", "\U0001f600"])
def test_the_longest_name_that_a_file_can_have_is_written(char: str, tmp_path: Path) -> None:
    place = tmp_path / (char * (255 // len(char.encode())))
    outputs.write(place, "report")
    assert place.read_text() == "report"


def test_exact_bytes_stay_exact(tmp_path: Path) -> None:
    data = b"##[error] \x1b[2J https://a:secretsecret@b \xff\n::error::"
    outputs.write(tmp_path / "bundle", data, Sink.EXACT)
    assert (tmp_path / "bundle").read_bytes() == data


def test_a_report_holds_neither_secret_nor_command(tmp_path: Path) -> None:
    outputs.write(tmp_path / "report", "a https://bob:hunter22@h/x\n ::error::owned\n\x1b[2J##[add-mask]x\n")
    assert (tmp_path / "report").read_text() == (
        "a https://bob:REDACTED@h/x\n \\u003a:error::owned\n\\u001b[2J\\u0023#[add-mask]x\n"
    )


def test_a_complaint_is_one_line_without_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    outputs.tell("cannot fetch https://bob:hunter22@h/x\n::error::no\u202e")
    assert capsys.readouterr().err == "cannot fetch https://bob:REDACTED@h/x\\n::error::no\\u202e\n"


def test_a_result_that_stdout_cannot_take_is_undecided() -> None:
    if not Path("/dev/full").exists():
        skips.cannot("no /dev/full here")
    code = 'exec "$0" -m secpipe keys schemes > /dev/full'
    done = subprocess.run(["sh", "-c", code, sys.executable], capture_output=True, text=True)
    assert done.returncode == 3
    assert "cannot write stdout: no space left" in done.stderr


def test_an_unexpected_error_is_undecided_also_with_a_traceback(tmp_path: Path) -> None:
    code = (
        "import secpipe.cli.main as m\n"
        "def broken(*a, **k): raise ValueError('https://bob:hunter22@h')\n"
        "m.root.main = broken\nm.main(['--help'])"
    )
    environment = os.environ | {"SECPIPE_TRACEBACK": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.returncode == 3
    assert "ValueError" in done.stderr
    assert "hunter22" not in done.stderr.replace(code, "")
