"""The index of lineage: both ways, by any digest or name, through short digests, cycles and changes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secpipe.core.artifact import Digest
from secpipe.core.errors import InputError, SecpipeError
from secpipe.lineage import questions
from secpipe.lineage.index import DerivationIndex
from secpipe.lineage.index_rows import NamedThing, RecordFile, Step, Thing, Used, step_of
from secpipe.lineage.questions import LineageQuestion
from secpipe.lineage.record import Derivation, Grade, Input, Prompt, Subject, Tool
from secpipe.report import lineage as writers


def sha(word: str) -> str:
    return hashlib.sha256(word.encode()).hexdigest()


def whole(word: str) -> tuple[Digest, ...]:
    return (Digest("sha256", sha(word)),)


def short_of(word: str) -> Digest:
    return Digest("sha256-prefix", sha(word)[:10])


def source(name: str, *inputs: Input, prompts: tuple[Prompt, ...] = (), tool: Tool | None = None) -> RecordFile:
    record = Derivation(Subject(name, whole(name)), "generate", inputs, (), prompts, tool)
    return RecordFile(f"{name}.derivation.json", f"stamp of {name}", (step_of(record),))


def used(name: str, role: str, grade: Grade = Grade.CLAIMED) -> Input:
    return Input(name, role, whole(name), grade=grade)


@pytest.fixture
def index(tmp_path: Path) -> Iterator[DerivationIndex]:
    with DerivationIndex(tmp_path / "index.sqlite") as made:
        yield made


def ask(index: DerivationIndex, word: str, name: str = "") -> list[Thing]:
    return index.find(NamedThing("", name, whole(word) if word else ()))


def names(things: list[Thing] | tuple[Thing, ...]) -> set[str]:
    return {thing.name for thing in things}


def below(index: DerivationIndex, word: str) -> set[str]:
    answer = index.down(ask(index, word), questions.MOST)
    return {row["name"] for row in questions.recall(answer)}


def test_what_was_made_and_from_what_is_found_both_ways(index: DerivationIndex) -> None:
    index.add([source("lora", used("base", "model"), used("faces", "dataset"))])
    index.add(
        source(f"a{nth}", used("base", "model"), used("lora" if nth % 2 else "other", "adapter")) for nth in range(6)
    )
    assert below(index, "lora") == {"a1", "a3", "a5"}
    assert below(index, "faces") == {"lora", "a1", "a3", "a5"}
    assert below(index, "base") == {"lora", *(f"a{nth}" for nth in range(6))}
    up = index.up(ask(index, "a1"), questions.MOST)
    assert {thing.name for thing in up.things.values()} == {"a1", "base", "lora", "faces"}
    assert {edge.place for edge in up.edges} == {"a1.derivation.json", "lora.derivation.json"}


def test_a_prompt_a_tool_and_a_licence_are_asked_as_well(index: DerivationIndex) -> None:
    prompt = Prompt("prompt", sha("salted"))
    index.add([source("a", used("base", "model"), prompts=(prompt,), tool=Tool("comfyui", "0.3"))])
    licence = Used(NamedThing("license", "CC-BY-NC-4.0"), "license")
    index.add([RecordFile("bom.json", "1", (Step(NamedThing("asset", "base", whole("base")), (licence,)),))])
    for asked in (
        NamedThing("", "", (Digest("commitment", sha("salted")),)),
        NamedThing("tool", "comfyui@0.3"),
        NamedThing("license", "CC-BY-NC-4.0"),
    ):  # fmt: skip
        down = index.down(index.find(asked), questions.MOST)
        assert "a" in {row["name"] for row in questions.recall(down)}, asked


def test_a_short_digest_and_the_whole_are_one_whichever_came_first(index: DerivationIndex) -> None:
    short = Input("lora", "adapter", (Digest("sha256-prefix", sha("lora")[:10]),))
    index.add([source("a", short)])
    index.add([source("lora", used("base", "model"))])
    index.add([source("b", Input("style", "adapter", (Digest("sha256-prefix", sha("lora")[:12]),)))])
    assert below(index, "lora") == {"a", "b"}
    assert below(index, "base") == {"lora", "a", "b"}
    assert not below(index, "another")


def test_a_name_without_a_digest_counts_and_one_with_another_digest_does_not(index: DerivationIndex) -> None:
    """A recall misses nothing that only a name speaks of, and calls back nothing whose digest says otherwise."""
    index.add([source("a", Input("style.safetensors", "adapter"))])
    index.add([source("b", Input("style.safetensors", "adapter", whole("another style")))])
    index.add([source("c", Input("style.safetensors", "adapter", whole("style")))])
    found = ask(index, "style", "style.safetensors")
    assert {row["name"] for row in questions.recall(index.down(found, 99))} == {"a", "c"}
    found = ask(index, "", "style.safetensors")
    assert {row["name"] for row in questions.recall(index.down(found, 99))} == {"a", "b", "c"}


def test_one_thing_with_two_digests_joins_those_who_knew_one(index: DerivationIndex) -> None:
    """Whoever names both digests makes nobody's lineage shorter."""
    index.add([source("a", Input("m", "model", (Digest("sha256", sha("m")),)))])
    index.add([source("b", Input("m", "model", (Digest("dirHash", sha("d")),)))])
    both = (Digest("sha256", sha("m")), Digest("dirHash", sha("d")))
    index.add([source("c", Input("m", "model", both))])
    for digest in both:
        assert "c" in {
            row["name"] for row in questions.recall(index.down(index.find(NamedThing("", "", (digest,))), 99))
        }
    found = index.find(NamedThing("", "", both))
    assert {row["name"] for row in questions.recall(index.down(found, 99))} == {"a", "b", "c"}


