"""What is parsed as the programs read it that load a model, and what looks like a model's file and is none."""
# ruff: noqa: E501  # one case a line reads as a table

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile
from collections.abc import Callable

import pytest

from secpipe.core.limits import Limits

Look = Callable[..., object]
EVIL = {"class_name": "Dense", "module": "os", "config": "x", "registered_name": "y"}


def archive(**members: bytes | str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        for name, content in members.items():
            made.writestr(name.replace("__", "/").replace("_dot_", "."), content)
    return file.getvalue()


def keras(config: bytes) -> bytes:
    return archive(config_dot_json=config, model_dot_weights_dot_h5=b"")


DIALECTS = {
    **{
        code: json.dumps(EVIL).encode(code)
        for code in ("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be")
    },
    **{
        f"blanks in {code}": ("\n  " + json.dumps(EVIL)).encode(code)
        for code in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
    },
    "NaN": json.dumps({**EVIL, "x": float("nan")}).encode(),
    "Infinity": json.dumps({**EVIL, "x": float("-inf")}).encode(),
    "a lone surrogate": json.dumps({**EVIL, "x": "\ud800"}).encode(),
    "an escaped key": json.dumps(EVIL).replace("class_name", "\\u0063lass_name").encode(),
    "100 levels": json.dumps({**EVIL, "x": json.loads("[" * 100 + "]" * 100)}).encode(),
    "the last of two keys": b'{"a": {"class_name": "Dense", "module": "keras", "config": {}}, "a": '
    + json.dumps(EVIL).encode()
    + b"}",
    "the first of two keys": b'{"a": '
    + json.dumps(EVIL).encode()
    + b', "a": {"class_name": "Dense", "module": "keras", "config": {}}}',
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_json_is_read_as_python_reads_it(look: Look, dialect: str) -> None:
    assert look(keras(DIALECTS[dialect]), "m.keras").outcome == "malicious"  # type: ignore[attr-defined]


@pytest.mark.parametrize("dialect", [name for name in DIALECTS if "keys" not in name])
def test_the_honest_twin_in_the_same_dialect_is_ok(look: Look, dialect: str) -> None:
    for code in ("utf-8-sig", "utf-16", "utf-16-le", "utf-32-be", "utf-8"):
        honest = DIALECTS[dialect]
        for wrong in ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be", "utf-8"):
            honest = honest.replace('"os"'.encode(wrong), '"keras.layers"'.encode(wrong)).replace(
                '"x"'.encode(wrong), "1".encode(wrong), 0
            )
        said = look(keras(honest), "m.keras")
        assert said.outcome == "ok", (said, code)  # type: ignore[attr-defined]


def test_a_configuration_that_no_reader_understands_is_not_read(look: Look) -> None:
    for broken in (
        b'{"class_name": "Dense", "module": os}',
        b'{"class_name": ' + b"[" * 100_000,
        b'{"class_name": "\xff"}',
    ):
        said = look(keras(broken), "m.keras")
        assert said.outcome == "review"  # type: ignore[attr-defined]
        assert said.evidence.skips  # type: ignore[attr-defined]
    said = look(b'{"model_type": "x", "auto_map": ' + b" " * 2000 + b"{}}", "config.json", Limits(document_bytes=1000))
    assert said.evidence.skips  # type: ignore[attr-defined]


def test_json_that_configures_no_model_is_left_alone(look: Look) -> None:
    for name, text in {
        "tsconfig.json": b'{\n  // comments\n  "target": "es2020",\n}',
        "rows.jsonl": b'{"handler": 1}\n{"handler": 2}\n',
        "package.json": b'{"name": "x", "handler": "index.js"}',
    }.items():
        said = look(text, name)
        assert not said.evidence.findings, said  # type: ignore[attr-defined]
        assert not said.evidence.skips  # type: ignore[attr-defined]


def npy(descr: object, data: bytes) -> bytes:
    header = repr({"descr": descr, "fortran_order": False, "shape": (1,)}).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data


@pytest.mark.parametrize(
    "descr",
    [
        "O",
        "|O",
        "O8",
        "object",
        "object_",
        [("a", "object")],
        [("a", "<f4"), ("b", "O", (2,))],
        ("object", (1,)),
        "f4,O",
        [("a", [("b", "object0")])],
    ],
)
def test_an_array_of_objects_is_a_pickle_however_its_type_is_written(look: Look, descr: object) -> None:
    assert look(npy(descr, b"cos\nsystem\n(X\x02\x00\x00\x00idtR."), "a.npy").outcome == "malicious"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "descr",
    ["<f4", "|b1", "<U3", "|S5", "<M8[ns]", "<m8[25us]", "|V8", [("a", "<f4"), ("b", "<i8", (2,))], ("<f8", (3,))],
)
def test_an_array_of_numbers_is_ok(look: Look, descr: object) -> None:
    assert look(npy(descr, b"cos\nsystem\n(X\x02\x00\x00\x00idtR."), "a.npy").outcome == "ok"  # type: ignore[attr-defined]


HDF5 = b"\x89HDF\r\n\x1a\n\0\0\0\0\0\x08\x08" + bytes(81)


def test_an_hdf5_file_that_refers_to_another_is_for_review(look: Look) -> None:
    value = b"\0/etc/hostname\0/x\0"
    link = b"\x01\x08\x40\x06layers" + struct.pack("<H", len(value)) + value
    heap = b"HEAP" + bytes(20) + struct.pack("<Q", 96 + 32) + b"\0/etc/passwd\0" + bytes(40)
    storage = heap + b"\x07\x00\x18\x00\x00\x00\x00\x00" + b"\x01\0\0\0" + struct.pack("<HHQ", 1, 1, 96) + bytes(24)
    virtual = b"GCOL" + bytes(28) + b"\x08\x00\x18\x00\x00\x00\x00\x00\x04\x03" + struct.pack("<QI", 96, 1)
    for content, name in ((link, "/etc/hostname"), (storage, "/etc/passwd"), (virtual, "datasets")):
        said = look(HDF5 + content, "w.h5")
        assert said.outcome == "review", said  # type: ignore[attr-defined]
        assert name in said.messages[0]  # type: ignore[attr-defined]
    assert look(HDF5 + bytes(range(256)) * 64, "w.h5").outcome == "ok"  # type: ignore[attr-defined]


@pytest.mark.parametrize("key", ["class_name", "\\u0063lass_name", "class\\u005fname"])
def test_a_layer_with_code_in_an_hdf5_file_is_found_however_its_keys_are_written(look: Look, key: str) -> None:
    layer = f'{{ {" " * 200}"{key}": "Lambda", "config": {{"function": ["4wEAAAAAAAAAAAAAAAAAAAAA", null, null]}}}}'
    assert look(HDF5 + layer.encode() + bytes(10), "w.h5").outcome == "malicious"  # type: ignore[attr-defined]


TAGS = {
    "!!python/name:torch.nn.modules.activation.ReLU ''": "ok",
    "!!python/tuple [1, 2]": "ok",
    "!!python/object/apply:pathlib.PosixPath [a]": "ok",
    "!!python/object:argparse.Namespace {a: 1}": "ok",
    "!!python/object/apply:os.system [id]": "malicious",
    "!<tag:yaml.org,2002:python/object/apply:os.system> [id]": "malicious",
    "!!%70ython/object/apply:os.system [id]": "malicious",
    "!!python/name:os.system ''": "malicious",
    "!!python/module:os ''": "malicious",
    "!!python/object/apply:functools.partial [x]": "malicious",
    "!!python/object:scipy.stats._continuous_distns.norm_gen {_parse_arg_template: x}": "malicious",
    "!!python/object/new:pyarrow.lib.OSFile [a, w]": "malicious",
}


@pytest.mark.parametrize("tag", TAGS)
def test_tags_are_judged_by_what_they_make(look: Look, tag: str) -> None:
    assert look(f"act: {tag}\nlr: 1\n".encode(), "hparams.yaml").outcome == TAGS[tag]  # type: ignore[attr-defined]


def test_a_tag_behind_a_directive_is_resolved(look: Look) -> None:
    text = b"%TAG !p! tag:yaml.org,2002:pyth\n---\na: !p!on/object/apply:os.system [id]\n"
    assert look(text, "hparams.yaml").outcome == "malicious"  # type: ignore[attr-defined]


def test_what_mlflow_and_lightning_read_is_read(look: Look) -> None:
    assert look(b"flavors:\n  python_function:\n    loader_module: evil.loader\n", "MLmodel").outcome == "review"  # type: ignore[attr-defined]
    assert look(b"flavors:\n  python_function:\n    loader_module: mlflow.sklearn\n", "MLmodel").outcome == "ok"  # type: ignore[attr-defined]
    for text in (
        b"m:\n  target: os.system\n  params: {command: x}\n",
        b"m:\n  class_path: os.system\n  init_args: {command: x}\n",
    ):
        assert look(text, "v1.yaml").outcome == "malicious"  # type: ignore[attr-defined]


def test_other_languages_with_braces_are_no_chat_templates(look: Look) -> None:
    helm = b'{{- if .Values.on }}\nname: {{ include "chart.fullname" . }}\nrequest: {{ .Values.request | quote }}\n{{- end }}\n'
    work = b"on: push\njobs:\n  a:\n    run: echo ${{ github.event.request }} ${{ matrix.system }}\n"
    for text, name in (
        (helm, "template.yaml"),
        (work, "ci.yml"),
        (b"{{ if .System }}{{ .System }}{{ end }}{{ .Prompt }}", "prompt_template.txt"),
    ):
        said = look(text, name)
        assert said.outcome == "", said  # type: ignore[attr-defined]
    escape = b"{{ ''.__class__.__mro__ }}"
    for text, name in (
        (escape, "t.jinja"),
        (b"${{ x }} " + escape, "t.yml"),
        (b"{# {{ .Values }} #}" + escape, "chat_template.txt"),
    ):
        assert look(text, name).outcome in {"malicious", "review"}, text  # type: ignore[attr-defined]


def script(data: bytes) -> bytes:
    return archive(m__data_dot_pkl=data, m__constants_dot_pkl=b"\x80\x02).", m__version=b"3\n", m__code__a_dot_txt=b"x")


def test_classes_of_torchscript_are_no_imports(look: Look) -> None:
    built = b"ctorch.jit._pickle\nbuild_intlist\n(]K\x01atR"
    honest = b"\x80\x02c__torch__.net.___torch_mangle_0\nNet\n)\x81}X\x01\x00\x00\x00a" + built + b"sb."
    assert look(script(honest), "s.pt").outcome == "ok"  # type: ignore[attr-defined]
    for change in (b"cos\nsystem\n", b"ctorch.jit\nload\n", b"c__torch__.os\n__class__\n"):
        assert (
            look(script(honest.replace(b"ctorch.jit._pickle\nbuild_intlist\n", change)), "s.pt").outcome == "malicious"
        )  # type: ignore[attr-defined]


def test_a_compiled_model_names_the_optimizer_of_its_backend(look: Look) -> None:
    part = {
        "class_name": "Adam",
        "module": "keras.src.backend.torch.optimizers.torch_adam",
        "config": {},
        "registered_name": "Adam",
    }
    assert look(keras(json.dumps(part).encode()), "m.keras").outcome == "ok"  # type: ignore[attr-defined]
    for module in ("keras.src.backend.torch.core", "keras.src.saving", "keras.src.backend.torch.optimizers_x"):
        assert look(keras(json.dumps({**part, "module": module}).encode()), "m.keras").outcome == "malicious"  # type: ignore[attr-defined]
    call = {"class_name": "function", "module": part["module"], "config": "Adam", "registered_name": "function"}
    assert look(keras(json.dumps(call).encode()), "m.keras").outcome == "malicious"  # type: ignore[attr-defined]


def test_a_finding_names_the_addition_that_ends_it(look: Look) -> None:
    for data in (b"\x80\x02cacme.models\nScorer\n)R.", pickle.dumps(len)[:2] + b"cacme.models\nScorer\n)\x81."):
        (finding,) = look(data).evidence.findings  # type: ignore[attr-defined]
        assert finding.fix.endswith("--allow acme.models.Scorer")
        assert look(data, allow=(finding.details["allow"],)).outcome == "ok"  # type: ignore[attr-defined]
    (finding,) = look(b"\x80\x02cos\nsystem\n)R.").evidence.findings  # type: ignore[attr-defined]
    assert "--allow" not in finding.fix
