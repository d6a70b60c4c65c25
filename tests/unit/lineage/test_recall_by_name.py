"""What a generator names without its extension, by another hash or in another spelling is still on the recall list."""

from __future__ import annotations

from pathlib import Path

import pytest

from secpipe.cli.lineage import gather
from secpipe.core.artifact import Digest
from secpipe.lineage.commit import Opening
from secpipe.lineage.index import DerivationIndex
from secpipe.lineage.index_rows import NamedThing, RecordFile, Step, Used
from secpipe.lineage.proving.located import graded
from secpipe.lineage.proving.prove import Proof
from secpipe.lineage.record import Derivation, Grade, Input, Parameter, Prompt, Subject, Tool

_ASKED = NamedThing("", "Caf\u00e9.safetensors", (Digest("sha256", "a" * 64),))


@pytest.mark.parametrize(
    "named",
    [
        NamedThing("adapter", "Caf\u00e9"),
        NamedThing("adapter", "cafe\u0301.safetensors"),
        NamedThing("adapter", "Caf\u00e9", (Digest("sha256-data-prefix", "0123456789ab"),)),
    ],
)
def test_an_adapter_is_found_by_its_file_however_it_was_named(tmp_path: Path, named: NamedThing) -> None:
    with DerivationIndex(tmp_path / "index.sqlite") as index:
        step = Step(NamedThing("asset", "a.png", (Digest("sha256", "b" * 64),)), (Used(named, "adapter"),))
        index.add([RecordFile("a", "1", (step,))])
        assert [edge.role for edge in index.down(index.find(_ASKED), 10).edges] == ["adapter"]


def test_another_digest_of_the_same_kind_is_another_thing(tmp_path: Path) -> None:
    with DerivationIndex(tmp_path / "index.sqlite") as index:
        other = NamedThing("adapter", _ASKED.name, (Digest("sha256", "c" * 64),))
        index.add([RecordFile("a", "1", (Step(NamedThing("asset", "a.png"), (Used(other, "adapter"),)),))])
        assert index.find(_ASKED) == []


def test_the_line_end_of_an_editor_makes_no_other_prompt() -> None:
    one = Opening("prompt", b"0" * 32, "A cat,\r\nblue")
    assert gather._opened([one], "a cat,\nblue\n") == [one.commitment]
    assert gather._opened([one], "a dog") == []


@pytest.mark.parametrize("grade", [Grade.CLAIMED, Grade.BOUNDED])
def test_a_grade_that_was_written_into_a_record_is_not_taken_over(grade: Grade) -> None:
    high = Grade.RE_DERIVED
    record = Derivation(
        Subject("o", (Digest("sha256", "a" * 64),)), "fine-tune",
        (Input("m", "model", grade=high), Input("d", "dataset", grade=Grade.WITNESSED)),
        (Parameter("seed", 1, high),), (Prompt("prompt", "b" * 64, high),), Tool("t", "1", high), None, "",
    )  # fmt: skip
    found = graded(record, Proof("o", grade, ""))
    assert [one.grade for one in found.inputs] == [grade, Grade.CLAIMED]
    assert {found.parameters[0].grade, found.prompts[0].grade, found.tool and found.tool.grade} == {Grade.CLAIMED}


@pytest.mark.parametrize("later", [False, True])
def test_a_recall_goes_on_through_what_is_named_without_a_digest(tmp_path: Path, later: bool) -> None:
    base = NamedThing("model", "base.safetensors", (Digest("sha256", "a" * 64),))
    style = NamedThing("asset", "style.safetensors", (Digest("sha256", "b" * 64),))
    steps = [
        Step(style, (Used(base, "model"),)),
        Step(NamedThing("asset", "a.png", (Digest("sha256", "c" * 64),)), (Used(NamedThing("adapter", "Style"), "x"),)),
    ]
    with DerivationIndex(tmp_path / "index.sqlite") as index:
        index.add([RecordFile(str(at), "1", (step,)) for at, step in enumerate(steps[::-1] if later else steps)])
        names = {thing.name for thing in index.down(index.find(base), 99).things.values()}
        assert {"style.safetensors", "a.png"} <= names
