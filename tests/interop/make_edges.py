"""Lineage edges by the real libraries: run by a Python that has torch, safetensors, gguf, ggml-python and peft.

Usage: python make_edges.py FOLDER. Writes models, what was made of them, a tampered twin of each, and edges.json.
Nothing of secpipe is imported: these are other people's conversions.
"""

from __future__ import annotations

import ctypes
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ggml
import gguf
import numpy as np
import torch
from peft import LoraConfig, get_peft_model
from safetensors import safe_open
from safetensors.torch import save_file

State = dict[str, torch.Tensor]
TYPES = {
    "f64": torch.float64, "f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16,
    "f8e4": torch.float8_e4m3fn, "f8e5": torch.float8_e5m2,
}  # fmt: skip


@dataclass
class Edge:
    """One step; `exact` says that the operation is byte-exact, so that one quantum must be found."""

    output: str
    parents: list[str] = field(default_factory=list)
    adapters: list[str] = field(default_factory=list)
    bases: list[str] = field(default_factory=list)
    operation: str = "convert"
    method: str = ""
    exact: bool = True


def state(seed: int, kind: str = "f32", scale: float = 1.0) -> State:
    """Return a small model with weights as training leaves them: rows of unequal size, some heavy tails."""
    generator = torch.Generator().manual_seed(seed)
    made = {}
    for name, shape in (
        ("embed.weight", (48, 512)),
        ("layers.0.q.weight", (64, 512)),
        ("layers.1.q.weight", (64, 512)),
    ):
        values = torch.randn(shape, generator=generator) * torch.rand((shape[0], 1), generator=generator)
        made[name] = (values * scale + values**3 * 0.05).to(TYPES[kind]).contiguous()
    made["norm.weight"] = torch.rand(512, generator=generator).to(TYPES[kind])
    return made


