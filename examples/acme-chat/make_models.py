"""Make acme-chat's model files: tiny, structurally real, the same bytes every time. Standard library only.

    python make_models.py            write them below models/
    python make_models.py --remove   take them away again

Each file is written byte by byte from its format's specification; no model library is needed, nothing is trained, and the
weights are noise. `models/intent-legacy/classifier.pkl` is the planted attack: it is assembled from opcodes, never loaded
here, and never committed. Loading it would print one line; secpipe must say so without loading it.
"""

import hashlib
import json
import struct
import sys
from pathlib import Path

MODELS = Path(__file__).resolve().parent / "models"


# --- numbers -----------------------------------------------------------------------------------------------------------


def noise(name: str, count: int, scale: float = 0.05) -> list[float]:
    """Return `count` numbers in [-scale, scale] that depend on the name alone."""
    data = hashlib.shake_128(name.encode()).digest(2 * count)
    return [scale * (value / 32768 - 1) for (value,) in struct.iter_unpack("<H", data)]


def bf16(values: list[float]) -> bytes:
    """Return bfloat16: the upper half of a float32."""
    return b"".join(struct.pack("<f", value)[2:] for value in values)


def f32(values: list[float]) -> bytes:
    return struct.pack(f"<{len(values)}f", *values)


def q4_0(values: list[float]) -> bytes:
    """Return GGML's Q4_0: blocks of 32 numbers, one float16 scale and 16 bytes of nibbles each."""
    out = b""
    for start in range(0, len(values), 32):
        block = values[start : start + 32]
        scale = max(block, key=abs) / -8
        nibbles = [min(15, max(0, round(value / scale) + 8)) if scale else 8 for value in block]
        out += struct.pack("<e", scale) + bytes(low | high << 4 for low, high in zip(nibbles[:16], nibbles[16:]))
    return out


# --- safetensors: u64 header length, JSON header padded to 8, data ----------------------------------------------------


def safetensors(tensors: dict[str, list[int]], metadata: dict[str, str]) -> bytes:
    header: dict[str, object] = {"__metadata__": metadata}
    data = b""
    for name, shape in sorted(tensors.items()):
        raw = bf16(noise(name, product(shape)))
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def product(shape: list[int]) -> int:
    count = 1
    for size in shape:
        count *= size
    return count


def llama_tensors(config: dict) -> dict[str, list[int]]:
    """Return the tensors of a Llama with tied embeddings, names as in transformers."""
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    grouped = hidden * config["num_key_value_heads"] // config["num_attention_heads"]
    tensors = {"model.embed_tokens.weight": [config["vocab_size"], hidden], "model.norm.weight": [hidden]}
    for layer in range(config["num_hidden_layers"]):
        shapes = {
            "input_layernorm": [hidden],
            "post_attention_layernorm": [hidden],
            "self_attn.q_proj": [hidden, hidden],
            "self_attn.k_proj": [grouped, hidden],
            "self_attn.v_proj": [grouped, hidden],
            "self_attn.o_proj": [hidden, hidden],
            "mlp.gate_proj": [inner, hidden],
            "mlp.up_proj": [inner, hidden],
            "mlp.down_proj": [hidden, inner],
        }
        tensors |= {f"model.layers.{layer}.{name}.weight": shape for name, shape in shapes.items()}
    return tensors


def lora_tensors(config: dict, adapter: dict) -> dict[str, list[int]]:
    """Return the tensors of a LoRA adapter, names as in peft."""
    base = llama_tensors(config)
    tensors = {}
    for name, shape in base.items():
        if name.split(".")[-2] in adapter["target_modules"]:
            stem = "base_model.model." + name.removesuffix(".weight")
            tensors[f"{stem}.lora_A.weight"] = [adapter["r"], shape[1]]
            tensors[f"{stem}.lora_B.weight"] = [shape[0], adapter["r"]]
    return tensors


# --- GGUF 3: magic, version, counts, metadata, tensor table, aligned data ---------------------------------------------

U32, I32, F32, STRING, ARRAY = 4, 5, 6, 8, 9
GGML_F32, GGML_Q4_0 = 0, 2
GGUF_NAMES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}


