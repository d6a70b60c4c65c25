"""Installed npm packages: without a lock file they are components, with one they are the lock file's."""

from __future__ import annotations

import json
from pathlib import Path

from secpipe.core.inventory import ComponentKind
from secpipe.sbom.collect import collect
from secpipe.system.tree import walk


def write(root: Path, files: dict[str, object]) -> None:
    for name, value in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(value if isinstance(value, str) else json.dumps(value))


def purls(root: Path) -> list[str]:
    return sorted(one.purl for one in collect(walk(root)).of_kind(ComponentKind.LIBRARY))


def test_what_is_installed_without_a_lock_file_ships(tmp_path: Path) -> None:
    write(tmp_path, {
        "node_modules/evil/package.json": {"name": "evil", "version": "1.0.0"},
        "node_modules/@scope/a/package.json": {"name": "@scope/a", "version": "2.0.0"},
        "node_modules/@scope/a/node_modules/deep/package.json": {"name": "deep", "version": "3.0.0"},
        "node_modules/evil/esm/package.json": {"type": "module"},
    })  # fmt: skip
    assert purls(tmp_path) == ["pkg:npm/%40scope/a@2.0.0", "pkg:npm/deep@3.0.0", "pkg:npm/evil@1.0.0"]


def test_what_the_lock_file_names_is_one_component(tmp_path: Path) -> None:
    lock = {"lockfileVersion": 3, "packages": {"": {}, "node_modules/good": {"version": "1.0.0"}}}
    write(tmp_path, {
        "package-lock.json": lock,
        "node_modules/good/package.json": {"name": "good", "version": "1.0.0"},
        "node_modules/planted/package.json": {"name": "planted", "version": "6.6.6"},
    })  # fmt: skip
    assert purls(tmp_path) == ["pkg:npm/good@1.0.0", "pkg:npm/planted@6.6.6"]


def test_one_that_says_nothing_is_not_read(tmp_path: Path) -> None:
    write(tmp_path, {"node_modules/x/package.json": {"name": 7}, "node_modules/y/package.json": "{"})
    assert {skip.path for skip in collect(walk(tmp_path)).skipped} == {
        "node_modules/x/package.json", "node_modules/y/package.json",
    }  # fmt: skip
