"""The hook: kept beside a former one, restored byte for byte, and blind to everything that could run code."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from secpipe.core.errors import ConfigError, InputError, UnsafeInput
from secpipe.gate import hook, published, starter_ci
from secpipe.system import git
from tests import skips

pytestmark = skips.unless_possible(sys.platform != "win32", "POSIX shell hooks")


def run(folder: Path, *argv: str, **environment: str) -> str:
    identity = {
        "GIT_AUTHOR_NAME": "a",
        "GIT_AUTHOR_EMAIL": "a@x",
        "GIT_COMMITTER_NAME": "a",
        "GIT_COMMITTER_EMAIL": "a@x",
    }
    done = subprocess.run(argv, cwd=folder, env=os.environ | identity | environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "repo"
    folder.mkdir()
    run(folder, "git", "init", "-q", "-b", "main")
    (folder / "app.py").write_text("print(1)\n")
    run(folder, "git", "add", "app.py")
    run(folder, "git", "commit", "-q", "-m", "one")
    return folder


def head(folder: Path) -> str:
    return run(folder, "git", "rev-parse", "HEAD")


def test_uninstall_restores_the_former_hook_byte_for_byte(repository: Path) -> None:
    place = repository / ".git/hooks/pre-push"
    former = b"#!/bin/sh\n# caf\xe9\r\nexit 0"
    place.write_bytes(former)
    place.chmod(0o751)
    assert hook.install(repository, "pre-push", ()) == place
    assert b"secpipe" in place.read_bytes()
    hook.install(repository, "pre-push", ("--env", "dev"))  # twice: options change, nothing is lost
    assert b"dev" in place.read_bytes()
    hook.uninstall(repository, "pre-push")
    assert place.read_bytes() == former
    assert place.stat().st_mode & 0o777 == 0o751
    assert sorted(path.name for path in place.parent.glob("pre-push*") if path.suffix != ".sample") == ["pre-push"]


def test_uninstall_without_a_former_hook_leaves_none_and_a_foreign_one_alone(repository: Path) -> None:
    place = hook.install(repository, "pre-commit", ())
    hook.uninstall(repository, "pre-commit")
    assert not place.exists()
    place.write_text("#!/bin/sh\n")
    with pytest.raises(InputError, match="no secpipe hook"):
        hook.uninstall(repository, "pre-commit")


def test_places_with_relative_hooks_path_worktree_submodule_and_bare(repository: Path, tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    run(repository, "git", "worktree", "add", "-q", str(linked), "-b", "other")
    assert hook.install(linked, "pre-push", ()) == repository / ".git/hooks/pre-push"
    run(repository, "git", "config", "core.hooksPath", ".githooks")
    assert hook.install(repository, "pre-push", ()) == repository / ".githooks/pre-push"
    assert hook.install(linked, "pre-push", ()) == linked / ".githooks/pre-push"
    bare = tmp_path / "bare.git"
    run(tmp_path, "git", "clone", "-q", "--bare", str(repository), str(bare))
    assert hook.install(bare, "pre-push", ()) == bare / "hooks/pre-push"
    run(repository, "git", "config", "--unset", "core.hooksPath")
    run(repository, "git", "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(bare), "sub")
    assert hook.install(repository / "sub", "pre-push", ()) == repository / ".git/modules/sub/hooks/pre-push"
    with pytest.raises(ConfigError, match="no git repository"):
        hook.install(tmp_path, "pre-push", ())


def test_a_linked_folder_of_hooks_is_the_owners_own(repository: Path, tmp_path: Path) -> None:
    mine = tmp_path / "dotfiles" / "hooks"
    mine.mkdir(parents=True)
    shutil.rmtree(repository / ".git/hooks")
    (repository / ".git/hooks").symlink_to(mine)  # no pull request reaches into .git
    assert hook.install(repository, "pre-push", ()) == mine / "pre-push"
    assert hook.state(repository) == "installed"
    assert not hook.within(repository, mine / "pre-push")
    hook.uninstall(repository, "pre-push")
    assert list(mine.iterdir()) == []


def test_what_init_made_for_any_ci_is_what_a_first_push_adds(repository: Path) -> None:
    for place, _ in starter_ci.STEPS.values():
        (repository / place).parent.mkdir(parents=True, exist_ok=True)
        (repository / place).touch()
    add, *_ = hook.push(repository)
    assert set(add[add.index("add") + 1 :]) == {place for place, _ in starter_ci.STEPS.values()}


def test_what_is_pushed_is_read_from_the_objects_not_from_the_work_tree(repository: Path) -> None:
    commit = head(repository)
    (repository / "app.py").write_text("changed, not committed\n")
    line = f"refs/heads/main {commit} refs/heads/main {'0' * 40}"
    gone = f"(delete) {'0' * 40} refs/heads/old {commit}"
    seen = []
    for tree in published.pushed(repository, f"{line}\n{gone}\n{line}\n"):
        seen.append((tree.name, (tree.folder / "app.py").read_text()))
        scratch = tree.folder
    assert seen == [("refs/heads/main", "print(1)\n")]
    assert not scratch.exists()


def test_what_is_staged_is_what_a_commit_would_hold(repository: Path) -> None:
    (repository / "new.py").write_text("staged\n")
    run(repository, "git", "add", "new.py")
    (repository / "new.py").write_text("edited after\n")
    for tree in published.staged(repository):
        assert (tree.folder / "new.py").read_text() == "staged\n"


def test_nothing_of_a_hostile_repository_runs(repository: Path, tmp_path: Path) -> None:
    (repository / ".gitattributes").write_text("* filter=evil diff=evil text=auto eol=crlf ident\n")
    (repository / "link").symlink_to("/etc/passwd")
    run(repository, "git", "add", ".")
    run(repository, "git", "commit", "-q", "-m", "two")
    mark = tmp_path / "PWNED"
    programs = (
        "core.fsmonitor filter.evil.smudge filter.evil.clean filter.evil.process diff.evil.textconv diff.external"
    )
    for name in (*programs.split(), "core.sshCommand", "core.pager", "core.editor", "core.askPass"):
        run(repository, "git", "config", name, f"touch {mark}; cat")
    hooks = repository / "evilhooks"
    hooks.mkdir()
    for name in ("post-checkout", "post-index-change", "reference-transaction"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {mark}\n")
        (hooks / name).chmod(0o755)
    run(repository, "git", "config", "core.hooksPath", "evilhooks")
    commit = subprocess.run(
        ["git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "rev-parse", "HEAD"],
        cwd=repository, capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    for tree in published.staged(repository):
        assert (tree.folder / "app.py").read_bytes() == b"print(1)\n"
    for tree in published.pushed(repository, f"a {commit} b {'0' * 40}\n"):
        assert (tree.folder / "app.py").read_bytes() == b"print(1)\n"
        assert os.readlink(tree.folder / "link") == "/etc/passwd"
    assert not mark.exists()


@pytest.mark.parametrize("path", ["../evil", "/etc/evil", "a/../../evil", ".git/config", "a/.GIT/config", ""])
def test_a_path_that_leaves_the_folder_is_refused(repository: Path, tmp_path: Path, path: str) -> None:
    with pytest.raises(UnsafeInput, match="unsafe path"):
        git.export(repository, [git.Blob("100644", head(repository), path)], tmp_path / "out")


def test_a_link_cannot_redirect_what_is_written_after_it(repository: Path, tmp_path: Path) -> None:
    blob = run(repository, "git", "rev-parse", "HEAD:app.py")
    target = run(repository, "sh", "-c", f"printf %s {tmp_path}/outside | git hash-object -w --stdin")
    (tmp_path / "outside").mkdir()
    (tmp_path / "out").mkdir()
    for mode, order in (("100644", 1), ("100644", -1), ("120000", 1), ("120000", -1)):
        blobs = [git.Blob("120000", target, "dir"), git.Blob(mode, blob, "dir/app.py")]
        with pytest.raises(UnsafeInput, match="link"):
            git.export(repository, blobs[::order], tmp_path / "out")
    assert not list((tmp_path / "outside").iterdir())


def test_submodules_of_a_commit_are_not_read(repository: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    skips = git.export(repository, [git.Blob("160000", "1" * 40, "vendor/x")], out)
    assert [skip.path for skip in skips] == ["vendor/x"]


@pytest.mark.parametrize("lines", ["x", "a b c", "a --upload-pack=evil b c", "a " + "g" * 40 + " b c"])
def test_nonsense_on_standard_input_is_an_error(repository: Path, lines: str) -> None:
    with pytest.raises(InputError):
        list(published.pushed(repository, lines))
