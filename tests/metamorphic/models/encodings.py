"""One payload in every encoding that a loader takes, and these in each other."""
# ruff: noqa: E501  # one case a line reads as a table

from __future__ import annotations

import base64
import bz2
import gzip
import io
import json
import lzma
import random
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from typing import Any, Final

from tests.metamorphic.models.writing import Do, Name, Writer

#: What a sample is: how it was made, the name of the file, its bytes.
Sample = tuple[str, str, bytes]
_SYSTEM: Final = Do(Name("posix.system"), ("id",))
_NAMES: Final = (
    "model.pkl",
    "pytorch_model.bin",
    "x",
    "weights.safetensors",
    "a.npy",
    "data.txt",
    "m.pt",
    "archive.tar.gz",
)
_TEMPLATE: Final = "{{ ''.__class__.__mro__[1].__subclasses__() }}"


def pickled(chance: random.Random) -> Sample:
    """A pickle that runs a command, with each opcode chosen."""
    value: Any = chance.choice(
        (_SYSTEM, [_SYSTEM], {"a": (1, _SYSTEM)}, Do(Name("collections.OrderedDict"), (), items=(("a", _SYSTEM),)))
    )
    data = Writer(chance).whole(value)
    lead = chance.choice((b"", b"", b"N0", b"(1", b"K\x01K\x0100", b"\x80\x02\x80\x02", b"]\x940", b"\x8c\x000"))
    tail = chance.choice((b"", b"", b"\0" * 9, b"\x80\x02N.", b"garbage"))
    broken = chance.choice((data, data, data[:-1], data[:-1] + b"\xff"))
    return "pickle", chance.choice(_NAMES), lead + broken + tail


def wrapped(chance: random.Random) -> Sample:
    """A pickle inside up to three containers."""
    label, name, data = pickled(chance)
    for _ in range(chance.randint(1, 3)):
        how = chance.choice(tuple(_CONTAINERS))
        label, data = f"{how} of {label}", _CONTAINERS[how](chance, data)
    return label, name, data


def _zipped(chance: random.Random, data: bytes) -> bytes:
    file = io.BytesIO()
    method = chance.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
    names = chance.choice(
        (("m/data.pkl",), ("a/b/c.bin",), ("data.pkl", "version"), ("x.npy",), ("config.json", "a"), ("\u00e4.pkl",))
    )
    with zipfile.ZipFile(file, "w", method) as made:
        for number, name in enumerate(names):
            info = zipfile.ZipInfo(name)
            info.compress_type = method
            with made.open(info, "w", force_zip64=chance.random() < 0.2) as member:
                member.write(data if not number else b"3\n")
        made.comment = chance.choice((b"", b"comment", b"PK\5\6"))
    return chance.choice((b"", b"", b"#!/bin/sh\n", b"MZ" + b"\0" * 90, b"GIF89a")) + file.getvalue()


def _tarred(chance: random.Random, data: bytes) -> bytes:
    file = io.BytesIO()
    form = chance.choice((tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT))
    with tarfile.open(fileobj=file, mode="w", format=form) as made:
        info = tarfile.TarInfo(chance.choice(("a.pkl", "d/" * 20 + "a", "model_weights.ckpt")))
        info.size = len(data)
        made.addfile(info, io.BytesIO(data))
    return file.getvalue()


def _array(chance: random.Random, data: bytes) -> bytes:
    descr = chance.choice(
        (
            "'|O'",
            "'O'",
            "'O8'",
            "'object'",
            "[('a', '|O')]",
            "[('a', '<f4'), ('b', [('c', 'O')])]",
            "('O', (1,))",
            "'=O'",
        )
    )
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': (1,), }}\n".encode()
    size = (
        struct.pack("<H", len(header)) if (version := chance.choice((1, 2, 3))) == 1 else struct.pack("<I", len(header))
    )
    return b"\x93NUMPY" + bytes([version, 0]) + size + header + data


def _in_a_pickle(chance: random.Random, data: bytes) -> bytes:
    """The payload as bytes that a rebuilder of PyTorch unpickles."""
    return Writer(chance).whole(Do(Name("torch.storage._load_from_bytes"), (data,)))


_CONTAINERS: Final[dict[str, Callable[[random.Random, bytes], bytes]]] = {
    "zip": _zipped, "tar": _tarred, "npy": _array, "torch bytes": _in_a_pickle,
    "gzip": lambda chance, data: gzip.compress(data, chance.randint(0, 9)),
    "two gzips": lambda chance, data: gzip.compress(b"") + gzip.compress(data),
    "bzip2": lambda chance, data: bz2.compress(data),
    "xz": lambda chance, data: lzma.compress(data, check=chance.choice((lzma.CHECK_CRC32, lzma.CHECK_SHA256))),
    "lzma": lambda chance, data: lzma.compress(data, lzma.FORMAT_ALONE),
    "zlib": lambda chance, data: zlib.compress(data, chance.randint(0, 9)),
}  # fmt: skip


def hidden(chance: random.Random) -> Sample:
    """A pickle in a string of a pickle that nothing in it unpickles: it must at least be told."""
    data = chance.choice((b"\x80\x02", b"\x80\x04", b"\x80\x05")) + Writer(chance).value(_SYSTEM) + b"."
    text = chance.choice(
        (base64.b64encode(data).decode(), data.hex(), base64.urlsafe_b64encode(zlib.compress(data)).decode())
    )
    return "hidden", "m.pkl", Writer(chance).whole({"a": text})