def test_what_two_digests_join_is_joined_both_ways_whenever_it_is_learnt(index: DerivationIndex) -> None:
    """Who knew the model by one digest and who knew it by the other speak of one model, also in what came before."""
    sha256, tree = Digest("sha256", sha("m")), Digest("dirHash", sha("d"))
    base = NamedThing("model", "base", whole("base"))
    index.add([RecordFile("r", "1", (Step(NamedThing("asset", "m", (tree,)), (Used(base, "model"),)),))])
    index.add([source("a", Input("m", "model", (sha256,))), source("s", Input("m", "x", (short_of("m"),)))])
    assert below(index, "base") == {"m"}
    index.add([source("c", Input("m", "model", (sha256, tree)))])
    assert below(index, "base") >= {"m", "a", "c", "s"}
    index.add([source("e", Input("m", "model", (sha256,))), source("f", Input("m", "model", (tree,)))])
    assert below(index, "base") >= {"m", "a", "c", "s", "e", "f"}


def test_a_whole_digest_that_is_learnt_late_meets_the_short_one(index: DerivationIndex) -> None:
    tree = Digest("dirHash", sha("d"))
    index.add([source("s", Input("m", "x", (short_of("m"),))), source("a", Input("m", "model", (tree,)))])
    index.add([source("b", Input("m", "model", (*whole("m"), tree)))])
    assert {row["name"] for row in questions.recall(index.down(index.find(NamedThing("", "", (tree,))), 99))} == {
        "s",
        "a",
        "b",
    }


def test_files_that_end_in_an_error_leave_nothing_behind(index: DerivationIndex) -> None:
    def broken() -> Iterator[RecordFile]:
        yield source("a", used("base", "model"))
        raise InputError("the folder went away")

    with pytest.raises(InputError):
        index.add(broken())
    index.add([source("b", used("base", "model"))])
    assert below(index, "base") == {"b"}


def test_a_cycle_ends_and_a_record_of_itself_says_nothing(index: DerivationIndex) -> None:
    index.add([source("a", used("b", "model")), source("b", used("c", "model")), source("c", used("a", "model"))])
    index.add([source("self", used("self", "model"))])
    assert below(index, "a") == {"b", "c"}
    assert len(index.up(ask(index, "a"), 99).edges) == 3
    assert index.up(ask(index, "self"), 99).edges == ()


