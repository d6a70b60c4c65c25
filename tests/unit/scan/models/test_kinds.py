"""What is a model: one table that scan and SBOM use; a format nobody reads is told and counts as a model."""

from __future__ import annotations

import gzip
import lzma
import random
from collections.abc import Callable

import pytest

from secpipe.formats import kinds
from secpipe.gate.rules.signed import is_no_model

Look = Callable[..., object]
NOISE = random.Random(18).randbytes(4000)
UNREAD = {
    "m.engine": b"ftrt" + NOISE, "renamed.dat": b"ptrt" + NOISE, "m.pte": b"\x18\0\0\0ET12" + NOISE,
    "executorch.dat": b"\x18\0\0\0ET12" + NOISE, "m.pdiparams": NOISE, "m.pdmodel": NOISE, "m.ubj": b"{L" + NOISE,
    "variables.data-00000-of-00001": NOISE, "m.rknn": b"RKNN" + NOISE, "m.caffemodel": NOISE, "m.params": NOISE,
    "m.rds": gzip.compress(b"X\n" + NOISE), "m.RData": gzip.compress(b"RDX3\n" + NOISE), "m.ort": NOISE, "m.mnn": NOISE,
    "model.pkl": gzip.compress(NOISE), "model.pkl.gz": gzip.compress(NOISE), "m.pt.xz": lzma.compress(NOISE),
    "m.7z": b"7z\xbc\xaf\x27\x1c" + NOISE, "m.zst": b"\x28\xb5\x2f\xfd" + NOISE, "m.onnx.gz": gzip.compress(NOISE),
    "m.msgpack": b"\xc1" + NOISE,
}  # fmt: skip


@pytest.mark.parametrize("name", UNREAD)
def test_a_model_that_nobody_reads_is_not_read_and_counts_as_a_model(look: Look, name: str) -> None:
    said = look(UNREAD[name], name)
    assert said.outcome == "review", said  # type: ignore[attr-defined]
    assert said.evidence.skips  # type: ignore[attr-defined]
    assert name.endswith((".7z", ".zst")) or not is_no_model(said.facts)  # type: ignore[attr-defined]


#: {"learner": {"a": [1.0, 2.0], "b": "c"}, "version": [2, 0]} as XGBoost writes it.
UBJSON = b"{L\0\0\0\0\0\0\0\x07learner{U\x01a[$d#U\x02\x3f\x80\0\0\x40\0\0\0U\x01bSU\x01c}U\x07version[#U\x02i\x02i\0}"
#: {"learner": {"a": [1.0, 2.0], "b": "c"}, "version": [2, 0]} as XGBoost writes it.
UBJSON = b"{L\0\0\0\0\0\0\0\x07learner{U\x01a[$d#U\x02\x3f\x80\0\0\x40\0\0\0U\x01bSU\x01c}U\x07version[#U\x02i\x02i\0}"
READ = {
    "m.msgpack": (b"\x82\xa4step\x05\xa1w\xc7\x04\x01abcd", "flax"),
    "model.txt": (b"tree\nversion=v4\nnum_class=1\nfeature_names=a b\n\nTree=0\nleaf_value=1 2\n", "lightgbm"),
    "m.ubj": (UBJSON, "xgboost"),
    "renamed.bin": (UBJSON, "xgboost"),
    "variables.data-00000-of-00001": (
        NOISE + b"\n\x1fa/.ATTRIBUTES/VARIABLE_VALUE" + bytes(20),
        "tensorflow-variables",
    ),
    "model.json": (
        b'{"learner": {"gradient_booster": {"model": {}, "name": "gbtree"}}, "version": [2, 0, 0]}',
        "xgboost",
    ),
}


@pytest.mark.parametrize("name", READ)
def test_a_format_that_holds_numbers_only_is_read(look: Look, name: str) -> None:
    content, form = READ[name]
    said = look(content, name)
    assert (said.outcome, said.format) == ("ok", form), said  # type: ignore[attr-defined]
    assert not said.evidence.skips  # type: ignore[attr-defined]
    assert not is_no_model(said.facts)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "content",
    [
        UBJSON[:-1], UBJSON + b"x", UBJSON.replace(b"learner{", b"learner?"), UBJSON.replace(b"learner", b"leaRner"),
        b"{L" + b"\xff" * 8 + b"learner", b"{" + b"U\x01a{" * 200 + b"}", b"{U\x01a[$T#L\x7f" + b"\xff" * 7 + b"}",
    ],
)  # fmt: skip
def test_what_is_named_like_a_model_of_xgboost_and_is_none_is_told(look: Look, content: bytes) -> None:
    assert look(content, "m.ubj").outcome == "review"  # type: ignore[attr-defined]


def test_what_stands_behind_variables_is_found(look: Look) -> None:
    pickle = b"\x80\x02cposix\nsystem\nX\x02\0\0\0id\x85R."
    said = look(pickle + b"a/.ATTRIBUTES/VARIABLE_VALUE", "variables.data-00000-of-00001")
    assert said.outcome == "malicious"  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["notes.txt", "a.meta", "b.params", "c.plan", "photo.jpg", "rows.csv.gz", "LICENSE"])
def test_other_files_are_left_alone(look: Look, name: str) -> None:
    content = (
        gzip.compress(NOISE)
        if name.endswith(".gz")
        else b"\xff\xd8\xff" + NOISE
        if name.endswith(".jpg")
        else b"text\n"
    )
    said = look(content, name)
    assert not said.evidence.findings  # type: ignore[attr-defined]
    assert not said.evidence.skips  # type: ignore[attr-defined]


def test_what_the_sbom_lists_is_what_the_scan_answers_for(look: Look) -> None:
    assert set(kinds.WEIGHTS) <= kinds.ENDINGS
    for ending in sorted(kinds.WEIGHTS):
        assert look(NOISE, f"m{ending}").outcome, ending  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("173417d553.bin", b'data: {"id": "chatcmpl"}\n' * 20, False),
        ("pytorch_model.bin", b"version https://example.org/pointer\noid sha256:00\n", True),
        ("173417d553.bin", NOISE, True),
        ("173417d553.bin", b"cposix\nsystem\n(S'true'\ntR.", True),
    ],
)
def test_a_text_named_bin_is_no_model_unless_it_is_called_one(look: Look, name: str, data: bytes, told: bool) -> None:
    assert (look(data, name).outcome not in {"ok", ""}) is told  # type: ignore[attr-defined]
