"""What a generator names without its extension, by another hash or in another spelling is still on the recall list."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secpipe.cli.lineage import gather
from secpipe.core.artifact import Digest
from secpipe.lineage import questions
from secpipe.lineage.commit import Opening
from secpipe.lineage.index import DerivationIndex
from secpipe.lineage.index_rows import NamedThing, RecordFile, Step, Used, folded
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


def _hashed(word: str) -> tuple[Digest, ...]:
    return (Digest("sha256", hashlib.sha256(word.encode()).hexdigest()),)


def _asset(name: str, *inputs: NamedThing) -> RecordFile:
    step = Step(NamedThing("asset", name, _hashed(name)), tuple(Used(one, "x") for one in inputs))
    return RecordFile(name, "1", (step,))


@pytest.mark.parametrize("bare_first", [True, False])
def test_many_things_of_one_name_cost_no_more_than_as_many_edges(tmp_path: Path, bare_first: bool) -> None:
    """Whoever can put two records beside the others must not be able to fill the disk with what they have in common."""
    count = 120
    bare = _asset("a", *(NamedThing(f"r{nth}", f"{nth}/style") for nth in range(count)))
    whole = _asset("b", *(NamedThing("model", "Style.ckpt", _hashed(str(nth))) for nth in range(count)))
    base = NamedThing("model", "base", _hashed("base"))
    made = Step(NamedThing("asset", "style", _hashed("7")), (Used(base, "model"),))
    with DerivationIndex(tmp_path / "index.sqlite") as index:
        for one in (bare, whole) if bare_first else (whole, bare):
            index.add([one])
        index.add([RecordFile("made", "1", (made,))])
        down = index.down(index.find(base), 99_999)
        assert {"style", "a", "b"} <= {thing.name for thing in down.things.values()}
        everything = index.down(index.find(NamedThing("", "style")), 99_999)
        assert len(everything.edges) < 8 * count


def test_what_only_a_name_joins_stays_joined_while_others_are_forgotten(tmp_path: Path) -> None:
    base = NamedThing("model", "base", _hashed("base"))
    made = RecordFile("m", "1", (Step(NamedThing("asset", "style", _hashed("s")), (Used(base, "model"),)),))
    with DerivationIndex(tmp_path / "index.sqlite") as index:
        index.add([made, _asset("a", NamedThing("adapter", "style")), _asset("gone", NamedThing("x", "gone"))])
        for _ in range(2):
            index.look([("m", "1"), ("a", "1")])
            index.forget()
            assert "a" in {thing.name for thing in index.down(index.find(base), 99).things.values()}
        index.add([_asset("b", NamedThing("adapter", "STYLE.safetensors"))])
        assert {"a", "b"} <= {thing.name for thing in index.down(index.find(base), 99).things.values()}
        index.look([("m", "1")])
        index.forget()
        assert index.find(NamedThing("", "style"))
        assert "a" not in {thing.name for thing in index.down(index.find(base), 99).things.values()}


def test_a_name_that_joins_is_no_thing_that_was_used(tmp_path: Path) -> None:
    style = NamedThing("asset", "style", _hashed("s"))
    with DerivationIndex(tmp_path / "index.sqlite") as index:
        index.add([_asset("a", NamedThing("adapter", "style")), RecordFile("s", "1", (Step(style, ()),))])
        up = index.up(index.find(NamedThing("", "a", _hashed("a"))), 99)
        said = questions.document(questions.LineageQuestion("a"), up.roots, up, None, [])["sentence"]
        assert said.startswith("a was made from 2 things")


def test_a_release_of_a_tool_means_every_release_below_it(tmp_path: Path) -> None:
    with DerivationIndex(tmp_path / "index.sqlite") as index:
        index.add(
            [_asset(version, NamedThing("tool", f"comfyui@{version}")) for version in ("0.3", "0.3.1", "0.30", "0.4")]
        )
        for asked, wanted in (
            ("comfyui@0.3", {"0.3", "0.3.1"}), ("comfyui@0.3.1", {"0.3.1"}),
            ("comfyui", {"0.3", "0.3.1", "0.30", "0.4"}),
            ("comfyui@0", {"0.3", "0.3.1", "0.30", "0.4"}), ("comfyui@0.3.1.2", set()), ("comfyui@0.", set()),
        ):  # fmt: skip
            down = index.down(index.find(NamedThing("tool", asked)), 99)
            assert {row["name"] for row in questions.recall(down)} == wanted, asked


@settings(max_examples=300)
@given(st.text(max_size=9), st.lists(st.sampled_from(["safetensors", "CKPT", "bin", "pt", "png", ""]), max_size=4))
def test_a_folded_name_stays_as_it_is(stem: str, endings: list[str]) -> None:
    once = folded(".".join([stem, *endings]))
    assert folded(once) == once


def test_components_that_cannot_be_told_apart_are_not_multiplied(tmp_path: Path) -> None:
    rows = [{"type": "library", "name": "x", "version": "1", "bom-ref": f"r{nth}"} for nth in range(1_000)]
    rows[0]["properties"] = [{"name": "secpipe:derived-from", "value": "r1"}]  # type: ignore[assignment]
    document = {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": rows}
    (tmp_path / "bom.json").write_text(json.dumps(document))
    found = gather._source(tmp_path, "bom.json", "1", None)
    assert "cannot be told apart" in found.problem
    document["components"] = rows[:9]
    (tmp_path / "bom.json").write_text(json.dumps(document))
    assert not gather._source(tmp_path, "bom.json", "1", None).problem