#: Value of a configuration -> the name of the file that a loader reads it from.
_CONFIGS: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("config.json", {"class_name": "Sequential", "config": {"layers": [{"class_name": "Lambda", "config": {"function": "4wEAAA"}}]}}),
    ("config.json", {"class_name": "run", "module": "os", "config": {"x": 1}, "registered_name": "run"}),
    ("config.json", {"model_type": "bert", "auto_map": {"AutoModel": "other/repo--modeling.Model"}}),
    ("tokenizer_config.json", {"tokenizer_class": "T", "chat_template": _TEMPLATE}),
    ("config.json", {"_target_": "os.system", "command": "id"}),
    ("hydra.json", {"a": [{"b": {"_target_": "subprocess.run"}}]}),
)  # fmt: skip


def json_dialect(chance: random.Random) -> Sample:
    """A configuration as Python's own reader takes it, and no other."""
    name, value = chance.choice(_CONFIGS)
    value = {
        **chance.choice(({}, {"a": [[[]]] * 9}, {"é": "\U0001f600"}, {"n": float("nan")}, {"i": float("-inf")})),
        **value,
    }
    text = json.dumps(value, ensure_ascii=chance.random() < 0.5, indent=chance.choice((None, 1, 8)))
    if chance.random() < 0.4:
        text = _escaped(chance, text)
    if chance.random() < 0.2:
        text = '{"auto_map": null, "class_name": null, ' + text[1:]  # the first of two keys; the last counts
    code = chance.choice(("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"))
    lead = chance.choice(("", "", " \n\t", "\r\n"))
    data = (lead + text).encode(code, "surrogatepass")
    if chance.random() < 0.3 and "class_name" in value:
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as made:
            made.writestr("config.json", data)
            made.writestr("model.weights.h5", b"")
        return f"keras archive, {code}", chance.choice(("m.keras", "m.zip", "x")), file.getvalue()
    return f"json, {code}", name, data


def _escaped(chance: random.Random, text: str) -> str:
    """Write some letters inside strings as escapes."""
    parts, inside = [], False
    for before, letter in zip("\0" + text, text, strict=False):
        inside ^= letter == '"' and before != "\\"
        hide = inside and letter.isalnum() and before not in "\\u" and chance.random() < 0.2 and "\\" not in text
        parts.append(f"\\u{ord(letter):04x}" if hide else letter)
    return "".join(parts)


def yaml_dialect(chance: random.Random) -> Sample:
    """A tag or target in each of the ways YAML writes it."""
    kind = chance.choice(("object/apply", "object/new", "name", "object"))
    path = chance.choice(("os.system", "subprocess.Popen", "builtins.eval"))
    tag = chance.choice((
        f"!!python/{kind}:{path}", f"!<tag:yaml.org,2002:python/{kind}:{path}>", f"!!pyth%6fn/{kind}:{path}", f"!p!python/{kind}:{path}",
        f"!<tag:yaml.org,2002:%70ython/{kind}:{path}>", f"!q!on/{kind}:{path}",
    ))  # fmt: skip
    head = "%TAG !p! tag:yaml.org,2002:\n---\n" * ("!p!" in tag) + "%TAG !q! tag:yaml.org,2002:pyth\n---\n" * (
        "!q!" in tag
    )
    tagged = chance.choice(
        (f"a: {tag} ['id']", f"- {tag}\n  - id", f"{{a: {tag} [id]}}", f"? {tag} [id]\n: 1", f"a: &x {tag} [id]\nb: *x")
    )
    target = chance.choice((
        f"_target_: {path}", f'"_target_": "{path}"', f'"\\x5ftarget_": {path}', f"a:\n  - _target_: '{path}'", f"_target_: >-\n  {path}",
        f"{{_target_: {path}}}", f"? _target_\n: {path}", f"target: {path}\nparams: {{a: 1}}", f"class_path: {path}\ninit_args: {{a: 1}}",
        f"x: &a {{_target_: {path}}}\ny:\n  <<: *a", f"loader_module: {path}", f'!!str "_target_": !!str {path}',
    ))  # fmt: skip
    text = head + tagged + "\n" if chance.random() < 0.5 else target + "\n"
    code = chance.choice(("utf-8", "utf-8", "utf-8-sig", "utf-16"))
    lead = (
        ""
        if head
        else chance.choice(("", "# comment\n", "---\n", "a: 1\n---\n" if "\n..." not in text else "", "\n\n"))
    )
    ends = chance.choice((text, text, text.replace("\n", "\r\n")))
    return (
        f"yaml {text!r}",
        chance.choice(("config.yaml", "hparams.yml", "MLmodel", "model.yaml")),
        (lead + ends).encode(code),
    )


def hdf5(chance: random.Random) -> Sample:
    """A Keras configuration in an HDF5 file, behind a user block."""
    value = {
        "class_name": "Functional",
        "config": {"layers": [{"class_name": "Lambda", "config": {"function": ["4wEAAA==", None, None]}}]},
    }
    text = json.dumps(value)
    text = _escaped(chance, text) if chance.random() < 0.5 else text
    block = b"\0" * chance.choice((0, 0, 512, 1024, 2048))
    return (
        "hdf5",
        chance.choice(("m.h5", "m.hdf5", "m.keras", "x")),
        block + b"\x89HDF\r\n\x1a\n\0\0\0\0\0\x08\x08" + b"\0" * 500 + text.encode() + b"\0" * 300,
    )


KINDS: Final = (pickled, wrapped, wrapped, hidden, json_dialect, yaml_dialect, hdf5)


def sample(seed: int) -> Sample:
    """Return one sample; the same for the same seed."""
    chance = random.Random(seed)
    return chance.choice(KINDS)(chance)
