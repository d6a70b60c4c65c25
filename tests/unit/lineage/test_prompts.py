"""Prompts stay private: commitments hide and bind, reveal holds texts to them, erase leaves the record as it is."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from secpipe.cli.main import run
from secpipe.core.errors import InputError
from secpipe.lineage import beside, commit
from secpipe.lineage.record import Derivation, Grade, Role, Subject

SALT = bytes(range(32))


def say(words: str) -> int:
    return run(words.split())


@pytest.fixture
def asset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, text in (("cat.png", "pixels"), ("m.safetensors", "w"), ("p.txt", "a cat"), ("n.txt", "blurry")):
        Path(name).write_text(text)
    done = say(
        "lineage record cat.png --from m.safetensors --adapter pkg:huggingface/a/style@1:0.8 --seed 7 "
        "--prompt p.txt --negative-prompt n.txt --param cfg=7.5 --param sampler=euler --tool acme@1.2"
    )
    assert done == 0
    return Path("cat.png")


def test_a_commitment_says_nothing_without_its_salt_and_binds_role_and_text() -> None:
    one = commit.opening(Role.PROMPT, "a cat", SALT)
    others = [
        commit.opening(Role.PROMPT, "a cat", bytes(32)),
        commit.opening(Role.NEGATIVE_PROMPT, "a cat", SALT),
        commit.opening("promp", "ta cat", SALT),
        commit.opening(Role.PROMPT, "a cat ", SALT),
    ]
    assert len({one.commitment, *(other.commitment for other in others)}) == 5
    assert "a cat" not in repr(one)
    assert SALT.hex() not in repr(one)


def test_an_opening_of_another_text_opens_nothing() -> None:
    record = Derivation(Subject("x", ()), "generate", prompts=(commit.opening(Role.PROMPT, "a cat", SALT).prompt(),))
    wrong = commit.opening(Role.PROMPT, "a dog", SALT)
    assert commit.reveal(record, [wrong])[0].text is None
    assert commit.reveal(record, [wrong, commit.opening(Role.PROMPT, "a cat", SALT)])[0].text == "a cat"


@pytest.mark.parametrize(
    "data", [b"", b"{}", b'{"schema":"secpipe.prompts/1","prompts":[{"role":"prompt","salt":"00","text":"x"}]}',
             b'{"schema":"secpipe.prompts/1","prompts":[],"more":1}']
)  # fmt: skip
def test_a_file_of_prompts_that_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(InputError):
        commit.decode(data)


def test_the_record_holds_no_text_and_the_texts_are_the_owners_alone(asset: Path) -> None:
    record = Path("cat.png.derivation.json").read_bytes()
    assert b"a cat" not in record
    assert b"blurry" not in record
    found = beside.read(asset)
    assert {one.name: one.value for one in found.parameters} == {"cfg": 7.5, "sampler": "euler", "seed": 7}
    assert [(one.role, one.weight) for one in found.inputs] == [("model", None), ("adapter", 0.8)]
    assert set(found.grades.values()) == {Grade.CLAIMED}
    if os.name != "nt":
        assert stat.S_IMODE(Path("cat.png.prompts.json").stat().st_mode) == 0o600


def test_reveal_shows_what_fits_and_says_what_does_not(asset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run(["lineage", "reveal", "cat.png"]) == 0
    assert "a cat" in capsys.readouterr().out
    private = Path("cat.png.prompts.json")
    private.write_bytes(private.read_bytes().replace(b"a cat", b"a dog"))
    assert run(["lineage", "reveal", "cat.png"]) == 3
    told = capsys.readouterr().out
    assert "a dog" not in told
    assert "blurry" in told
    private.chmod(0o644)
    if os.name != "nt":
        assert run(["lineage", "reveal", "cat.png"]) == 3


def test_erase_takes_the_texts_and_leaves_the_record(asset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = Path("cat.png.derivation.json").read_bytes()
    first = beside.read(asset).prompts[0].commitment
    assert run(["lineage", "erase", "cat.png", "--prompt", first[:12]]) == 0
    assert b"a cat" not in Path("cat.png.prompts.json").read_bytes()
    assert b"blurry" in Path("cat.png.prompts.json").read_bytes()
    assert run(["lineage", "erase", "cat.png"]) == 0
    assert not Path("cat.png.prompts.json").exists()
    assert Path("cat.png.derivation.json").read_bytes() == before
    capsys.readouterr()
    assert run(["lineage", "reveal", "cat.png"]) == 3
    assert "erased" in capsys.readouterr().out


def test_prompts_can_be_sealed(
    asset: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SEAL", "open sesame")
    assert say("lineage record cat.png --prompt p.txt --prompt n.txt --seal-with env:SEAL") == 0
    assert not Path("cat.png.prompts.json").exists(), "the plain texts of the record before must not stay"
    sealed = Path("cat.png.prompts.age").read_bytes()
    assert b"a cat" not in sealed
    capsys.readouterr()
    assert say("lineage reveal cat.png --seal-with env:SEAL -f json") == 0
    assert '"text": "a cat"' in capsys.readouterr().out
    first = beside.read(asset).prompts[0].commitment
    assert run(["lineage", "erase", "cat.png", "--prompt", first]) == 2
    monkeypatch.setenv("SEAL", "wrong")
    assert say("lineage reveal cat.png --seal-with env:SEAL") == 3


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("lineage record cat.png --from typo.safetensors", 2),
        ("lineage record cat.png --from m.safetensors:0.3x", 2),
        ("lineage record cat.png --input pose.pngs:control", 2),
        ("lineage record cat.png --tool acme", 2),
        ("lineage record cat.png --param seed", 2),
        ("lineage record cat.png --param seed=1 --seed 2", 2),
        ("lineage record absent.png", 3),
        ("lineage reveal m.safetensors", 3),
        ("lineage erase cat.png --prompt 00000000", 2),
        ("lineage erase cat.png --prompt 0", 2),
    ],
)
def test_mistakes_are_told(asset: Path, words: str, code: int) -> None:
    assert say(words) == code


def test_a_new_record_without_prompts_takes_the_old_texts_away(asset: Path) -> None:
    assert say("lineage record cat.png --from m.safetensors") == 0
    assert not Path("cat.png.prompts.json").exists()
