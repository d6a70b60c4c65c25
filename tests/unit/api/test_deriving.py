"""`deriving` witnesses a step: what changes meanwhile is an error, what fails leaves nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import secpipe
from secpipe.api import InputError
from secpipe.lineage import beside
from secpipe.lineage.record import Grade


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("m.safetensors").write_text("weights")


def test_a_step_is_witnessed() -> None:
    with secpipe.deriving("out.txt", tool="acme@1.2") as step:
        step.model("m.safetensors")
        step.adapter("style@sha256:" + "ab" * 32, weight=0.5)
        step.parameter("seed", 7)
        step.prompt("a cat")
        step.prompt("blurry", negative=True)
        Path("out.txt").write_text("made")
    found = beside.read(Path("out.txt"))
    assert found.grades["inputs[0]"] is found.grades["parameters.seed"] is found.grades["tool"] is Grade.WITNESSED
    assert found.grades["inputs[1]"] is Grade.CLAIMED, "nobody saw the bytes behind a digest"
    assert [one.text for one in beside.openings(Path("out.txt"), lambda data: data)] == ["a cat", "blurry"]


def test_an_input_that_changes_meanwhile_is_no_witness() -> None:
    def run() -> None:
        with secpipe.deriving("out.txt") as step:
            step.model("m.safetensors")
            Path("m.safetensors").write_text("others")
            Path("out.txt").write_text("made")

    with pytest.raises(InputError, match="changed while"):
        run()
    assert not Path("out.txt.derivation.json").exists()


def test_a_step_that_fails_or_makes_nothing_leaves_no_record() -> None:
    def fail() -> None:
        with secpipe.deriving("out.txt"):
            Path("out.txt").write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with pytest.raises(InputError), secpipe.deriving("other.txt"):
        pass
    assert not list(Path().glob("*.derivation.json"))


def test_a_step_that_works_elsewhere_is_recorded_where_it_was_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What changes the working folder meanwhile neither loses the record nor has another file of the name digested."""
    (tmp_path / "elsewhere").mkdir()
    Path("m.bin").write_text("weights")
    (tmp_path / "elsewhere/m.bin").write_text("others")
    home = Path.cwd()
    with secpipe.deriving("out.txt") as step:
        step.model("m.bin")
        Path("out.txt").write_text("made")
        monkeypatch.chdir(tmp_path / "elsewhere")
    made = beside.read(home / "out.txt")
    assert made.inputs[0].name == "m.bin"
    assert made.inputs[0].grade == "witnessed"


@pytest.mark.parametrize(
    "wrong",
    [
        lambda step: step.parameter("steps", None),
        lambda step: step.parameter("steps", b"20"),
        lambda step: step.parameter("steps", float("nan")),
        lambda step: step.parameter("", 1),
        lambda step: step.input("m.safetensors", "No Role"),
        lambda step: step.model("m.safetensors", weight=float("inf")),
    ],
)
def test_what_no_record_can_hold_is_refused_when_it_is_named(wrong: Callable[[secpipe.Step], None]) -> None:
    """Not hours later, when the output is there and the record is not."""
    with secpipe.deriving("out.txt") as step:
        with pytest.raises(InputError):
            wrong(step)
        step.parameter("steps", 20)
        Path("out.txt").write_text("made")
    assert [one.value for one in beside.read(Path("out.txt")).parameters] == [20]


def test_an_operation_that_is_none_is_refused_before_the_step() -> None:
    with pytest.raises(InputError), secpipe.deriving("out.txt", operation="Make It"):
        pytest.fail("the step ran")
