"""The walk: what it records, what it refuses, and that nothing unreadable is silently absent."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from secpipe.core.artifact import dir_hash
from secpipe.core.errors import InputError, UnsafeInput
from secpipe.core.limits import DEFAULT
from secpipe.system.aliases import aliased
from secpipe.system.tree import open_tree, walk
from tests import skips
from tests.unprivileged import modes_hold

posix = skips.unless_possible(sys.platform != "win32", "POSIX file system")


def write(root: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)


def test_hashes_every_file_once_in_order(tmp_path: Path) -> None:
    files = {f"d{n % 7}/f{n}": os.urandom(n * 13) for n in range(300)}
    write(tmp_path, files)
    tree = walk(tmp_path)
    assert [entry.path for entry in tree.files] == sorted(files)
    assert all(entry.sha256 == hashlib.sha256(files[entry.path]).hexdigest() for entry in tree.files)
    assert all(entry.head == files[entry.path][:64] and entry.size == len(files[entry.path]) for entry in tree.files)
    assert tree.find("d0/f0") == next(tree.below("d0"))
    assert tree.find("nothing") is None


@posix
def test_dir_hash_is_what_coreutils_say(tmp_path: Path) -> None:
    write(tmp_path, {"b": b"1", "a/c": b"2", "a.b": b"3", "Z": b""})
    command = "find . -type f | cut -c3- | LC_ALL=C sort | xargs -r sha256sum | sha256sum"
    told = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert dir_hash(walk(tmp_path).files) == told.split()[0]


@posix
def test_links_are_never_followed_and_one_out_of_the_tree_is_a_skip(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"secret")
    root = tmp_path / "root"
    write(root, {"a": b"1"})
    (root / "loop").symlink_to(".")
    (root / "self").symlink_to("self")
    (root / "in").symlink_to("a")
    (root / "out").symlink_to(outside)
    (root / "gone").symlink_to("nowhere")
    tree = walk(root)
    assert [entry.path for entry in tree.files] == ["a"]
    assert {skip.path: skip.reason for skip in tree.skipped} == {
        "out": "link leaves the tree",
        "gone": "link leads nowhere",
        "self": "link leads nowhere",
    }
    assert {link.path: link.inside for link in tree.links}["in"] is True


@posix
def test_devices_pipes_and_unreadable_things_are_skips(tmp_path: Path) -> None:
    write(tmp_path, {"a": b"1", "locked/b": b"2"})
    os.mkfifo(tmp_path / "pipe")
    assert [(skip.path, skip.reason) for skip in walk(tmp_path).skipped] == [("pipe", "not a regular file")]
    (tmp_path / "a").chmod(0)
    (tmp_path / "locked").chmod(0)
    with modes_hold():
        assert {skip.path for skip in walk(tmp_path).skipped} == {"a", "locked", "pipe"}
    (tmp_path / "locked").chmod(0o755)


def test_gits_store_is_left_out_at_any_depth_and_said(tmp_path: Path) -> None:
    write(tmp_path, {".git/config": b"x", "sub/.git/hooks/x": b"x", "a": b"1", "venv/b": b"2"})
    tree = walk(tmp_path, exclude=["venv"])
    assert [entry.path for entry in tree.files] == ["a"]
    assert [skip.path for skip in tree.left_out] == [".git", "venv"]
    assert [(skip.path, skip.reason) for skip in tree.skipped] == [("sub/.git", "the git store of another project")]


@posix
def test_a_link_to_what_nobody_reads_is_not_read(tmp_path: Path) -> None:
    write(tmp_path, {".git/e.pkl": b"1", "tests/e.pkl": b"2", "a/b": b"3", "v/pyvenv.cfg": b"home = /usr/bin\n"})
    targets = {
        "store": "../.git/e.pkl", "folder": "../.git", "excluded": "../tests/e.pkl", "hop": "excluded",
        "absolute": str(tmp_path / "a/b"), "good": "b",
    }  # fmt: skip
    for name, target in targets.items():
        (tmp_path / "a" / name).symlink_to(target)
    for folder in ("v/bin", "w/bin"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "python3").symlink_to("/usr/bin/env")
        (tmp_path / folder / "evil").symlink_to("/usr/bin/env")
    skipped = {skip.path: skip.reason for skip in walk(tmp_path, exclude=["tests"]).skipped}
    assert skipped == {skip.path: skip.reason for skip in walk(tmp_path).without(["tests"]).skipped}
    assert skipped == {
        "a/store": "link leads into .git, which is left out",
        "a/folder": "link leads into .git, which is left out",
        "a/excluded": "link leads into tests, which is left out",
        "a/hop": "link leads into tests, which is left out",
        "a/absolute": "link is absolute: elsewhere it leads to something else",
        "v/bin/evil": "link leaves the tree",
        "w/bin/evil": "link leaves the tree",
        "w/bin/python3": "link leaves the tree",
    }
    assert "v/bin/python3" in {skip.path for skip in walk(tmp_path).left_out}


@posix
def test_a_link_lends_its_name_to_what_it_leads_to(tmp_path: Path) -> None:
    write(tmp_path, {"data/notes.txt": b"import x", "lib/a/b.py": b"1"})
    (tmp_path / "x.py").symlink_to("data/notes.txt")
    (tmp_path / "y.py").symlink_to("x.py")
    (tmp_path / "models").symlink_to("lib")
    (tmp_path / "lib/a/loop").symlink_to("..")
    tree = walk(tmp_path)
    both = aliased(tree)
    lent = {entry.path: entry.via for entry in both.files if entry.via}
    assert lent == {"x.py": "data/notes.txt", "y.py": "data/notes.txt", "models/a/b.py": "lib/a/b.py"}
    assert both.read(next(entry for entry in both.files if entry.path == "x.py"), 100) == b"import x"
    assert {entry.path for entry in tree.files} < {entry.path for entry in both.files}
    assert {entry.path for entry in aliased(tree, instead=True).files} == set(lent)


def test_a_submodule_without_its_checkout_is_not_read(tmp_path: Path) -> None:
    modules = b'[submodule "s"]\n\tpath = svc\n[submodule "t"]\n\tpath = "lib/there"\n'
    write(tmp_path, {".gitmodules": modules, "lib/there/a": b"1"})
    (tmp_path / "svc").mkdir()
    assert [(skip.path, skip.reason) for skip in walk(tmp_path).skipped] == [
        ("svc", "a submodule without its checkout")
    ]


def test_a_git_lfs_pointer_is_not_the_file(tmp_path: Path) -> None:
    write(tmp_path, {"m.bin": b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 5\n"})
    for tree in (walk(tmp_path), open_tree(tmp_path / "m.bin")):
        assert [skip.reason for skip in tree.skipped] == ["a Git-LFS pointer, not the file itself"]


@posix
def test_bytes_swapped_under_the_old_size_and_time_are_refused(tmp_path: Path) -> None:
    write(tmp_path, {"a": b"good"})
    tree = walk(tmp_path)
    before = (tmp_path / "a").stat()
    with (tmp_path / "a").open("r+b") as file:
        file.write(b"evil")
    os.utime(tmp_path / "a", ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(InputError, match="changed"):
        tree.read(tree.files[0], 100)


@posix
def test_bytes_swapped_while_they_are_read_are_refused(tmp_path: Path) -> None:
    write(tmp_path, {"a": b"good" * 10})
    tree = walk(tmp_path)
    reading = tree.open(tree.files[0])
    reading.__enter__().read(4)
    (tmp_path / "a").write_bytes(b"evil" * 10)
    with pytest.raises(InputError, match="changed"):
        reading.__exit__(None, None, None)


def test_a_file_that_changes_after_it_was_hashed_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {"a": b"good"})
    tree = walk(tmp_path)
    (tmp_path / "a").write_bytes(b"evil!")
    with pytest.raises(InputError, match="changed"):
        tree.read(tree.files[0], 100)


@posix
def test_a_file_swapped_for_a_link_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {"root/a": b"good", "evil": b"evil"})
    tree = walk(tmp_path / "root")
    (tmp_path / "root/a").unlink()
    (tmp_path / "root/a").symlink_to(tmp_path / "evil")
    with pytest.raises(InputError):
        tree.read(tree.files[0], 100)


def test_bounds(tmp_path: Path) -> None:
    write(tmp_path, {"a/b/c/d": b"1", "x": b"22", "y": b"333"})
    with pytest.raises(UnsafeInput, match="more than 2 files"):
        walk(tmp_path, limits=replace(DEFAULT, tree_files=2))
    with pytest.raises(UnsafeInput, match="nested deeper"):
        walk(tmp_path, limits=replace(DEFAULT, tree_depth=2))
    tree = walk(tmp_path)
    with pytest.raises(UnsafeInput, match="larger than"):
        tree.read(tree.files[-1], 2)


def test_what_cannot_be_opened_at_all_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        open_tree(tmp_path / "absent")
    (tmp_path / "one.bin").write_bytes(b"1")
    assert [entry.path for entry in open_tree(tmp_path / "one.bin").files] == ["one.bin"]


@posix
def test_names_that_are_not_text(tmp_path: Path) -> None:
    names = [b"a\nb", b"\xff\xfe", "‮cod.exe".encode(), b"tab\t"]
    for name in names:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_bytes(b"1")
    assert {os.fsencode(entry.path) for entry in walk(tmp_path).files} == set(names)