def test_a_long_chain_is_followed_and_shown(index: DerivationIndex) -> None:
    index.add(source(f"m{nth}", used(f"m{nth - 1}", "model")) for nth in range(1, 3_000))
    assert len(below(index, "m0")) == 2_999
    up = index.up(ask(index, "m2999"), questions.MOST)
    document = questions.document(LineageQuestion("m2999"), up.roots, up, None, [])
    assert "m2999" in writers.tree(document)


def test_an_answer_that_is_cut_says_so(index: DerivationIndex) -> None:
    index.add(source(f"a{nth}", used("base", "model")) for nth in range(50))
    down = index.down(ask(index, "base"), 49)
    assert down.cut
    assert len(down.edges) == 49
    document = questions.document(LineageQuestion("base"), down.roots, None, down, [])
    assert document["whole"] is False
    assert "not whole" in document["sentence"]
    assert not index.down(ask(index, "base"), 50).cut


def test_a_record_that_changed_or_went_is_forgotten_with_its_names(index: DerivationIndex) -> None:
    index.add([source("a", used("secret name", "adapter")), source("b", used("base", "model"))])
    index.look([("a.derivation.json", "2"), ("b.derivation.json", "stamp of b"), ("c", "1")])
    assert list(index.news()) == [("a.derivation.json", "2"), ("c", "1")]
    index.forget()
    index.add(RecordFile(place, stamp, source("a", used("base", "model")).steps) for place, stamp in index.news())
    assert list(index.news()) == []
    assert below(index, "base") == {"a", "b"}
    assert not ask(index, "secret name")
    assert not ask(index, "", "secret name")
    index.look([("a.derivation.json", "2")])
    index.forget()
    assert below(index, "base") == {"a"}


def test_nothing_of_a_forgotten_record_stays_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "index.sqlite"
    with DerivationIndex(path) as index:
        index.add([source("a", used("name-that-must-go", "adapter"))])
        index.look([])
        index.forget()
    assert b"name-that-must-go" not in path.read_bytes()


@pytest.mark.parametrize("data", [b"no database at all" * 100, b"SQLite format 3\0" + b"x" * 4000])
def test_a_damaged_index_is_told_and_costs_nothing(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "index.sqlite"
    path.write_bytes(data)
    with pytest.raises(SecpipeError, match="index"):
        DerivationIndex(path)
    path.unlink()
    DerivationIndex(path).__exit__()
    (tmp_path / "link").symlink_to(path)
    with pytest.raises(SecpipeError):
        DerivationIndex(tmp_path / "link")


def test_an_index_of_another_version_is_not_read(tmp_path: Path) -> None:
    import sqlite3

    with sqlite3.connect(tmp_path / "index.sqlite") as made:
        made.execute("PRAGMA user_version = 99")
    with pytest.raises(InputError, match="version 99"):
        DerivationIndex(tmp_path / "index.sqlite")


def test_the_grade_of_a_way_is_that_of_its_weakest_step(index: DerivationIndex) -> None:
    index.add([source("lora", used("base", "model", Grade.RE_DERIVED))])
    index.add(
        [source("a", used("lora", "adapter", Grade.WITNESSED)), source("b", used("base", "model", Grade.CONTRADICTED))]
    )
    index.add([source("c", used("base", "model"), used("lora", "adapter", Grade.RE_DERIVED))])
    down = index.down(ask(index, "base"), 99)
    assert {row["name"]: row["grade"] for row in questions.recall(down)} == {
        "lora": "re-derived", "a": "witnessed", "b": "contradicted", "c": "re-derived",
    }  # fmt: skip


_NAMES = st.text(max_size=12)
_INPUTS = st.builds(
    Input, _NAMES, st.sampled_from(["model", "adapter", "x"]),
    st.lists(st.sampled_from([whole(str(nth))[0] for nth in range(5)]), max_size=3, unique=True).map(tuple),
    grade=st.sampled_from(Grade),
)  # fmt: skip


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.lists(_INPUTS, max_size=4)), max_size=8), st.integers(0, 4))
def test_any_records_give_an_answer_that_every_writer_writes(
    tmp_path_factory: pytest.TempPathFactory, records: list[tuple[int, list[Input]]], asked: int
) -> None:
    with DerivationIndex(tmp_path_factory.mktemp("index") / "i.sqlite") as index:
        for at, (name, inputs) in enumerate(records):
            made = source(str(name), *inputs)
            index.add([RecordFile(str(at), "1", made.steps)])
        found = ask(index, str(asked))
        up, down = index.up(found, 1000), index.down(found, 1000)
        document = questions.document(LineageQuestion(str(asked)), found, up, down, index.problems())
        for part in (document["up"], document["down"]):
            ends = {end for edge in part["edges"] for end in (edge["child"], edge["parent"])}
            assert ends <= set(range(len(part["things"])))
        for write in (writers.tree, writers.dot, writers.html):
            assert write(document).endswith("\n")


