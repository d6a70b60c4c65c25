"""A small AI release, written file by file, for the tests of this folder."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path

import pytest


def safetensors(**shapes: tuple[int, ...]) -> bytes:
    """Return a sound float16 file with tensors of these shapes."""
    header, at = {}, 0
    for name, shape in shapes.items():
        size = 2
        for dimension in shape:
            size *= dimension
        header[name] = {"dtype": "F16", "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(at)


def _release(root: Path) -> None:
    """Write a model folder, an adapter, a joblib, a prompt, a dataset, a requirements file and a source file."""
    adapter = {"peft_type": "LORA", "base_model_name_or_path": "acme/base"}
    files: dict[str, bytes] = {
        "models/base/model.safetensors": safetensors(a=(4, 2)),
        "models/base/config.json": json.dumps({"model_type": "llama", "architectures": ["LlamaForCausalLM"]}).encode(),
        "models/base/README.md": b"---\nlicense: apache-2.0\npipeline_tag: text-generation\n---\n# Base\n",
        "models/lora/adapter_model.safetensors": safetensors(lora=(2, 2)),
        "models/lora/adapter_config.json": json.dumps(adapter).encode(),
        "models/rank.joblib": b"\x80\x04N.",
        "prompts/system.md": b"You are kind.\n",
        "data/train.jsonl": b'{"a": 1}\n',
        "requirements.txt": b"six==1.16.0\n",
        "app.py": b"print(1)\n",
    }
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


@pytest.fixture
def release() -> Callable[[Path], None]:
    """Return the function that writes the release into a folder."""
    return _release
