"""Proving GGUF: quantised as the reference does is re-derived, one changed code is contradicted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from secpipe.cli.main import run
from tests import skips

np = skips.module("numpy")
gguf = skips.module("gguf")

from tests.unit.lineage.edges import Array, model, weights  # noqa: E402

REFERENCE = ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "TQ1_0", "TQ2_0", "MXFP4"]
NAME = "layers.0.q_proj.weight"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def arrays(seed: int) -> dict[str, Array]:
    return {name: one for name, one in model(seed, 16, 512).items() if one.ndim == 2}


def quantised(path: str, made: dict[str, Array], kind: str, architecture: str = "other", **facts: int) -> None:
    """Write a GGUF with the library's own writer and quantiser."""
    writer = gguf.GGUFWriter(path, architecture)
    for key, value in facts.items():
        writer.add_uint32(f"{architecture}.{key.replace('__', '.')}", value)
    number = gguf.GGMLQuantizationType[kind]
    for name, values in made.items():
        data = gguf.quants.quantize(values, number) if kind not in ("F32", "F16") else values
        writer.add_tensor(name, data, raw_dtype=number if kind not in ("F32", "F16") else None)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def change(path: str, name: str, at: int, value: int | None = None) -> None:
    """Change one byte of a tensor's data, by its lowest bit or to a value."""
    found = next(one for one in gguf.GGUFReader(path).tensors if one.name == name)
    data = bytearray(Path(path).read_bytes())
    place = int(found.data_offset) + at
    data[place] = data[place] ^ 1 if value is None else value
    Path(path).write_bytes(data)


def proof(out: str, words: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, str]]:
    assert run(["lineage", "record", out, *words.split()]) == 0
    capsys.readouterr()
    code = run(["lineage", "prove", out, "-f", "json"])
    said = capsys.readouterr()
    return code, json.loads(said.out) if said.out else {"said": said.err, "grade": ""}