Steps = list[tuple[tuple[Digest, ...], list[tuple[Digest, ...]]]]
_DIGEST = st.sampled_from([Digest(word, sha(f"{word} {nth}")) for word in ("sha256", "dirHash") for nth in range(5)])
_THINGS = st.lists(_DIGEST, min_size=1, max_size=2, unique_by=lambda one: one.algorithm).map(tuple)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(_THINGS, st.lists(_THINGS, max_size=3)), max_size=9), st.booleans())
def test_a_recall_reaches_what_following_every_step_by_hand_reaches(
    tmp_path_factory: pytest.TempPathFactory, steps: Steps, at_once: bool
) -> None:
    """A second way, without a database: what shares a digest is one, and whatever is reached is called back."""
    files = []
    for at, (made, inputs) in enumerate(steps):
        step = Step(NamedThing("asset", str(at), made), tuple(Used(NamedThing("x", "", one), "x") for one in inputs))
        files.append(RecordFile(str(at), "1", (step,)))
    digests = {one for made, inputs in steps for group in (made, *inputs) for one in group}
    with DerivationIndex(tmp_path_factory.mktemp("index") / "i.sqlite") as index:
        for some in [files] if at_once else [[one] for one in files]:
            index.add(some)
        met = {one: {thing.id for thing in index.find(NamedThing("", "", (one,)))} for one in digests}
        for digest in digests:
            reached = set(index.down(index.find(NamedThing("", "", (digest,))), 9999).things)
            assert {one for one in digests if met[one] & reached} == by_hand(steps, digest)


def by_hand(steps: Steps, start: Digest) -> set[Digest]:
    """Return the digests of everything that came of `start`, and of itself."""
    one: dict[Digest, set[Digest]] = {}
    for made, inputs in steps:
        for group in (made, *inputs):
            joined = set(group).union(*(one.get(digest, set()) for digest in group))
            one |= dict.fromkeys(joined, joined)
    reached, size = set(one[start]), 0
    while len(reached) > size:
        size = len(reached)
        for made, inputs in steps:
            if any(reached & one[digest] for group in inputs for digest in group):
                reached |= one[made[0]]
    return reached


def test_a_name_stays_text_in_every_form(index: DerivationIndex) -> None:
    hostile = '<script>alert(1)</script>"];\n\x1b[31m'
    index.add([source("a", Input(hostile, "model"))])
    up = index.up(ask(index, "a"), 99)
    document = questions.document(LineageQuestion(hostile), up.roots, up, None, [(hostile, hostile)])
    assert "<script>" not in writers.html(document)
    for write in (writers.tree, writers.dot, writers.html):
        assert "\x1b" not in write(document)
    assert '\\"];' in writers.dot(document)
