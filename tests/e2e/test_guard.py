"""Guards at load: a command starts, and bytes are handed over, only where a signed verdict lets exactly them out."""

from __future__ import annotations

import os
import shutil
import sys

import pytest

import secpipe
from secpipe.api import ConfigError, Denied, InputError, TrustError, Undecided, guarding
from secpipe.system import sealed
from secpipe.system.tree import FolderTree, walk
from tests.e2e.test_verdict_acts import Pipeline
from tests.e2e.transcript import Shell


class Serving(Pipeline):
    """The pipeline, and a server that reads the weights of the folder it is given."""

    def __init__(self, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(shell, monkeypatch)
        self.check(0, "staging")
        self.where = f"--store verdicts --env staging {self.pins}"

    def start(
        self, options: str = "", model: str = "project", command: str = "cat {path}/app.py"
    ) -> tuple[int, str, str]:
        """Guard a command in a process of its own, which the command takes over."""
        out, err = self.shell.cwd / "out.txt", self.shell.cwd / "err.txt"
        child = os.fork()
        if child == 0:
            for stream, place in ((1, out), (2, err)):
                os.dup2(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), stream)
            sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
            from secpipe.cli.main import run

            code = 99
            try:
                code = run(["guard", model, *f"{self.where} {options}".split(), "--", *command.split()])
                sys.stderr.flush()
            finally:
                os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        return code, out.read_text(), err.read_text()

    def guard(self, path: str = "project", **options: object) -> guarding.Guarded:
        words = {
            "store": "verdicts", "env": "staging", "policy": "policy.toml", "policy_ref": self.policy_pin,
            "trust": "keys", "trust_pin": self.trust_pin,
        }  # fmt: skip
        return secpipe.guard(path, **(words | options))  # type: ignore[arg-type]


@pytest.fixture
def serving(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Serving:
    return Serving(shell, monkeypatch)


def test_the_command_takes_over_where_the_verdict_holds(serving: Serving) -> None:
    code, out, err = serving.start()
    assert (code, out) == (0, "print('hello')\n"), err
    assert "PASSED for staging" in err
    assert serving.start(command="expr {path} : nothing")[:2] == (1, "0\n")  # output and exit code are the command's


def test_a_changed_model_starts_nothing(serving: Serving) -> None:
    weights = serving.tree / "model/w.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\1")
    code, out, err = serving.start()
    assert (code, out) == (3, ""), err
    assert "no signed verdict on this release" in err
    assert "hint: secpipe check project" in err


def test_a_verdict_for_another_environment_or_policy_starts_nothing(serving: Serving) -> None:
    assert serving.start("--env prod")[0] == 3
    other = serving.shell.cwd / "other.toml"
    other.write_text((serving.shell.cwd / "policy.toml").read_text() + "[models]\nrequired = false\n")
    pin = serving.run(0, "secpipe policy pin other.toml").strip()
    code, out, err = serving.start(f"--policy other.toml --policy-ref {pin}")
    assert (code, out) == (1, ""), err
    assert "given by another policy" in err


def test_a_verdict_that_ended_a_no_and_rules_without_a_pin_start_nothing(serving: Serving) -> None:
    serving.where = serving.where.replace(f"--policy-ref {serving.policy_pin}", "")
    assert serving.start()[0] == 3
    serving.where += f" --policy-ref {serving.policy_pin}"
    assert serving.start()[0] == 0
    shutil.move(serving.shell.cwd / "advisories", serving.shell.cwd / "gone")
    (serving.shell.cwd / "advisories").mkdir()
    serving.check(3, "staging")  # the newest verdict says: not decided
    code, out, _ = serving.start()
    assert (code, out) == (3, "")
    serving.shell.sleep(days=400)
    assert serving.start()[0] in (1, 3)


def test_a_verdict_by_a_key_that_was_revoked_starts_nothing(serving: Serving) -> None:
    assert serving.start()[0] == 0
    serving.run(
        0, "secpipe keys revoke verdict --compromised-since 2026-11-01 --reason stolen --passphrase-file env:PW"
    )
    code, out, err = serving.start()
    assert (code, out) == (1, ""), err


def test_one_verdict_by_its_place(serving: Serving) -> None:
    serving.where = serving.where.replace("--store verdicts", f"--verdict {serving.newest('staging')}")
    assert serving.start()[0] == 0
    (serving.tree / "app.py").write_text("print('other')\n")
    assert serving.start()[0] == 1


