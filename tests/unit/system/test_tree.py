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
from secpipe.system.tree import open_tree, walk

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX file system")


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
    (root / "loop").symlink_to(root)
    (root / "self").symlink_to(root / "self")
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
    if os.geteuid() == 0:
        pytest.skip("root reads everything")
    (tmp_path / "a").chmod(0)
    (tmp_path / "locked").chmod(0)
    assert {skip.path for skip in walk(tmp_path).skipped} == {"a", "locked", "pipe"}
    (tmp_path / "locked").chmod(0o755)


def test_gits_store_is_left_out_at_any_depth_and_said(tmp_path: Path) -> None:
    write(tmp_path, {".git/config": b"x", "sub/.git/hooks/x": b"x", "a": b"1", "venv/b": b"2"})
    tree = walk(tmp_path, exclude=["venv"])
    assert [entry.path for entry in tree.files] == ["a"]
    assert [skip.path for skip in tree.left_out] == [".git", "sub/.git", "venv"]


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