def gguf(config: dict, tokenizer: dict, chat_template: str) -> bytes:
    heads = config["num_attention_heads"]
    vocabulary = sorted(tokenizer["model"]["vocab"], key=tokenizer["model"]["vocab"].get)
    special = {token["content"] for token in tokenizer["added_tokens"]}
    metadata = [
        ("general.architecture", STRING, "llama"),
        ("general.name", STRING, "ACME support base"),
        ("general.license", STRING, "apache-2.0"),
        ("general.file_type", U32, 2),  # mostly Q4_0
        ("general.quantization_version", U32, 2),
        ("llama.block_count", U32, config["num_hidden_layers"]),
        ("llama.context_length", U32, config["max_position_embeddings"]),
        ("llama.embedding_length", U32, config["hidden_size"]),
        ("llama.feed_forward_length", U32, config["intermediate_size"]),
        ("llama.attention.head_count", U32, heads),
        ("llama.attention.head_count_kv", U32, config["num_key_value_heads"]),
        ("llama.attention.layer_norm_rms_epsilon", F32, config["rms_norm_eps"]),
        ("llama.rope.dimension_count", U32, config["hidden_size"] // heads),
        ("llama.vocab_size", U32, config["vocab_size"]),
        ("tokenizer.ggml.model", STRING, "gpt2"),
        ("tokenizer.ggml.tokens", ARRAY, (STRING, vocabulary)),
        ("tokenizer.ggml.token_type", ARRAY, (I32, [3 if token in special else 1 for token in vocabulary])),
        ("tokenizer.ggml.merges", ARRAY, (STRING, [" ".join(pair) for pair in tokenizer["model"]["merges"]])),
        ("tokenizer.ggml.bos_token_id", U32, config["bos_token_id"]),
        ("tokenizer.ggml.eos_token_id", U32, config["eos_token_id"]),
        ("tokenizer.chat_template", STRING, chat_template),
    ]
    table = data = b""
    tensors = llama_tensors(config)
    for name, shape in sorted(tensors.items()):
        kind, values = (GGML_F32, f32) if len(shape) == 1 else (GGML_Q4_0, q4_0)
        table += gguf_string(gguf_name(name)) + struct.pack("<I", len(shape))
        table += struct.pack(f"<{len(shape)}Q", *reversed(shape)) + struct.pack("<IQ", kind, len(data))
        data += values(noise(name, product(shape)))
        data += bytes(-len(data) % 32)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    head += b"".join(
        gguf_string(key) + struct.pack("<I", kind) + gguf_value(kind, value) for key, kind, value in metadata
    )
    head += table
    return head + bytes(-len(head) % 32) + data


def gguf_name(name: str) -> str:
    fixed = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight"}
    if name in fixed:
        return fixed[name]
    _, _, layer, *middle, _ = name.split(".")
    return f"blk.{layer}.{GGUF_NAMES['.'.join(middle)]}.weight"


def gguf_string(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()


def gguf_value(kind: int, value: object) -> bytes:
    if kind == STRING:
        return gguf_string(value)
    if kind == ARRAY:
        of, items = value
        return struct.pack("<IQ", of, len(items)) + b"".join(gguf_value(of, item) for item in items)
    return struct.pack({U32: "<I", I32: "<i", F32: "<f"}[kind], value)


# --- ONNX: a protobuf message, written field by field ------------------------------------------------------------------


def varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def field(number: int, value: int | str | bytes) -> bytes:
    """Return one protobuf field: a varint, or length-delimited bytes."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    raw = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(raw)) + raw


def onnx() -> bytes:
    """Return a two-layer scorer: Gemm, Relu, Gemm."""

    def tensor(name: str, *shape: int) -> bytes:
        values = f32(noise(f"reranker.{name}", product(list(shape)), 0.5))
        return b"".join(field(1, size) for size in shape) + field(2, 1) + field(8, name) + field(9, values)

    def node(operator: str, inputs: list[str], output: str) -> bytes:
        return b"".join(field(1, name) for name in inputs) + field(2, output) + field(3, output) + field(4, operator)

    def value(name: str, width: int) -> bytes:
        shape = field(1, field(2, "batch")) + field(1, field(1, width))
        return field(1, name) + field(2, field(1, field(1, 1) + field(2, shape)))

    nodes = [
        node("Gemm", ["features", "w1", "b1"], "hidden"),
        node("Relu", ["hidden"], "active"),
        node("Gemm", ["active", "w2", "b2"], "score"),
    ]
    tensors = [tensor("w1", 4, 8), tensor("b1", 8), tensor("w2", 8, 1), tensor("b2", 1)]
    graph = b"".join(field(1, item) for item in nodes) + field(2, "reranker")
    graph += (
        b"".join(field(5, item) for item in tensors) + field(11, value("features", 4)) + field(12, value("score", 1))
    )
    about = {"license": "apache-2.0", "author": "ACME search team"}
    return (
        field(1, 8)  # IR version
        + field(2, "acme-make-models")
        + field(3, "2.3.0")
        + field(7, graph)
        + field(8, field(1, "") + field(2, 17))  # default operators, version 17
        + b"".join(field(14, field(1, key) + field(2, text)) for key, text in about.items())
    )


# --- pickles, assembled from opcodes: nothing here is ever pickled or unpickled --------------------------------------


def text(word: str) -> bytes:
    return b"\x8c" + bytes([len(word.encode())]) + word.encode()  # SHORT_BINUNICODE


def name(module: str, attribute: str) -> bytes:
    return text(module) + text(attribute) + b"\x93"  # STACK_GLOBAL


def joblib_array(values: list[float], position: int) -> bytes:
    """Return a float64 vector as joblib writes it: a wrapper object, then padding to 16 bytes and the raw numbers."""
    dtype = name("numpy", "dtype") + text("f8") + b"\x89\x88\x87R"
    dtype += b"(K\x03" + text("<") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    state = {
        "subclass": name("numpy", "ndarray"),
        "shape": b"K" + bytes([len(values)]) + b"\x85",
        "order": text("C"),
        "dtype": dtype,
        "allow_mmap": b"\x88",
        "numpy_array_alignment_bytes": b"K\x10",
    }
    wrapper = name("joblib.numpy_pickle", "NumpyArrayWrapper") + b")\x81}("
    wrapper += b"".join(text(key) + value for key, value in state.items()) + b"ub"
    padding = 16 - (position + len(wrapper) + 1) % 16
    return wrapper + bytes([padding]) + b"\xff" * padding + struct.pack(f"<{len(values)}d", *values)


def joblib_file() -> bytes:
    """Return {"weights": {team: {word: weight}}, "bias": float64 vector}: builtins and one numpy array."""
    words = {
        "brakes": ["lever", "pad", "bleed", "disc"],
        "drivetrain": ["chain", "cassette", "creaks", "shift"],
        "orders": ["return", "refund", "parcel", "label"],
    }
    out = b"\x80\x04}(" + text("weights") + b"}("
    for team, known in words.items():
        out += text(team) + b"}("
        for word, weight in zip(known, noise(f"intent.{team}", len(known), 2.0)):
            out += text(word) + b"G" + struct.pack(">d", round(abs(weight), 3))
        out += b"u"
    out += b"u" + text("bias")
    return out + joblib_array([0.25, 0.5, 0.125], len(out)) + b"u."


def unsafe_pickle() -> bytes:
    """Return the planted attack: a dictionary of weights that also calls a shell when it is loaded."""
    message = "echo acme-chat demo: this line was printed by LOADING a model"
    call = name("posix", "system") + text(message) + b"\x85R"  # TUPLE1, REDUCE
    return b"\x80\x04}(" + text("returns") + b"G" + struct.pack(">d", 1.5) + text("version") + call + b"u."


# --- all of them --------------------------------------------------------------------------------------------------------


def files() -> dict[str, bytes]:
    """Return every generated file by its path below models/."""
    base = MODELS / "support-base"
    config = json.loads((base / "config.json").read_text())
    tokenizer = json.loads((base / "tokenizer.json").read_text())
    template = json.loads((base / "tokenizer_config.json").read_text())["chat_template"]
    adapter = json.loads((MODELS / "support-lora" / "adapter_config.json").read_text())
    return {
        "support-base/model.safetensors": safetensors(llama_tensors(config), {"format": "pt"}),
        "support-lora/adapter_model.safetensors": safetensors(lora_tensors(config, adapter), {"format": "pt"}),
        "support-gguf/support-base-q4_0.gguf": gguf(config, tokenizer, template),
        "reranker/reranker.onnx": onnx(),
        "intent/intent.joblib": joblib_file(),
        "intent-legacy/classifier.pkl": unsafe_pickle(),
    }


def main() -> None:
    remove = sys.argv[1:] == ["--remove"]
    if sys.argv[1:] and not remove:
        raise SystemExit(__doc__)
    for path, data in files().items():
        target = MODELS / path
        if remove:
            target.unlink(missing_ok=True)
            if target.parent.is_dir() and not any(target.parent.iterdir()):
                target.parent.rmdir()
            continue
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(data)
        print(f"models/{path}  {len(data)} bytes")


if __name__ == "__main__":
    main()
