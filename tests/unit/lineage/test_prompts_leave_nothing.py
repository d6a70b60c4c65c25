"""Private means private: no crash, race, index, answer or reading of a file tells a prompt, and erased is erased."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from secpipe.cli.main import run
from secpipe.lineage import beside
from secpipe.lineage.importers import a1111
from secpipe.system import files
from tests import skips
from tests.unit.lineage.test_prompts import say


@pytest.fixture
def asset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, text in (("cat.png", "pixels"), ("p.txt", "a cat"), ("n.txt", "blurry")):
        Path(name).write_text(text)
    assert say("lineage record cat.png --prompt p.txt --negative-prompt n.txt") == 0
    return Path("cat.png")


def test_what_a_crash_left_of_a_prompt_is_erased_as_well(
    asset: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who dies between writing the private file and giving it its name leaves the text under a hidden name."""

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", die)
        patch.setattr(os, "unlink", lambda *_: None)
        with pytest.raises(KeyboardInterrupt):
            beside.write(asset, beside.read(asset), beside.openings(asset, bytes))
    left = [one for one in asset.absolute().parent.iterdir() if one.name.endswith(".tmp")]
    assert [b"a cat" in one.read_bytes() for one in left] == [True]
    other = Path(".other.png.prompts.json.0123456789ab.tmp")
    other.write_bytes(left[0].read_bytes())
    assert say("lineage erase cat.png") == 0
    assert [one.name for one in asset.absolute().parent.iterdir() if one.name.endswith(".tmp")] == [other.name]


def test_two_who_erase_at_once_bring_nothing_back(asset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (one.commitment for one in beside.read(asset).prompts)
    between, go_on = threading.Event(), threading.Event()
    write = files.write_atomic

    def slowly(path: Path, data: bytes, **more: int) -> None:
        if threading.current_thread() is other:
            between.set()
            go_on.wait(2)
        write(path, data, **more)

    monkeypatch.setattr(files, "write_atomic", slowly)
    other = threading.Thread(target=run, args=(["lineage", "erase", "cat.png", "--prompt", first],))
    other.start()
    assert between.wait(5)
    threading.Timer(0.3, go_on.set).start()
    assert run(["lineage", "erase", "cat.png", "--prompt", second]) == 0
    other.join()
    assert not beside.openings(asset, bytes)


def test_what_was_erased_already_is_said(asset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = beside.read(asset).prompts[0].commitment
    told = []
    for words in (f"--prompt {first}", f"--prompt {first}", "", ""):
        capsys.readouterr()
        assert say(f"lineage erase cat.png {words}") == 0
        told.append(capsys.readouterr().out.strip())
    assert told == [
        "cat.png: 1 prompt erased, the record stays",
        "cat.png: nothing erased, 1 prompt was gone before; the record stays",
        "cat.png: 1 prompt erased, 1 was gone before; the record stays",
        "cat.png: nothing erased, 2 prompts were gone before; the record stays",
    ]


def test_an_answer_about_a_prompt_tells_no_digest_of_its_text(
    asset: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A digest without a salt can be guessed: the recall list is handed over, the prompt is not."""
    digest = hashlib.sha256(b"a cat").hexdigest()
    for form in ("json", "html", "dot", "tree"):
        capsys.readouterr()
        run(["lineage", "show", "p.txt", "--as", "prompt", "-f", form])
        said = capsys.readouterr()
        assert "cat.png" in said.out
        assert digest[:16] not in said.out + said.err
        assert "a cat" not in said.out + said.err
    assert run(["lineage", "show", "a cat on a mat", "--as", "prompt"]) == 2
    assert "a cat on a mat" not in capsys.readouterr().err


def test_steps_in_a_prompt_are_no_settings() -> None:
    """webui writes its settings behind the texts: a line of a recipe that begins like them stays in the prompt."""
    prompt = "a cook\nSteps: 3, Sampler: jane doe's phone number, Model: secret\nand more"
    text = f"{prompt}\nNegative prompt: blurry\nSteps: 20, Sampler: Euler a, Seed: 7, Model: v1-5"
    found = a1111.read({"parameters": text})
    assert found is not None
    assert {one.name: one.value for one in found.parameters}["sampler"] == "Euler a"
    assert [one.name for one in found.inputs] == ["v1-5"]
    assert found.prompts == (("prompt", prompt), ("negative-prompt", "blurry"))


def test_one_file_that_cannot_be_recorded_does_not_end_an_import(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    call = {"num_inference_steps": 4, "guidance_scale": 1, "prompt": "a cat", "model": "m"}
    bad, good = tmp_path / "bad.json", tmp_path / "good.json"
    bad.write_text(json.dumps(call | {"prompt": "\ud83d"}))
    good.write_text(json.dumps(call))
    assert run(["lineage", "import", str(bad), str(good)]) == 3
    said = capsys.readouterr()
    assert "bad.json" in said.err
    assert (tmp_path / "good.json.derivation.json").exists()
    assert "a cat" not in said.out + said.err


@pytest.mark.parametrize("spoil", [lambda one: one.write_bytes(b"torn"), lambda one: one.chmod(0o644)])
def test_what_cannot_be_read_can_be_erased(asset: Path, spoil: Callable[[Path], object]) -> None:
    private = Path("cat.png.prompts.json")
    spoil(private)
    assert say("lineage erase cat.png") == 0
    assert not private.exists()


@skips.posix
def test_what_is_revealed_into_a_file_is_the_owners_alone(asset: Path) -> None:
    for form in ("json", "terminal"):
        assert say(f"lineage reveal cat.png -o told.{form} -f {form}") == 0
        assert "a cat" in Path(f"told.{form}").read_text()
        assert stat.S_IMODE(Path(f"told.{form}").stat().st_mode) == 0o600