@pytest.mark.parametrize("kind", REFERENCE)
def test_quantised_by_the_reference_is_re_derived_and_one_code_is_found(
    kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    weights(Path("m.safetensors"), arrays(1))
    quantised("q.gguf", arrays(1), kind)
    code, found = proof("q.gguf", "--from m.safetensors", capsys)
    assert (code, found["grade"]) == (0, "re-derived"), found
    change("q.gguf", NAME, {"Q4_1": 9, "Q5_0": 9, "Q5_1": 12, "MXFP4": 5}.get(kind, 7))
    code, found = proof("q.gguf", "--from m.safetensors", capsys)
    assert (code, found["grade"]) == (1, "contradicted"), found
    assert NAME in found["said"]


def test_a_scale_that_is_not_the_references_is_never_called_re_derived(capsys: pytest.CaptureFixture[str]) -> None:
    weights(Path("m.safetensors"), arrays(2))
    quantised("q.gguf", arrays(2), "Q8_0")
    change("q.gguf", NAME, 0)
    assert proof("q.gguf", "--from m.safetensors", capsys)[1]["grade"] == "bounded"
    change("q.gguf", NAME, 1, 0x7B)
    assert proof("q.gguf", "--from m.safetensors", capsys)[1]["grade"] == "contradicted"


def test_a_quantised_model_is_read_back(capsys: pytest.CaptureFixture[str]) -> None:
    quantised("q.gguf", arrays(3), "Q4_0")
    number = gguf.GGMLQuantizationType.Q4_0
    back = {name: gguf.quants.dequantize(gguf.quants.quantize(one, number), number) for name, one in arrays(3).items()}
    weights(Path("back.safetensors"), back, "F16")
    assert proof("back.safetensors", "--from q.gguf", capsys)[1]["grade"] == "re-derived"
    back[NAME][3, 3] += 0.01
    weights(Path("back.safetensors"), back, "F16")
    assert proof("back.safetensors", "--from q.gguf", capsys)[1]["grade"] == "contradicted"


def permuted(values: Array, heads: int) -> Array:
    """As llama.cpp's converter does it."""
    rows = values.reshape(heads, 2, values.shape[0] // heads // 2, *values.shape[1:])
    return rows.swapaxes(1, 2).reshape(values.shape)


def llama(seed: int) -> dict[str, Array]:
    random = np.random.default_rng(seed)
    made = {"model.embed_tokens.weight": (32, 64), "model.norm.weight": (64,), "lm_head.weight": (32, 64)}
    stem = "model.layers.0."
    made |= {f"{stem}self_attn.{part}_proj.weight": (64 if part in "qo" else 32, 64) for part in "qkvo"}
    return {name: random.standard_normal(shape).astype(np.float32) for name, shape in made.items()}


_NAMES = {
    "model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
    "lm_head.weight": "output.weight",
} | {
    f"model.layers.0.self_attn.{part}_proj.weight": f"blk.0.attn_{'output' if part == 'o' else part}.weight"
    for part in "qkvo"
}  # fmt: skip
_HEADS = {"blk.0.attn_q.weight": 4, "blk.0.attn_k.weight": 2}
_FACTS = {"block_count": 1, "attention__head_count": 4, "attention__head_count_kv": 2}


def as_llama(made: dict[str, Array]) -> dict[str, Array]:
    named = {_NAMES[name]: one for name, one in made.items()}
    return {name: permuted(one, _HEADS[name]) if name in _HEADS else one for name, one in named.items()}


def test_llamas_new_names_and_reordered_heads_are_known(capsys: pytest.CaptureFixture[str]) -> None:
    made = llama(4)
    weights(Path("m.safetensors"), made)
    quantised("q.gguf", as_llama(made), "Q8_0", "llama", **_FACTS)
    code, found = proof("q.gguf", "--from m.safetensors", capsys)
    assert (code, found["grade"]) == (0, "re-derived"), found
    change("q.gguf", "blk.0.attn_q.weight", 7)
    code, found = proof("q.gguf", "--from m.safetensors", capsys)
    assert (code, "blk.0.attn_q.weight" in found["said"]) == (1, True), found


def test_llama_comes_back_from_gguf(capsys: pytest.CaptureFixture[str]) -> None:
    made = llama(5)
    quantised("m.gguf", as_llama(made), "F32", "llama", **_FACTS)
    weights(Path("back.safetensors"), made)
    assert proof("back.safetensors", "--from m.gguf", capsys)[1]["grade"] == "re-derived"
    made["model.layers.0.self_attn.k_proj.weight"][0, 0] += 1
    weights(Path("back.safetensors"), made)
    assert proof("back.safetensors", "--from m.gguf", capsys)[1]["grade"] == "contradicted"


def test_an_architecture_that_nobody_knows_stays_claimed(capsys: pytest.CaptureFixture[str]) -> None:
    made = llama(6)
    weights(Path("m.safetensors"), made)
    quantised("q.gguf", as_llama(made), "F32", "gemma", block_count=1)
    assert proof("q.gguf", "--from m.safetensors", capsys)[1]["grade"] == "claimed"


@pytest.mark.parametrize("heads", [0, 3, 7, 2**31])
def test_heads_that_do_not_fit_prove_nothing(heads: int, capsys: pytest.CaptureFixture[str]) -> None:
    made = llama(7)
    weights(Path("m.safetensors"), made)
    quantised("q.gguf", as_llama(made), "F32", "llama", **{**_FACTS, "attention__head_count": heads})
    assert proof("q.gguf", "--from m.safetensors", capsys)[0] in (1, 3)


def test_an_infinity_in_a_run_lets_nothing_else_pass(capsys: pytest.CaptureFixture[str]) -> None:
    made = arrays(8)
    quantised("q.gguf", made, "Q4_0")
    made[NAME][0, 0] = np.inf
    made[NAME][0, 1:32] = 5
    weights(Path("m.safetensors"), made)
    assert proof("q.gguf", "--from m.safetensors", capsys)[0] == 1