class Maker:
    """Writes edges into a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.edges, self.count = folder, list[Edge](), 0

    def name(self, suffix: str) -> str:
        self.count += 1
        return f"e{self.count:03d}{suffix}"

    def save(self, made: State, suffix: str = ".safetensors") -> str:
        name = self.name(suffix)
        save_file(made, self.folder / name)
        return name

    def add(self, edge: Edge) -> None:
        self.edges.append(edge)

    def copies(self) -> None:
        for seed in range(10):
            made = state(seed, ("f32", "f16", "bf16")[seed % 3])
            parent = self.save(made)
            with safe_open(self.folder / parent, "pt") as file:
                self.add(
                    Edge(self.save({name: file.get_tensor(name) for name in reversed(list(file.keys()))}), [parent])
                )

    def checkpoints(self) -> None:
        """torch.save, as older models are published, rewritten as safetensors."""
        for seed, kind in enumerate(("f32", "bf16", "f16")):
            made, parent = state(150 + seed, kind), self.name(".bin")
            torch.save(made, self.folder / parent)
            self.add(Edge(self.save(made), [parent]))

    def shards(self) -> None:
        from huggingface_hub import save_torch_state_dict

        for seed in range(10, 17):
            made = state(seed, "bf16")
            parent, name = self.save(made), self.name("")
            (self.folder / name).mkdir()
            save_torch_state_dict(made, self.folder / name, max_shard_size=70_000)
            self.add(Edge(name, [parent], operation="shard"))

    def casts(self) -> None:
        pairs = [
            ("f32", "f16"),
            ("f32", "bf16"),
            ("f32", "f64"),
            ("f64", "f32"),
            ("f16", "f32"),
            ("bf16", "f32"),
            ("bf16", "f16"),
            ("f16", "bf16"),
            ("f32", "f8e4"),
            ("f32", "f8e5"),
            ("bf16", "f8e4"),
            ("f64", "f16"),
        ]
        for seed in range(2):
            for before, after in pairs:
                made = state(20 + seed, before, 1.0 if seed else 1e-3)
                parent = self.save(made)
                self.add(Edge(self.save({name: one.to(TYPES[after]) for name, one in made.items()}), [parent]))

    def quantised(self, kind: str, made: State, quantise: Callable[[np.ndarray, Any], np.ndarray]) -> str:
        name, number = self.name(".gguf"), gguf.GGMLQuantizationType[kind]
        writer = gguf.GGUFWriter(str(self.folder / name), "none")
        for tensor, values in made.items():
            array = values.float().numpy()
            if array.ndim == 1:
                writer.add_tensor(tensor, array)
            else:
                writer.add_tensor(tensor, quantise(array, number), raw_dtype=number)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        return name

    def references(self) -> None:
        for kind in ("F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "TQ1_0", "TQ2_0", "MXFP4"):
            made = state(40 + len(kind), "bf16" if kind == "Q8_0" else "f32")
            by = gguf.quants.quantize if kind in ("F16", "BF16") else in_c
            self.add(Edge(self.quantised(kind, made, by), [self.save(made)]))

    def others(self) -> None:
        for kind in ("Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS"):
            for weighted in (False, True):
                made = state(60 + len(self.edges))
                output = self.quantised(kind, made, in_c_weighted if weighted else in_c)
                self.add(Edge(output, [self.save(made)], operation="quantize", exact=False))
        for kind in ("Q4_0", "Q5_1"):
            made = state(80 + len(self.edges))
            output = self.quantised(kind, made, in_c_weighted)
            self.add(Edge(output, [self.save(made)], operation="quantize", exact=False))

    def back(self) -> None:
        for kind, after in (("Q4_0", "f32"), ("Q8_0", "f16"), ("Q6_K", "bf16"), ("Q4_K", "f32")):
            parent = self.quantised(kind, state(90 + len(kind)), in_c)
            made = {}
            for tensor in gguf.GGUFReader(self.folder / parent).tensors:
                values = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
                made[tensor.name] = torch.from_numpy(np.array(values)).to(TYPES[after])
            self.add(Edge(self.save(made), [parent]))

    def llamas(self) -> None:
        """GGUF with llama.cpp's names and order of rows, read back by transformers."""
        from transformers import LlamaForCausalLM

        for number, kind in enumerate(("F32", "F16", "Q8_0")):
            parent = self.name(".gguf")
            write_llama(self.folder / parent, kind, number)
            model = LlamaForCausalLM.from_pretrained(self.folder, gguf_file=parent, dtype=torch.float32)
            made = {name: one.detach().clone().contiguous() for name, one in model.state_dict().items()}
            self.add(Edge(self.save(made), [parent]))

    def merges(self) -> None:
        for number, kind in enumerate(("f32", "f16", "bf16") * 4):
            one, two, three = (state(100 + 3 * number + seed, kind) for seed in range(3))
            first, second = self.save(one), self.save(two)
            if number < 3:
                made, parents = {n: 0.25 * one[n] + 0.75 * two[n] for n in one}, [f"{first}:0.25", f"{second}:0.75"]
            elif number < 6:
                made = {n: torch.lerp(one[n].float(), two[n].float(), 0.4).to(TYPES[kind]) for n in one}
                parents = [f"{first}:0.6", f"{second}:0.4"]
            elif number < 9:
                third = self.save(three)
                made = {n: (torch.stack([one[n], two[n], three[n]]).float().mean(0)).to(TYPES[kind]) for n in one}
                parents = [f"{name}:0.333333333333" for name in (first, second, third)]
            else:
                base = self.save(three)
                made = {n: three[n] + 0.7 * (one[n] - three[n]) for n in one}
                self.add(Edge(self.save(made), [f"{first}:0.7"], bases=[base], operation="merge",
                              method="task-arithmetic", exact=False))  # fmt: skip
                continue
            self.add(Edge(self.save(made), parents, operation="merge", exact=False))

    def adapters(self) -> None:
        for number in range(14):
            kind = ("f32", "bf16", "f16")[number % 3]
            torch.manual_seed(number)
            model = torch.nn.Sequential(torch.nn.Linear(128, 96), torch.nn.ReLU(), torch.nn.Linear(96, 64)).to(
                TYPES[kind]
            )
            parent = self.save({name: one.clone() for name, one in model.state_dict().items()})
            config = LoraConfig(r=4 + number, lora_alpha=16, target_modules=["0", "2"], use_rslora=number % 4 == 3)
            tuned = get_peft_model(model, config, autocast_adapter_dtype=False)
            for name, one in tuned.named_parameters():
                if "lora_" in name:
                    torch.nn.init.normal_(one, std=0.1)
            adapter = self.name("")
            tuned.save_pretrained(self.folder / adapter)
            merged = tuned.merge_and_unload()
            made = {name: one.detach().clone() for name, one in merged.state_dict().items()}
            self.add(Edge(self.save(made), [parent], [adapter], operation="apply-adapter", exact=False))


