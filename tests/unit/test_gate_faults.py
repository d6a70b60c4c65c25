"""A full disk, an I/O error and a kill at every step of the file-system door: no half verdict, no wrong pass."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import pytest

from secpipe.cli.main import run
from secpipe.core.errors import EXIT_UNDECIDED, SecpipeError
from secpipe.gate.verdicts import store
from secpipe.system import files
from tests import skips
from tests.unit.verdict_world import Gate

pytestmark = skips.unless_possible(sys.platform != "win32", "POSIX calls")
STEPS = ("open", "fsync", "replace", "unlink", "makedirs")
FAULTS = (errno.ENOSPC, errno.EIO)
POLICY = 'schema = "secpipe.policy/1"\nname = "p"\nowner = "o"\nexpires = 2040-01-01\nprofile = ["baseline"]\n'


class Torn:
    """A file of which only the first half of a write arrives."""

    def __init__(self, file: IO[bytes], fail: Callable[[], None]) -> None:
        self.file, self.fail = file, fail

    def __enter__(self) -> Torn:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.file.close()

    def write(self, data: bytes) -> int:
        self.file.write(data[: len(data) // 2])
        self.file.flush()
        self.fail()
        return self.file.write(data[len(data) // 2 :])

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)


class Door:
    """`os` as the door sees it; the step number `at` ends in `act`."""

    def __init__(
        self, at: int, act: Callable[[], None], only: Callable[[str, Any], bool] = lambda step, what: True
    ) -> None:
        self.at, self.act, self.only, self.count = at, act, only, 0

    def step(self, name: str, what: Any) -> None:
        if self.only(name, what):
            self.count += 1
            if self.count == self.at:
                self.act()

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        if name == "fdopen":
            return self.fdopen
        if name not in STEPS:
            return real

        def called(*arguments: Any, **options: Any) -> Any:
            self.step(name, arguments[0])
            return real(*arguments, **options)

        return called

    def fdopen(self, descriptor: int, mode: str = "r", *rest: Any, **options: Any) -> Any:
        file = os.fdopen(descriptor, mode, *rest, **options)
        return Torn(file, lambda: self.step("write", descriptor)) if mode == "wb" else file


def raising(code: int) -> Callable[[], None]:
    def act() -> None:
        raise OSError(code, os.strerror(code))

    return act


def meet(act: Callable[[], Any], monkeypatch: pytest.MonkeyPatch, fault: Callable[[], None], at: int) -> bool:
    """Run `act` with a fault at one step; True where there was such a step."""
    door = Door(at, fault)
    with monkeypatch.context() as patch:
        patch.setattr(files, "os", door)
        try:
            act()
        except SecpipeError as error:
            undecided = error.exit_code == EXIT_UNDECIDED
            assert undecided
    return door.count >= at


def killed(act: Callable[[], Any], at: int) -> bool:
    """Run `act` in a process of its own that ends without a word at one step; True where there was such a step."""
    child = os.fork()
    if not child:
        files.os = Door(at, lambda: os._exit(9))  # type: ignore[assignment]
        try:
            act()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


def whole(gate: Gate) -> None:
    """Every entry that the store lists holds all that it must."""
    for entry in store.entries(gate.store) if gate.store.is_dir() else ():
        assert entry.verdict()["decision"] in {"pass", "deny"}
        assert all((entry.folder / name).stat().st_size for name in (store.EVIDENCE, store.POLICY))


def every(act: Callable[[], Any], monkeypatch: pytest.MonkeyPatch, check: Callable[[], None]) -> int:
    """Meet each fault at each step of `act`, and `check` after each; returns how many there were."""
    met = 0
    for fault in FAULTS:
        at = 1
        while meet(act, monkeypatch, raising(fault), at):
            check()
            met, at = met + 1, at + 1
    at = 1
    while killed(act, at):
        check()
        met, at = met + 1, at + 1
    return met


def test_a_signed_no_is_kept_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(tmp_path)
    outcome = gate.denied()

    def check() -> None:
        whole(gate)
        assert gate.ask().exit_code != 0

    assert every(lambda: gate.sign(outcome), monkeypatch, check) > 40
    gate.sign(outcome)
    assert gate.ask().exit_code == 1


@pytest.mark.slow
def test_a_signed_yes_counts_only_with_both_halves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(tmp_path)
    outcome = gate.outcome()

    def check() -> None:
        whole(gate)
        found = [path for path in gate.store.rglob("vsa.*") if path.suffix == ".json"] if gate.store.is_dir() else []
        assert gate.ask().exit_code == (0 if len(found) == 2 else EXIT_UNDECIDED if not found else 1)
        for path in found:
            path.unlink()

    every(lambda: gate.sign(outcome), monkeypatch, check)
    gate.sign(outcome)
    assert gate.ask().exit_code == 0


def test_an_override_counts_only_when_enough_people_signed_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(tmp_path)
    folder = gate.sign(gate.denied())
    gate.let(folder, "alice-key")

    def check() -> None:
        bob = [path for path in folder.glob("override.bob.*") if path.suffix == ".json"]
        answer = gate.ask()
        assert (answer.exit_code, answer.overridden is not None) == ((0, True) if len(bob) == 2 else (1, False))
        for path in bob:
            path.unlink()

    assert every(lambda: gate.let(folder, "bob-key"), monkeypatch, check) > 10
    gate.let(folder, "bob-key")
    assert gate.ask().exit_code == 0


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SECPIPE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SECPIPE_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "requirements.txt").write_text("click==8.1.8\n")
    (folder / "app.py").write_text("print(1)\n")
    return folder


def checked(project: Path, monkeypatch: pytest.MonkeyPatch, door: Door, *words: str) -> int:
    with monkeypatch.context() as patch:
        patch.setattr(files, "os", door)
        return run(["check", str(project), "--policy", "builtin:baseline", "-q", *words])


def test_a_file_of_the_project_that_cannot_be_read_is_never_a_pass(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    inside = Door(0, lambda: None, lambda step, what: step == "open" and "/project/" in os.fsdecode(what))
    assert checked(project, monkeypatch, inside, "--no-cache") == 0
    for at in range(1, inside.count + 1):
        door = Door(at, raising(errno.EIO), inside.only)
        assert checked(project, monkeypatch, door, "--no-cache") == EXIT_UNDECIDED
    assert checked(project, monkeypatch, Door(0, lambda: None)) == 0
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.slow
def test_what_cannot_be_kept_is_no_pass_and_leaves_no_half(
    project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where, report = tmp_path / "store", tmp_path / "out.json"
    words = ("--store", str(where), "-f", f"json={report}")

    def written(step: str, what: Any) -> bool:
        if step in {"write", "fsync"}:
            return True
        return step in {"replace", "makedirs"} or (step == "open" and ".tmp" in os.fsdecode(what))

    count = Door(0, lambda: None, written)
    assert checked(project, monkeypatch, count, *words, "--no-cache") == 0
    for at in range(1, count.count + 1):
        report.unlink(missing_ok=True)
        door = Door(at, raising(errno.ENOSPC), written)
        code = checked(project, monkeypatch, door, *words, "--no-cache")
        assert code in {0, EXIT_UNDECIDED}
        if report.exists():
            assert json.loads(report.read_text())["exit_code"] == 0
        kept = list(store.entries(where))
        assert all(json.loads((entry.folder / store.VERDICT).read_text())["exit_code"] == 0 for entry in kept)
        assert code or report.exists()
    assert "Traceback" not in capsys.readouterr().err
