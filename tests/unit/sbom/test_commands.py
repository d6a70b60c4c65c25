"""The `sbom` commands end to end: make, hold against the bytes, exit codes."""
# ruff: noqa: E501

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from secpipe.cli.main import run


@pytest.fixture
def made(tmp_path: Path, release: Callable[[Path], None]) -> tuple[Path, Path]:
    app, out = tmp_path / "app", tmp_path / "bom.json"
    release(app)
    assert run(["sbom", "generate", str(app), "-o", str(out), "--no-services", "--at", "2026-11-21"]) == 0
    return app, out


def findings(out: Path, app: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, str]]:
    capsys.readouterr()
    code = run(["sbom", "verify", str(out), str(app), "-f", "json"])
    rows = json.loads(capsys.readouterr().out)["findings"]
    return code, {row["path"] or row["subject"]: row["rule"] for row in rows}


def test_the_same_files_and_time_give_the_same_bytes(made: tuple[Path, Path], tmp_path: Path) -> None:
    app, out = made
    copy = tmp_path / "elsewhere" / "app"
    shutil.copytree(app, copy)
    again = copy / "inside.json"
    for _ in range(2):  # the second time the document itself lies in the folder
        assert run(["sbom", "generate", str(copy), "-o", str(again), "--no-services", "--at", "2026-11-21"]) == 0
        assert again.read_bytes() == out.read_bytes()
    assert str(tmp_path) not in out.read_text()


def test_an_unchanged_tree_is_as_the_bom_says(made: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert findings(made[1], made[0], capsys) == (0, {})


def test_one_flipped_byte_is_noticed(made: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    app, out = made
    weights = app / "models/base/model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    assert findings(out, app, capsys) == (1, {"models/base/model.safetensors": "sbom/changed"})


def test_a_renamed_file_is_noticed(made: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    app, out = made
    (app / "prompts/system.md").rename(app / "prompts/other.md")
    assert findings(out, app, capsys) == (1, {"prompts/system.md": "sbom/renamed"})


@pytest.mark.parametrize(("name", "rule"), [
    ("models/base/extra.safetensors", "sbom/added"), ("models/base/notes.txt", "sbom/added"), ("prompts/new.md", "sbom/added"),
])  # fmt: skip
def test_an_added_file_is_noticed(
    made: tuple[Path, Path], capsys: pytest.CaptureFixture[str], name: str, rule: str
) -> None:
    app, out = made
    (app / name).write_bytes(b"new")
    code, seen = findings(out, app, capsys)
    assert (code, seen.get(name)) == (1, rule)


def test_a_changed_source_file_a_missing_model_and_a_moved_library_are_noticed(
    made: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    app, out = made
    (app / "app.py").write_text("print(2)")
    assert findings(out, app, capsys) == (1, {"": "sbom/tree-changed"})
    (app / "models/rank.joblib").unlink()
    assert findings(out, app, capsys)[1]["models/rank.joblib"] == "sbom/missing"
    (app / "requirements.txt").write_text("six==1.17.0\n")
    seen = findings(out, app, capsys)[1]
    assert seen["pkg:pypi/six@1.16.0"] == "sbom/missing"
    assert seen["requirements.txt"] == "sbom/added"


def test_files_names_every_file(
    tmp_path: Path, release: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    app, out = tmp_path / "app", tmp_path / "bom.json"
    release(app)
    assert run(["sbom", "generate", str(app), "-o", str(out), "--no-services", "--files"]) == 0
    (app / "app.py").write_text("print(2)")
    assert findings(out, app, capsys) == (1, {"app.py": "sbom/changed"})


def test_an_empty_bom_is_undecided(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert run(["sbom", "generate", str(tmp_path / "empty"), "-o", str(tmp_path / "x.json"), "--no-services"]) == 3
    (tmp_path / "nothing.json").write_text('{"bomFormat": "CycloneDX", "specVersion": "1.6"}')
    assert run(["sbom", "verify", str(tmp_path / "nothing.json"), str(tmp_path / "empty"), "-f", "json"]) == 3


def test_exit_codes(made: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    app, out = made
    bad = tmp_path / "bad.json"
    bad.write_text('{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{"name": "x"}]}')
    assert run(["sbom", "validate", str(out)]) == 0
    assert run(["sbom", "validate", str(out), str(bad)]) == 1
    assert '/components/0: "type" is missing' in capsys.readouterr().out
    assert run(["sbom", "validate", str(tmp_path / "absent.json")]) == 3
    assert run(["sbom", "generate", str(app), "-f", "nonsense"]) == 2
    assert run(["sbom", "query", str(out), "kind="]) == 2
    assert run(["sbom", "score", str(out), "--profile", "g7-ai", "--minimum", "100"]) == 1
    assert run(["sbom", "score", str(out), "--profile", "nonsense"]) == 2
    assert run(["sbom", "diff", str(out), str(out), "--exit-code"]) == 0
    assert run(["sbom", "merge", str(out), str(out), "-o", str(tmp_path / "m.json")]) == 0
    assert run(["sbom", "validate", str(tmp_path / "m.json")]) == 0
    assert run(["sbom", "lineage", str(out)]) == 0
    assert "lora  derived from  base" in capsys.readouterr().out
    for form in ("spdx-json", "cyclonedx-xml"):
        assert run(["sbom", "convert", str(out), "-f", form, "-o", str(tmp_path / "c")]) == 0
    assert run(["sbom", "convert", str(out), "-f", "cyclonedx-json", "--spec", "1.6", "-o", str(tmp_path / "c")]) == 0
    assert run(["sbom", "validate", str(tmp_path / "c")]) == 0


def test_unusual_package_names_do_not_drift_by_themselves(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    app, out = tmp_path / "app", tmp_path / "bom.json"
    app.mkdir()
    (app / "go.mod").write_text("module m\nrequire github.com/BurntSushi/toml v1.0.0+incompatible\n")
    (app / "requirements.txt").write_text("--index-url https://corp.example/simple?a=b\nA_b==1.0+cu118\nc==1!2.0\n")
    (app / "package.json").write_text('{"name": "w", "dependencies": {"@s/X": "1"}}')
    assert run(["sbom", "generate", str(app), "-o", str(out), "--no-services"]) == 0
    assert findings(out, app, capsys) == (3, {})  # no file to compare, and no package that moved
    purls = {item["purl"] for item in json.loads(out.read_text())["components"] if "purl" in item}
    assert "pkg:golang/github.com/burntsushi/toml@v1.0.0%2Bincompatible" in purls


def test_what_is_left_out_on_request_is_said_and_git_is_not(tmp_path: Path, release: Callable[[Path], None]) -> None:
    app, out = tmp_path / "app", tmp_path / "bom.json"
    release(app)
    (app / ".git").mkdir()
    assert run(["sbom", "generate", str(app), "-o", str(out), "--no-services", "--exclude", "data"]) == 0
    rows = json.loads(out.read_text())["metadata"]["properties"]
    assert [row["value"] for row in rows if row["name"] == "secpipe:skipped"] == ["data: left out on request"]