def write_llama(path: Path, kind: str, seed: int) -> None:
    """Write a small llama as GGUF, with a tokenizer of a few words."""
    random, number = np.random.default_rng(seed), gguf.GGMLQuantizationType[kind]
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_block_count(2)
    writer.add_context_length(64)
    writer.add_embedding_length(64)
    writer.add_feed_forward_length(96)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(32)
    writer.add_rope_dimension_count(16)
    writer.add_tokenizer_model("llama")
    writer.add_token_list([f"w{word}" for word in range(32)])
    shapes = {"token_embd": (32, 64), "output": (32, 64), "output_norm": (64,)}
    for block in range(2):
        shapes |= {
            f"blk.{block}.{name}": shape
            for name, shape in {
                "attn_norm": (64,), "ffn_norm": (64,), "attn_q": (64, 64), "attn_k": (32, 64), "attn_v": (32, 64),
                "attn_output": (64, 64), "ffn_gate": (96, 64), "ffn_up": (96, 64), "ffn_down": (64, 96),
            }.items()
        }  # fmt: skip
    for name, shape in shapes.items():
        values = random.standard_normal(shape).astype(np.float32)
        if len(shape) == 1 or kind == "F32":
            writer.add_tensor(f"{name}.weight", values)
        else:
            writer.add_tensor(f"{name}.weight", gguf.quants.quantize(values, number), raw_dtype=number)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def in_c(values: np.ndarray, kind: Any, importance: np.ndarray | None = None) -> np.ndarray:
    """Quantise with ggml's own C code."""
    block, size = gguf.GGML_QUANT_SIZES[kind]
    values = np.ascontiguousarray(values, np.float32)
    out = np.zeros((values.shape[0], values.shape[1] // block * size), np.uint8)
    pointer = ctypes.POINTER(ctypes.c_float)
    weights = importance.ctypes.data_as(pointer) if importance is not None else None
    ggml.ggml_quantize_chunk(
        int(kind), values.ctypes.data_as(pointer), out.ctypes.data_as(ctypes.c_void_p), 0, *values.shape, weights
    )
    return out


def in_c_weighted(values: np.ndarray, kind: Any) -> np.ndarray:
    """Quantise with an importance matrix, as llama-quantize --imatrix does."""
    importance = np.random.default_rng(7).random(values.shape[1]).astype(np.float32) ** 2 + 1e-3
    return in_c(values, kind, importance)


def tensors(path: Path) -> Iterator[tuple[Path, str, int, int, str]]:
    """Yield file, name, first byte, length and type of each tensor of an output."""
    if path.suffix == ".gguf":
        for one in gguf.GGUFReader(path).tensors:
            yield path, one.name, int(one.data_offset), int(one.n_bytes), one.tensor_type.name
        return
    for file in [path] if path.is_file() else sorted(path.glob("*.safetensors")):
        data = file.read_bytes()
        size = int.from_bytes(data[:8], "little")
        for name, row in json.loads(data[8 : 8 + size]).items():
            if name != "__metadata__":
                start, end = row["data_offsets"]
                yield file, name, 8 + size + start, end - start, row["dtype"]


#: Bytes of one number of a type, and where a code of a block stands (behind its scale).
_WIDTH = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "F8_E5M2": 1}
_CODE = {"Q4_0": (18, 2), "Q4_1": (20, 4), "Q5_0": (22, 6), "Q5_1": (24, 8), "Q8_0": (34, 2), "TQ1_0": (54, 0),
         "TQ2_0": (66, 0), "MXFP4": (17, 1)}  # fmt: skip


def tamper(path: Path, random: np.random.Generator, exact: bool) -> str:
    """Change one place of an output: by one quantum, or beyond what the step allows. Return the tensor's name."""
    rows = [row for row in tensors(path) if row[3] > 4000]
    file, name, start, length, kind = rows[int(random.integers(len(rows)))]
    data = bytearray(file.read_bytes())
    if kind in _WIDTH:
        width = _WIDTH[kind]
        at = start + int(random.integers(length // width)) * width
        if exact:
            data[at] ^= 1
        else:
            values = torch.frombuffer(data[at : at + width], dtype={"F32": torch.float32, "F16": torch.float16,
                                                                    "BF16": torch.bfloat16}[kind])  # fmt: skip
            changed = values * 1.25 + (0.25 if abs(float(values[0])) < 0.25 else 0.0)
            data[at : at + width] = changed.view(torch.uint8).numpy().tobytes()
    elif exact:
        block, code = _CODE[kind]
        data[start + int(random.integers(length // block)) * block + code] ^= 1
    else:  # a run of blocks as another tensor might have them: far beyond any rounding
        half = start + length // 2
        data[half : half + length // 4] = data[start : start + length // 4]
    file.write_bytes(data)
    return name


def main(folder: Path) -> None:
    maker = Maker(folder)
    for step in (maker.copies, maker.checkpoints, maker.shards, maker.casts, maker.references, maker.others,
                 maker.back, maker.merges, maker.adapters, maker.llamas):  # fmt: skip
        step()
    random, rows = np.random.default_rng(1), []
    for edge in maker.edges:
        twin = f"t{edge.output}"
        place = folder / edge.output
        shutil.copytree(place, folder / twin) if place.is_dir() else shutil.copy(place, folder / twin)
        rows.append({**vars(edge), "twin": twin, "tensor": tamper(folder / twin, random, edge.exact)})
    (folder / "edges.json").write_text(json.dumps(rows))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
