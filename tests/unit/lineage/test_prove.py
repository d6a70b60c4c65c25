"""Proving: honest steps are re-derived or bounded, each tampered twin is contradicted, the rest stays claimed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from secpipe.cli.main import run
from tests import skips

np = skips.module("numpy")

from tests.unit.lineage.edges import Array, flip, model, safetensors, stored, weights  # noqa: E402

Out = dict[str, object]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def proof(out: str, words: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, Out]:
    assert run(["lineage", "record", out, *words.split()]) == 0
    capsys.readouterr()
    code = run(["lineage", "prove", out, "-f", "json"])
    said = capsys.readouterr()
    return code, json.loads(said.out) if said.out else {"said": said.err, "grade": ""}


def test_a_copy_is_re_derived_and_one_quantum_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    weights(Path("m.safetensors"), model(1))
    weights(Path("copy.safetensors"), dict(reversed(model(1).items())))
    code, found = proof("copy.safetensors", "--from m.safetensors", capsys)
    assert (code, found["grade"], found["counts"]) == (0, "re-derived", {"re-derived": 4})
    flip(Path("copy.safetensors"), "norm.weight", 8)
    code, found = proof("copy.safetensors", "--from m.safetensors", capsys)
    assert (code, found["grade"]) == (1, "contradicted")
    assert "norm.weight: element 2 is another" in str(found["said"])


@pytest.mark.parametrize(
    ("before", "after"), [("F32", "F16"), ("F32", "BF16"), ("F64", "F32"), ("F16", "F32"), ("F32", "F64")]
)
def test_a_cast_is_re_derived_and_one_quantum_is_found(
    before: str, after: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arrays = {name: values.astype(np.float16) if before == "F16" else values for name, values in model(2).items()}
    arrays["norm.weight"][:6] = [0, -0.0, np.inf, -np.inf, np.nan, 6e-8]
    weights(Path("m.safetensors"), arrays, before)
    weights(Path("cast.safetensors"), arrays, after)
    code, found = proof("cast.safetensors", "--from m.safetensors", capsys)
    assert (code, found["grade"]) == (0, "re-derived"), found
    flip(Path("cast.safetensors"), "layers.0.q_proj.weight", 4 * 17 if after != "F64" else 8 * 17)
    code, found = proof("cast.safetensors", "--from m.safetensors", capsys)
    assert (code, found["grade"]) == (1, "contradicted"), found


def test_bf16_that_was_cut_off_is_re_derived_as_well(capsys: pytest.CaptureFixture[str]) -> None:
    arrays = model(3)
    weights(Path("m.safetensors"), arrays)
    cut = {
        name: ("BF16", one.shape, (one.view(np.uint32) >> 16).astype("<u2").tobytes()) for name, one in arrays.items()
    }
    safetensors(Path("cut.safetensors"), cut)
    code, found = proof("cut.safetensors", "--from m.safetensors", capsys)
    assert (code, found["grade"]) == (0, "re-derived")
    flip(Path("cut.safetensors"), "layers.0.q_proj.weight", 0)
    assert proof("cut.safetensors", "--from m.safetensors", capsys)[0] == 1


def test_a_tie_goes_to_even_as_everywhere(capsys: pytest.CaptureFixture[str]) -> None:
    """Of numbers with few bits many lie in the middle: a quantum there is found as well."""
    tie = np.array([1 + 2**-11, 1.5], np.float32)
    weights(Path("m.safetensors"), {"w": tie})
    safetensors(Path("up.safetensors"), {"w": ("F16", (2,), np.array([1 + 2**-10, 1.5], np.float16).tobytes())})
    assert proof("up.safetensors", "--from m.safetensors", capsys)[1]["grade"] == "contradicted"


def test_zeros_and_nans_may_differ_in_their_bits(capsys: pytest.CaptureFixture[str]) -> None:
    weights(Path("m.safetensors"), {"w": np.array([-0.0, np.nan, 1], np.float32)})
    other = np.array([0, 0x7F01, 0x3C00], np.uint16).tobytes()
    safetensors(Path("out.safetensors"), {"w": ("F16", (3,), other)})
    assert proof("out.safetensors", "--from m.safetensors", capsys)[1]["grade"] == "bounded"


def test_a_model_is_sharded_and_joined_again(capsys: pytest.CaptureFixture[str]) -> None:
    arrays = model(4)
    weights(Path("m.safetensors"), arrays)
    first, *rest = arrays.items()
    weights(Path("parts/a.safetensors"), dict([first]))
    weights(Path("parts/b.safetensors"), dict(rest))
    assert proof("parts", "--from m.safetensors --operation shard", capsys)[1]["grade"] == "re-derived"
    weights(Path("a.safetensors"), dict([first]))
    weights(Path("b.safetensors"), dict(rest))
    weights(Path("joined.safetensors"), arrays)
    assert proof("joined.safetensors", "--from a.safetensors --from b.safetensors", capsys)[1]["grade"] == "re-derived"
    flip(Path("parts/b.safetensors"), "norm.weight")
    assert proof("parts", "--from m.safetensors --operation shard", capsys)[1]["grade"] == "contradicted"


def _linear(kind: str, first: Array, second: Array) -> bytes:
    return stored(np.float32(0.3) * first + np.float32(0.7) * second, kind)


def _stepwise(kind: str, first: Array, second: Array) -> bytes:
    """As a framework does in half precision: each step is rounded."""
    half = lambda values: np.frombuffer(stored(values, "F16"), np.float16).astype(np.float32)  # noqa: E731
    return stored(half(0.3 * first) + half(0.7 * second), kind)


def _other_order(kind: str, first: Array, second: Array) -> bytes:
    return stored(second + np.float32(0.3) * (first - second), kind)


@pytest.mark.parametrize(
    ("kind", "how", "grade"),
    [
        ("F32", _linear, "re-derived"),
        ("F16", _linear, "re-derived"),
        ("F16", _stepwise, "re-derived"),
        ("F32", _other_order, "bounded"),
    ],
)
def test_a_merge_is_recomputed_or_bounded(
    kind: str, how: Callable[[str, Array, Array], bytes], grade: str, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = ({name: values.astype(np.float16) for name, values in model(seed).items()} for seed in (5, 6))
    if kind == "F32":
        one, two = model(5), model(6)
    weights(Path("a.safetensors"), one, kind)
    weights(Path("b.safetensors"), two, kind)
    made = {
        name: (kind, values.shape, how(kind, values.astype(np.float32), two[name].astype(np.float32)))
        for name, values in one.items()
    }
    safetensors(Path("out.safetensors"), made)
    words = "--from a.safetensors:0.3 --from b.safetensors:0.7"
    code, found = proof("out.safetensors", words, capsys)
    assert (code, found["grade"]) == (0, grade), found
    name = "layers.0.mlp.up.weight"
    values = np.frombuffer(made[name][2], {"F32": "<f4", "F16": "<f2"}[kind]).astype(np.float32).copy()
    values[7] += 0.02
    made[name] = (kind, made[name][1], stored(values, kind))
    safetensors(Path("out.safetensors"), made)
    code, found = proof("out.safetensors", words, capsys)
    assert (code, found["grade"]) == (1, "contradicted")
    assert f"{name}: element 7 " in str(found["said"])


def test_task_arithmetic_is_recomputed(capsys: pytest.CaptureFixture[str]) -> None:
    base, tuned = model(7), model(8)
    weights(Path("base.safetensors"), base)
    weights(Path("tuned.safetensors"), tuned)
    made = {name: base[name] + np.float32(0.5) * (tuned[name] - base[name]) for name in base}
    weights(Path("out.safetensors"), made)
    words = (
        "--from tuned.safetensors:0.5 --input base.safetensors:base --param method=task-arithmetic --operation merge"
    )
    assert proof("out.safetensors", words, capsys)[1]["grade"] == "re-derived"
    made["norm.weight"][3] += 1e-3
    weights(Path("out.safetensors"), made)
    assert proof("out.safetensors", words, capsys)[1]["grade"] == "contradicted"


def _lora(rank: int = 4, alpha: float = 8, seed: int = 9) -> tuple[Array, Array, Array]:
    random = np.random.default_rng(seed)
    up, down = random.standard_normal((64, rank), np.float32), random.standard_normal((rank, 96), np.float32)
    return up, down, (up.astype(np.float64) @ down.astype(np.float64)) * (alpha / rank)


def _peft(folder: str, up: Array, down: Array, **config: object) -> None:
    stem = "base_model.model.layers.0.q_proj"
    weights(Path(folder) / "adapter_model.safetensors", {f"{stem}.lora_A.weight": down, f"{stem}.lora_B.weight": up})
    Path(folder, "adapter_config.json").write_text(json.dumps({"r": 4, "lora_alpha": 8, **config}))


@pytest.mark.parametrize("kind", ["F32", "F16", "BF16"])
def test_an_adapter_that_was_added_is_bounded_to_its_directions(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    up, down, change = _lora()
    arrays = model(10)
    weights(Path("m.safetensors"), arrays, kind)
    _peft("lora", up, down)
    made = dict(arrays)
    made["layers.0.q_proj.weight"] = (made["layers.0.q_proj.weight"] + 0.5 * change).astype(np.float32)
    parent = {name: (kind, one.shape, stored(one, kind)) for name, one in arrays.items()}
    parent["layers.0.q_proj.weight"] = (kind, (64, 96), stored(made["layers.0.q_proj.weight"], kind))
    safetensors(Path("out.safetensors"), parent)
    for words in ("--from m.safetensors --adapter lora:0.5", "--from m.safetensors --adapter lora"):
        code, found = proof("out.safetensors", words, capsys)
        assert (code, found["counts"].get("contradicted")) == (0, None), found  # type: ignore[attr-defined]
    assert proof("out.safetensors", "--from m.safetensors --adapter lora:0.8", capsys)[0] == 1
    assert proof("out.safetensors", "--from m.safetensors", capsys)[0] == 1
    tampered = made["layers.0.q_proj.weight"].copy()
    tampered[5, 5] *= 1.5
    parent["layers.0.q_proj.weight"] = (kind, (64, 96), stored(tampered, kind))
    safetensors(Path("out.safetensors"), parent)
    code, found = proof("out.safetensors", "--from m.safetensors --adapter lora:0.5", capsys)
    assert (code, found["grade"]) == (1, "contradicted")
    assert "layers.0.q_proj.weight" in str(found["said"])


def test_a_kohya_adapter_is_known_by_its_flat_names(capsys: pytest.CaptureFixture[str]) -> None:
    up, down, change = _lora()
    arrays = model(11)
    weights(Path("m.safetensors"), arrays)
    flat = "lora_unet_layers_0_q_proj"
    weights(
        Path("style.safetensors"),
        {f"{flat}.lora_down.weight": down, f"{flat}.lora_up.weight": up, f"{flat}.alpha": np.array(8.0, np.float32)},
    )
    arrays["layers.0.q_proj.weight"] = (arrays["layers.0.q_proj.weight"] + 0.8 * change).astype(np.float32)
    weights(Path("out.safetensors"), arrays)
    assert proof("out.safetensors", "--from m.safetensors --adapter style.safetensors:0.8", capsys)[0] == 0
    flip(Path("out.safetensors"), "norm.weight")
    assert proof("out.safetensors", "--from m.safetensors --adapter style.safetensors:0.8", capsys)[0] == 1


@pytest.mark.parametrize(
    ("config", "extra"),
    [
        ({"use_dora": True}, {}),
        ({}, {"base_model.model.norm.lora_magnitude_vector": 1}),
        ({"alpha_pattern": {"q": 1}}, {}),
    ],
)
def test_an_adapter_that_nobody_knows_how_to_apply_stays_claimed(
    config: dict[str, object], extra: dict[str, int], capsys: pytest.CaptureFixture[str]
) -> None:
    up, down, _ = _lora()
    weights(Path("m.safetensors"), model(12))
    weights(Path("out.safetensors"), model(12))
    _peft("lora", up, down, **config)
    for name in extra:
        weights(Path("lora/more.safetensors"), {name: np.ones(3, np.float32)})
    code, found = proof("out.safetensors", "--from m.safetensors --adapter lora", capsys)
    assert (code, found["grade"]) == (3, "claimed")


@pytest.mark.parametrize("operation", ["fine-tune", "distil", "train"])
def test_training_stays_claimed_and_is_said_so(operation: str, capsys: pytest.CaptureFixture[str]) -> None:
    weights(Path("m.safetensors"), model(13))
    weights(Path("out.safetensors"), model(14))
    code, found = proof("out.safetensors", f"--from m.safetensors --operation {operation}", capsys)
    assert (code, found["grade"]) == (3, "claimed")
    assert operation in str(found["said"])


def test_tensors_that_came_or_went_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    arrays = model(15)
    weights(Path("m.safetensors"), arrays)
    weights(Path("more.safetensors"), {**arrays, "backdoor.weight": np.ones((2, 2), np.float32)})
    code, found = proof("more.safetensors", "--from m.safetensors", capsys)
    assert (code, "backdoor.weight" in str(found["said"])) == (1, True)
    fewer = {name: one for name, one in arrays.items() if name != "norm.weight"}
    weights(Path("fewer.safetensors"), fewer)
    assert proof("fewer.safetensors", "--from m.safetensors", capsys)[0] == 1
    assert proof("fewer.safetensors", "--from m.safetensors --operation extract", capsys)[0] == 0
    reshaped = {**arrays, "norm.weight": arrays["norm.weight"].reshape(2, 48)}
    weights(Path("shape.safetensors"), reshaped)
    assert proof("shape.safetensors", "--from m.safetensors", capsys)[0] == 1


def test_a_tied_tensor_may_be_left_out_or_written_twice(capsys: pytest.CaptureFixture[str]) -> None:
    arrays = model(16)
    twice = {**arrays, "lm_head.weight": arrays["embed_tokens.weight"]}
    weights(Path("m.safetensors"), arrays)
    weights(Path("twice.safetensors"), twice)
    assert proof("twice.safetensors", "--from m.safetensors", capsys)[1]["grade"] == "re-derived"
    assert proof("m.safetensors", "--from twice.safetensors", capsys)[1]["grade"] == "re-derived"
    twice["lm_head.weight"] = twice["lm_head.weight"] * 2
    weights(Path("twice.safetensors"), twice)
    assert proof("twice.safetensors", "--from m.safetensors", capsys)[0] == 1


def test_a_left_out_head_that_was_not_tied_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    arrays = model(17)
    weights(Path("headed.safetensors"), {**arrays, "lm_head.weight": arrays["embed_tokens.weight"] * 2})
    weights(Path("m.safetensors"), arrays)
    assert proof("m.safetensors", "--from headed.safetensors", capsys)[0] == 1


def test_a_parent_that_is_not_here_or_another_is_not_decided(capsys: pytest.CaptureFixture[str]) -> None:
    weights(Path("m.safetensors"), model(18))
    weights(Path("out.safetensors"), model(18))
    assert run("lineage record out.safetensors --from m.safetensors".split()) == 0  # noqa: SIM905
    weights(Path("m.safetensors"), model(19))
    assert run(["lineage", "prove", "out.safetensors"]) == 3
    Path("m.safetensors").unlink()
    assert run(["lineage", "prove", "out.safetensors"]) == 3
    weights(Path("elsewhere/m.safetensors"), model(18))
    assert run(["lineage", "prove", "out.safetensors", "--parents", "elsewhere"]) == 0


def test_an_output_that_is_not_the_recorded_one_is_contradicted(capsys: pytest.CaptureFixture[str]) -> None:
    weights(Path("m.safetensors"), model(20))
    weights(Path("out.safetensors"), model(20))
    assert run("lineage record out.safetensors --from m.safetensors".split()) == 0  # noqa: SIM905
    flip(Path("out.safetensors"), "norm.weight")
    assert run(["lineage", "prove", "out.safetensors"]) == 1


def test_grades_are_written_into_the_record_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    from secpipe.lineage import beside

    weights(Path("m.safetensors"), model(21))
    weights(Path("out.safetensors"), model(21))
    Path("p.txt").write_text("kept")
    words = "lineage record out.safetensors --from m.safetensors --operation convert --prompt p.txt"
    assert run(words.split()) == 0
    assert run("lineage prove out.safetensors --update".split()) == 0  # noqa: SIM905
    assert Path("out.safetensors.prompts.json").exists()
    assert beside.read(Path("out.safetensors")).inputs[0].grade == "re-derived"


def test_a_pickle_beside_the_weights_keeps_the_whole_from_being_proven(capsys: pytest.CaptureFixture[str]) -> None:
    weights(Path("m.safetensors"), model(22))
    weights(Path("out/model.safetensors"), model(22))
    Path("out/pytorch_model.bin").write_bytes(b"\x80\x04N.")
    code, found = proof("out", "--from m.safetensors", capsys)
    assert (code, found["grade"]) == (3, "claimed")
    assert "pytorch_model.bin" in str(found["said"]) + str(found["tensors"])


@pytest.mark.parametrize(
    "data",
    [
        b"", b"not weights", (2**40).to_bytes(8, "little") + b"{}", b"GGUF" + b"\xff" * 60,
        (2).to_bytes(8, "little") + b"{}" + b"trailing",
    ],
)  # fmt: skip
def test_a_file_that_is_at_fault_is_not_decided(data: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    weights(Path("m.safetensors"), model(23))
    Path("out.safetensors").write_bytes(data)
    code, found = proof("out.safetensors", "--from m.safetensors", capsys)
    assert (code, found["grade"]) == (3, ""), found


def test_the_last_byte_of_a_packed_type_is_compared_as_well(capsys: pytest.CaptureFixture[str]) -> None:
    safetensors(Path("m.safetensors"), {"w": ("F4", (3,), b"\x12\x03")})
    safetensors(Path("out.safetensors"), {"w": ("F4", (3,), b"\x12\x04")})
    assert proof("out.safetensors", "--from m.safetensors", capsys)[0] == 1


def test_an_infinity_in_a_parent_lets_nothing_else_pass(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b"):
        weights(Path(f"{name}.safetensors"), {"w": np.array([np.inf, 1.0], np.float32)})
    weights(Path("out.safetensors"), {"w": np.array([7.0, 1.0], np.float32)})
    words = "--from a.safetensors:0.5 --from b.safetensors:0.5"
    assert proof("out.safetensors", words, capsys)[0] == 1
    weights(Path("out.safetensors"), {"w": np.array([np.inf, 1.0], np.float32)})
    assert proof("out.safetensors", words, capsys)[0] == 0


def test_a_strength_that_was_fitted_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    up, down, change = _lora()
    arrays = model(24)
    weights(Path("m.safetensors"), arrays)
    _peft("lora", up, down)
    arrays["layers.0.q_proj.weight"] = (arrays["layers.0.q_proj.weight"] + 0.5 * change).astype(np.float32)
    weights(Path("out.safetensors"), arrays)
    code, found = proof("out.safetensors", "--from m.safetensors --adapter lora", capsys)
    assert code == 0
    assert "strength of 0.5" in str(found["tensors"])