def test_a_folder_that_is_a_link_is_named_as_it_was_verified(serving: Serving) -> None:
    """The attack: the link is turned after the verification, and the command follows it to another model."""
    os.symlink("project", serving.shell.cwd / "current")
    assert serving.start(model="current", command="cat current/app.py")[0] == 2
    code, out, _ = serving.start(model="current", command="echo {path}")
    assert code == 0
    assert out.strip() == str(serving.tree.resolve())


def test_what_is_swapped_between_hashing_and_start_is_seen(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    def swap(path: str) -> FolderTree:
        tree = walk(path)
        (serving.tree / "app.py").write_text("evil\n")
        return tree

    monkeypatch.setattr(guarding, "open_tree", swap)
    words = guarding.guarded.__kwdefaults__
    monkeypatch.setitem(words, "opener", swap)
    with pytest.raises(TrustError, match="changed while it was verified"):
        serving.guard()
    shutil.rmtree(serving.tree / ".secpipe", ignore_errors=True)
    (serving.tree / "app.py").write_text("print('hello')\n")
    with pytest.raises(TrustError, match="changed after it was verified"):
        serving.guard(copy="sealed")
    assert not (serving.shell.cwd / "sealed").exists()


def test_a_copy_is_what_was_judged_whatever_happens_to_the_folder(serving: Serving) -> None:
    os.symlink("app.py", serving.tree / "main.py")
    (serving.tree / "run.sh").write_text("#!/bin/sh\n")
    (serving.tree / "run.sh").chmod(0o755)
    serving.check(0, "staging")
    found = serving.guard(copy="sealed")
    (serving.tree / "app.py").write_text("evil\n")
    assert found.path == (serving.shell.cwd / "sealed").resolve()
    assert (found.path / "main.py").read_text() == "print('hello')\n"
    assert (found.path / "main.py").is_symlink()
    assert os.access(found.path / "run.sh", os.X_OK)
    modes = {path.lstat().st_mode & 0o277 for path in found.path.rglob("*") if not path.is_symlink()}
    assert modes == {0}  # nobody writes, nobody else reads
    with pytest.raises(ConfigError):
        serving.guard(copy="sealed")
    sealed.remove_copy(found.path)
    with pytest.raises((Undecided, Denied)):
        serving.guard(copy="sealed")
    assert not found.path.exists()


def test_a_copy_without_its_place_in_the_command_is_usage(serving: Serving) -> None:
    assert serving.start("--copy sealed", command="cat project/app.py")[0] == 2
    assert not (serving.shell.cwd / "sealed").exists()
    code, out, _ = serving.start("--copy sealed", command="cat {path}/app.py")
    assert (code, out) == (0, "print('hello')\n")
    assert serving.start("--copy project/sealed")[0] == 2


def test_bytes_are_read_as_they_were_judged_or_not_at_all(serving: Serving) -> None:
    found = serving.guard()
    assert found.files == (
        "app.py",
        "model/model.pqc.sig",
        "model/model.sig",
        "model/w.safetensors",
        "requirements.txt",
    )
    assert found.read("app.py") == b"print('hello')\n"
    (serving.tree / "app.py").write_text("print('hallo')\n")
    with pytest.raises(TrustError):
        found.read("app.py")
    (serving.tree / "app.py").unlink()
    os.symlink("/etc/hostname", serving.tree / "app.py")
    with pytest.raises(InputError):
        found.read("app.py")
    for name in ("../policy.toml", "/etc/hostname", "model/../app.py", ""):
        with pytest.raises(InputError, match="none of the files"):
            found.read(name)


def test_what_no_verdict_is_about_is_not_loaded_beside_it(serving: Serving) -> None:
    """An excluded folder, or a git store, lies where the command loads from: only a copy is free of it."""
    (serving.tree / ".git").mkdir()
    (serving.tree / ".git/evil.py").write_text("")
    with pytest.raises(Undecided, match="no verdict is about it"):
        serving.guard()
    found = serving.guard(copy="sealed")
    assert not (found.path / ".git").exists()


@pytest.mark.parametrize("options", ["--verdict verdicts", ""])
def test_by_which_verdict_is_said_once(serving: Serving, options: str) -> None:
    if not options:
        serving.where = serving.where.replace("--store verdicts", "")
    assert serving.start(options)[0] == 2


def test_a_command_that_is_not_there_is_told(serving: Serving) -> None:
    code, _, err = serving.start(command="no-such-program {path}")
    assert code == 3
    assert "cannot start no-such-program" in err


def test_no_folder_and_a_pipe_in_it(serving: Serving) -> None:
    assert serving.start(model="nowhere")[0] == 3
    assert serving.start(model="policy.toml")[0] == 3
    os.mkfifo(serving.tree / "pipe")
    assert serving.start()[0] == 3
