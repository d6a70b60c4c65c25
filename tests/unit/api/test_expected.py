"""What should be signed: stripped bundles, exchanged folders and older versions are told, honest changes are not."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from secpipe import api
from secpipe.cli.main import run
from secpipe.keystore import age, signed_before
from secpipe.verify import TrustError, verify
from tests.unit.keystore.conftest import quick_seal


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ring")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SECPIPE_HOME", str(folder / "home"))
        patch.setenv("PW", "correct horse")
        patch.chdir(folder)
        patch.setattr(age, "seal", quick_seal)
        assert run(["keys", "init", "--holder", "ann", "--passphrase-file", "env:PW"]) == 0
    return folder


@pytest.fixture
def here(ring: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(ring / "home", tmp_path / "home")
    monkeypatch.setenv("SECPIPE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PW", "correct horse")
    monkeypatch.setenv("TRUST", str(ring / "keys"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    for name in "ab":
        Path("m", name).mkdir(parents=True)
        Path("m", name, "w.safetensors").write_text(name)
        Path("m", f"{name}.bin").write_text(name)
    return tmp_path


def sign(ring: Path, *more: str) -> None:
    assert run(["sign", "--trust", str(ring / "keys"), "--passphrase-file", "env:PW", *more]) == 0


def check(ring: Path, *more: str) -> int:
    return run(["verify", "--trust", str(ring / "keys"), *more])


def exchange() -> None:
    Path("m/a").rename("t")
    Path("m/b").rename("m/a")
    Path("t").rename("m/b")


def new_machine(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECPIPE_HOME", str(here / "elsewhere"))


def strip(path: str) -> None:
    for suffix in (".sig", ".pqc.sig"):
        Path(path + suffix).unlink()


@pytest.mark.parametrize("verified_here", [False, True])
def test_a_stripped_file_is_named(
    ring: Path, here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], verified_here: bool
) -> None:
    sign(ring, "m/a.bin", "m/b.bin")
    if verified_here:  # a deployer that never signs
        new_machine(here, monkeypatch)
        assert check(ring, "m") == 0
    strip("m/b.bin")
    Path("m/b.bin").write_text("evil")
    capsys.readouterr()
    assert check(ring, "m") == 1
    assert "m/b.bin was signed when this machine last saw it" in capsys.readouterr().out
    assert check(ring, ".") == 1
    assert check(ring, "m") == 1, "a refusal teaches nothing"
    assert check(ring, "m", "--forget") == 0
    assert check(ring, "m") == 0, "and that is remembered"


def test_a_stripped_folder_is_named_and_one_that_is_gone_is_not(ring: Path, here: Path) -> None:
    sign(ring, "m/a", "m/b", "m/a.bin")
    for name in ("model.sig", "model.pqc.sig"):
        Path("m/b", name).unlink()
    assert check(ring, "m") == 1
    shutil.rmtree("m/b")
    assert check(ring, "m") == 0


def test_a_simulation_and_an_unwritable_home_remember_nothing(
    ring: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign(ring, "m/a.bin")
    new_machine(here, monkeypatch)
    assert check(ring, "m", "--at", "2027-01-01") == 0
    assert not (here / "elsewhere").exists()
    (here / "file").write_text("")
    monkeypatch.setenv("SECPIPE_HOME", str(here / "file"))
    assert check(ring, "m/a.bin") == 0


def test_exchanged_folders(ring: Path, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sign(ring, "m/a", "m/b")
    new_machine(here, monkeypatch)
    assert check(ring, "m/a", "m/b") == 0
    new_machine(here / "again", monkeypatch)
    exchange()
    assert check(ring, "m/a", "m/b", "--purpose", "model") == 1
    assert check(ring, "m") == 1, "found without a memory, because each bears the other's name"
    assert check(ring, "m/a", "--name", "b") == 0, "the caller may know better"
    pin = hashlib.sha256((ring / "keys" / "root" / "1.root.json").read_bytes()).hexdigest()
    with pytest.raises(TrustError, match='signed as "b", not as "a"'):
        verify("m/a", trust=ring / "keys", pin=pin)
    assert verify("m/a", trust=ring / "keys", pin=pin, name="b").name == "b"
    assert api.verify_path("m/a", trust=ring / "keys").exit_code == 1


def test_copies_and_renamed_folders_in_a_tree_are_honest(
    ring: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign(ring, "m/a", "m/b")
    shutil.copytree("m/a", "m/a-backup")
    Path("m/b").rename("m/c")
    assert check(ring, "m") == 0


def test_one_folder_in_anothers_place_is_told_by_memory(ring: Path, here: Path) -> None:
    sign(ring, "m/a", "m/b")
    shutil.rmtree("m/b")
    shutil.copytree("m/a", "m/b")
    assert check(ring, "m") == 1


def test_an_older_version_is_a_replay(ring: Path, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sign(ring, "m/a", "--version", "1.9")
    shutil.copytree("m/a", "old")
    sign(ring, "m/a", "--version", "1.10")
    assert check(ring, "m/a") == 0
    shutil.rmtree("m/a")
    shutil.copytree("old", "m/a")
    capsys.readouterr()
    assert check(ring, "m/a") == 1
    assert "signed as version 1.10 and is now 1.9" in capsys.readouterr().out
    sign(ring, "m/a", "--version", "1.11")
    assert check(ring, "m/a") == 0


def test_strict_names_every_bare_model(ring: Path, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("m/readme.md").write_text("words")
    Path("m/b.bin").write_bytes(bytes(range(256)))
    Path("m/noname").write_bytes(b"\x80\x04\x95\x05\0\0\0\0\0\0\0K\x01.")
    sign(ring, "m/a", "m/a.bin")
    assert check(ring, "m") == 0
    capsys.readouterr()
    assert check(ring, "m", "--strict") == 1
    out = capsys.readouterr().out
    assert all(f"{name} is a model file and is not signed" in out for name in ("b.bin", "b/w.safetensors", "noname"))
    assert "readme" not in out
    assert "m/a.bin is" not in out
    sign(ring, "m/b", "m/b.bin", "m/noname")
    assert check(ring, "m", "--strict") == 0


def test_the_memory_is_bounded_and_a_damaged_one_decides_nothing(
    ring: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signed_before, "MOST", 2)
    for name in ("m/a", "m/b", "m/a.bin", "m/b.bin"):
        sign(ring, name)
    (memory,) = (here / "home" / "seen").glob("signed-*.json")
    assert memory.read_text().count('"name"') == 2
    memory.write_text("{")
    assert check(ring, "m") == 3
