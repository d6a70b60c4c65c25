"""Real processes that end badly: a full disk, an interrupt, a closed pipe, a huge tree, a huge file."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import skips, unprivileged
from tests.e2e.transcript import Shell

pytestmark = skips.unless_possible(sys.platform != "win32", "POSIX processes")
ROOT = Path(__file__).resolve().parents[2]
SECPIPE = [sys.executable, "-m", "secpipe"]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    places = {"HOME": tmp_path, "SECPIPE_HOME": tmp_path / "home", "SECPIPE_CACHE": tmp_path / "cache"}
    return os.environ | {name: str(place) for name, place in places.items()} | {"PYTHONPATH": str(ROOT), "CI": "1"}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "requirements.txt").write_text("click==8.1.8\n")
    (folder / "app.py").write_text("print(1)\n")
    return folder


def run(arguments: list[str], environment: dict[str, str], **rest: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # type: ignore[call-overload,no-any-return]
        [*SECPIPE, *arguments], env=environment, capture_output=True, text=True, timeout=300, **rest
    )


def test_a_full_disk_leaves_no_partial_report(project: Path, environment: dict[str, str], tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    script = 'ulimit -f 1; exec "$@"'  # no file may grow beyond 512 or 1024 bytes: what a full disk does
    done = subprocess.run(
        ["sh", "-c", script, "sh", *SECPIPE, "check", str(project), "-f", f"json={out}/verdict.json"],
        env=environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 3
    assert "cannot write" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(out.iterdir()) == []


def test_a_closed_pipe_is_not_a_pass(project: Path, environment: dict[str, str]) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [*SECPIPE, "check", str(project)], env=environment, stdout=write, stderr=subprocess.PIPE, timeout=120
    )
    os.close(write)
    assert done.returncode == 3
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr


@pytest.mark.parametrize(
    ("closed", "codes"), [(">&-", {3}), ("2>&-", {0, 1, 3}), (">&- 2>&-", {3}), ("<&- >&- 2>&-", {3})]
)
@pytest.mark.parametrize("command", ["check", "scan models", "--help"])
def test_a_closed_stdout_or_stderr_is_neither_a_no_nor_a_defect(
    closed: str, codes: set[int], command: str, project: Path, environment: dict[str, str]
) -> None:
    words = [*SECPIPE, *command.split(), *([str(project)] if command != "--help" else [])]
    whole = run(words[3:], environment).returncode
    script = f'exec "$@" {closed}'
    done = subprocess.run(["sh", "-c", script, "sh", *words], env=environment, capture_output=True, timeout=120)
    assert done.returncode in (codes if ">&-" in closed.split() else {whole})
    assert b"Traceback" not in done.stderr + done.stdout
    assert b"defect" not in done.stderr


def test_a_full_stdout_is_not_a_pass(project: Path, environment: dict[str, str]) -> None:
    if not Path("/dev/full").exists():
        skips.cannot("this system has no /dev/full")
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*SECPIPE, "check", str(project)], env=environment, stdout=full, stderr=subprocess.PIPE, timeout=120
        )
    assert done.returncode == 3
    assert b"Traceback" not in done.stderr


def test_an_interrupt_ends_with_130_and_leaves_nothing(environment: dict[str, str], tmp_path: Path) -> None:
    folder, out = tmp_path / "project", tmp_path / "out"
    folder.mkdir()
    out.mkdir()
    with open(folder / "model.bin", "wb") as file:
        file.truncate(64 << 30)
    child = subprocess.Popen(
        [*SECPIPE, "check", str(folder), "-v", "-f", f"json={out}/verdict.json"],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's `&` hands down an ignored one
    )  # fmt: skip
    assert child.stderr is not None
    assert "reading files" in child.stderr.readline()
    time.sleep(0.5)
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=60)
    assert child.returncode == 130
    assert "interrupted" in err
    assert "Traceback" not in err
    assert list(out.iterdir()) == []


def test_a_hundred_thousand_files(environment: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "project"
    for part in range(200):
        (folder / f"d{part}").mkdir(parents=True)
        for number in range(500):
            (folder / f"d{part}/f{number}").touch()
    (folder / "requirements.txt").write_text("click==8.1.8\n")
    done = run(["check", str(folder), "-f", "json"], environment)
    document = json.loads(done.stdout)
    assert done.returncode == 0, document["sentence"]
    assert document["subject"]["files"] == 100_001


def test_a_four_gigabyte_sparse_file_is_read_in_bounded_memory(environment: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    with open(folder / "weights.bin", "wb") as file:
        file.truncate(4 << 30)
    limit = "import resource; resource.setrlimit(resource.RLIMIT_AS, (2 << 30,) * 2); "
    script = limit + "import runpy; runpy.run_module('secpipe', run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", script, "check", str(folder), "-f", "json"],
        env=environment, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    document = json.loads(done.stdout)
    assert done.returncode in (1, 3)  # a model of no known format that nobody signed
    assert document["subject"]["bytes"] == 4 << 30
    assert "MemoryError" not in done.stdout + done.stderr


def test_an_unreadable_file_is_not_a_pass(project: Path, environment: dict[str, str]) -> None:
    (project / "secret.py").write_text("x")
    (project / "secret.py").chmod(0)
    done = subprocess.run(
        [*unprivileged.COMMAND, *SECPIPE, "check", str(project)],
        env=environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 3
    assert "secret.py" in done.stdout


def test_python_m_secpipe_does_not_import_from_the_tree_under_test(project: Path, environment: dict[str, str]) -> None:
    for name in ("click", "cryptography", "yaml", "packaging"):
        (project / f"{name}.py").write_text("raise SystemExit('executed the tree under test')")
    environment = {name: value for name, value in environment.items() if name != "PYTHONPATH"}
    code = f"import sys; sys.path.append({str(ROOT)!r}); import runpy; sys.argv[0] = 'secpipe'; "
    code += "runpy.run_module('secpipe', run_name='__main__', alter_sys=True)"
    done = subprocess.run(
        [sys.executable, "-c", code, "check", "."],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "executed the tree" not in done.stdout + done.stderr
    assert done.returncode in (0, 3), done.stderr


def test_a_file_the_system_refuses_to_open_is_not_a_pass(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """As root every mode is readable: here the kernel's own answer is given for one file, whoever runs the test."""
    (shell.cwd / "requirements.txt").write_text("click==8.1.8\n")
    (shell.cwd / "secret.py").write_text("x")
    real = os.open

    def refuse(path: object, *rest: object, **more: object) -> int:
        if str(path).endswith("secret.py"):
            raise PermissionError(13, "Permission denied")
        return real(path, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", refuse)
    code, out, _ = shell("secpipe check .")
    assert code == 3
    assert "secret.py (cannot be read: permission denied)" in out
