"""Images as generators write them: chunks and Exif by hand, byte for byte."""

from __future__ import annotations

import json
import struct
import zlib

A1111 = (
    "a cat on a mat, <lora:style:0.8>\nsecond line\nNegative prompt: blurry, low quality\n"
    "Steps: 20, Sampler: Euler a, CFG scale: 7.5, Seed: 18446744073709551615, Size: 512x768, Model hash: 6ce0161689, "
    'Model: v1-5-pruned, Lora hashes: "style: 0123456789ab, other: ffff", Version: v1.10.0'
)
GRAPH = {
    "3": {
        "class_type": "KSampler",
        "inputs": {
            "seed": 7, "steps": 20, "cfg": 8.0, "sampler_name": "euler", "scheduler": "normal", "denoise": 1,
            "model": ["10", 0], "positive": ["6", 0], "negative": ["7", 0], "latent_image": ["5", 0],
        },
    },
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "xl\\sdxl_base.safetensors"}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": ["8", 0], "clip": ["4", 1]}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["4", 1]}},
    "8": {"class_type": "PrimitiveString", "inputs": {"value": "a cat"}},
    "9": {"class_type": "LoadImage", "inputs": {"image": "pose.png"}},
    "10": {"class_type": "LoraLoader", "inputs": {"lora_name": "style.safetensors", "strength_model": 0.6}},
}  # fmt: skip


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(**texts: str) -> bytes:
    """Return a PNG of one pixel with tEXt chunks; `z_` packs one, `i_` makes it an iTXt."""
    body = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    for name, text in texts.items():
        key = name[2:].encode() if name[1:2] == "_" else name.encode()
        if name.startswith("z_"):
            body += chunk(b"zTXt", key + b"\0\0" + zlib.compress(text.encode("latin-1")))
        elif name.startswith("i_"):
            body += chunk(b"iTXt", key + b"\0\1\0\0\0" + zlib.compress(text.encode()))
        else:
            body += chunk(b"tEXt", key + b"\0" + text.encode("latin-1"))
    return b"\x89PNG\r\n\x1a\n" + body + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"")


def exif(tag: int, value: bytes, order: str = ">") -> bytes:
    """Return an Exif block with one tag; the comment stands in the second table, as the standard says."""
    mark = b"MM\0*" if order == ">" else b"II*\0"
    kind = 7 if tag == 0x9286 else 2
    if tag != 0x9286:
        return mark + struct.pack(order + "IHHHII", 8, 1, tag, kind, len(value), 26) + b"\0" * 4 + value
    first = struct.pack(order + "IHHHIII", 8, 1, 0x8769, 4, 1, 26, 0)
    return mark + first + struct.pack(order + "HHHIII", 1, tag, kind, len(value), 44, 0) + value


def comment(text: str) -> bytes:
    return b"UNICODE\0" + text.encode("utf-16-be")


def jpeg(block: bytes) -> bytes:
    data = b"Exif\0\0" + block
    return b"\xff\xd8\xff\xe1" + struct.pack(">H", len(data) + 2) + data + b"\xff\xda\0\2pixels\xff\xd9"


def webp(block: bytes) -> bytes:
    body = b"WEBPVP8L" + struct.pack("<I", 3) + b"abc\0" + b"EXIF" + struct.pack("<I", len(block)) + block
    body += b"\0" * (len(block) & 1)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def graph() -> str:
    return json.dumps(GRAPH)
