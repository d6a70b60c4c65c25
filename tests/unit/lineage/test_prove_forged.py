"""Proving under attack: a record, its shares, its adapter or its parents are made so that anything would pass."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from secpipe.cli.main import run
from secpipe.lineage import beside
from tests import skips

np = skips.module("numpy")

from tests.unit.lineage.edges import model, weights  # noqa: E402
from tests.unit.lineage.test_prove import _here, _lora, _peft, proof  # noqa: E402, F401

NAME = "layers.0.q_proj.weight"


@pytest.mark.parametrize("share", [3e6, 1e30])
def test_shares_that_cancel_each_other_bound_nothing(share: float, capsys: pytest.CaptureFixture[str]) -> None:
    """Sums of giants have errors of giants: what is bounded by those is bounded by nothing."""
    weights(Path("m.safetensors"), model(1))
    weights(Path("n.safetensors"), dict(model(1)))
    other = model(1)
    other[NAME] = other[NAME] * np.float32(0.8)
    weights(Path("out.safetensors"), other)
    words = ["--from", "m.safetensors:2", "--from", "n.safetensors:-1"]
    assert run(["lineage", "record", "out.safetensors", *words]) == 0
    place = Path("out.safetensors.derivation.json")
    document = json.loads(place.read_text())
    rows = document["predicate"]["buildDefinition"]["resolvedDependencies"]
    for row, weight in zip(rows, (share, 1 - share), strict=True):
        row["annotations"]["weight"] = weight
    place.write_text(json.dumps(document))
    capsys.readouterr()
    code = run(["lineage", "prove", "out.safetensors", "-f", "json"])
    found = json.loads(capsys.readouterr().out)
    assert (code, found["grade"]) == (3, "claimed"), found


def test_an_adapter_whose_directions_cancel_bounds_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    up, down, _ = _lora(rank=2)
    up, down = up * np.float32(1e5), down * np.float32(1e3)
    _peft("lora", np.concatenate([up, -up], 1), np.concatenate([down, down], 0))
    weights(Path("m.safetensors"), model(2))
    other = model(2)
    other[NAME] = other[NAME][::-1].copy()
    weights(Path("out.safetensors"), other)
    code, found = proof("out.safetensors", "--from m.safetensors --adapter lora:1", capsys)
    assert code != 0, found


def test_what_was_proven_is_what_was_read(capsys: pytest.CaptureFixture[str]) -> None:
    """A record that names no digest is proven from whatever bears the name: then it must say from what."""
    weights(Path("m.safetensors"), model(3))
    weights(Path("out.safetensors"), dict(reversed(model(3).items())))
    assert run(["lineage", "record", "out.safetensors", "--from", "m.safetensors"]) == 0
    place = Path("out.safetensors.derivation.json")
    document = json.loads(place.read_text())
    (row,) = document["predicate"]["buildDefinition"]["resolvedDependencies"]
    digest = row.pop("digest")
    place.write_text(json.dumps(document))
    capsys.readouterr()
    assert run(["lineage", "prove", "out.safetensors", "--update", "-f", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["parents"][0]["digest"] == f"sha256:{digest['sha256']}"
    assert beside.read(Path("out.safetensors")).inputs[0].digest("sha256") == digest["sha256"]
    assert run(["lineage", "prove", "out.safetensors"]) == 0
    assert digest["sha256"][:16] in capsys.readouterr().out


def test_a_name_that_is_no_file_is_none_of_a_parent(capsys: pytest.CaptureFixture[str]) -> None:
    weights(Path("a/out.safetensors"), model(4))
    assert run(["lineage", "record", "a/out.safetensors", "--from", "https://models.example/.."]) == 0
    capsys.readouterr()
    assert run(["lineage", "prove", "a/out.safetensors"]) == 3
    assert "is not here" in capsys.readouterr().err


def test_without_a_digest_the_output_is_no_parent_of_itself(capsys: pytest.CaptureFixture[str]) -> None:
    weights(Path("out.safetensors"), model(5))
    assert run(["lineage", "record", "out.safetensors", "--from", "https://models.example/out.safetensors"]) == 0
    assert run(["lineage", "prove", "out.safetensors"]) == 3
    assert "is not here" in capsys.readouterr().err


def test_a_short_digest_speaks_against_another_file_of_the_name(capsys: pytest.CaptureFixture[str]) -> None:
    weights(Path("m.safetensors"), model(6))
    weights(Path("out.safetensors"), model(6))
    assert run(["lineage", "record", "out.safetensors", "--from", "m.safetensors"]) == 0
    place = Path("out.safetensors.derivation.json")
    whole = beside.read(Path("out.safetensors")).inputs[0].digest("sha256")
    for short, code in ((whole[:10], 0), ("0123456789", 3)):
        document = json.loads(place.read_text())
        document["predicate"]["buildDefinition"]["resolvedDependencies"][0]["digest"] = {"sha256-prefix": short}
        place.write_text(json.dumps(document))
        assert run(["lineage", "prove", "out.safetensors"]) == code
    assert "not the one that the record names" in capsys.readouterr().err


def test_more_parents_than_any_merge_has_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    weights(Path("m.safetensors"), model(7))
    weights(Path("out.safetensors"), model(7))
    words = [word for _ in range(65) for word in ("--from", "m.safetensors:0.5")]
    assert run(["lineage", "record", "out.safetensors", *words]) == 0
    assert run(["lineage", "prove", "out.safetensors"]) == 3
    assert "64 parents" in capsys.readouterr().err


def test_honest_shares_and_directions_are_bounded_as_before(capsys: pytest.CaptureFixture[str]) -> None:
    """Sixteen models in half precision, and an adapter of rank 256 whose directions are random."""
    parts = [model(seed) for seed in range(20, 36)]
    for at, part in enumerate(parts):
        weights(Path(f"p{at}.safetensors"), part, "BF16")
    total = {name: sum(part[name].astype(np.float64) for part in parts[::-1]) / 16 for name in parts[0]}
    weights(Path("out.safetensors"), {name: one.astype(np.float32) for name, one in total.items()}, "BF16")
    words = " ".join(f"--from p{at}.safetensors:0.0625" for at in range(16))
    assert proof("out.safetensors", words, capsys)[1]["grade"] == "bounded"
    up, down, _ = _lora(rank=256)
    arrays = model(8)
    weights(Path("m.safetensors"), arrays)
    _peft("lora", up, down, r=256, lora_alpha=256)
    arrays[NAME] = (arrays[NAME] + (up.astype(np.float64) @ down.astype(np.float64)) * 0.5).astype(np.float32)
    weights(Path("out.safetensors"), arrays)
    assert proof("out.safetensors", "--from m.safetensors --adapter lora:0.5", capsys)[1]["grade"] == "bounded"
