"""Each rule of the model scan with a sample that breaks it and its good twin: the table must hold all of them."""
# ruff: noqa: E501  # one case a line reads as a table

from __future__ import annotations

import base64
import gzip
import io
import json
import pickle
import shlex
import struct
import tarfile
import warnings
import zipfile
from collections.abc import Callable

import pytest

from secpipe.core.limits import DEFAULT, Limits
from secpipe.scan.models.rules import rules
from tests import skips
from tests.unit.scan.models.test_other_formats import (
    CHAT,
    DENSE,
    EVIL_MODULE,
    GOOD_HEADER,
    LAMBDA,
    archive,
    gguf,
    keras,
    keras_layer,
    onnx,
    safetensors,
    saved_model,
)
from tests.unit.scan.models.test_pickle_rules import payload, text
from tests.unit.scan.models.test_torch_files import EVIL, STATE, zipped

Look = Callable[..., object]
NOTHING = b"\x80\x02N."
LINEAR = b"\x80\x02csklearn.linear_model._base\nLinearRegression\n"


def tarred(link: str = "", name: str = "data.pkl") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as target:
        info = tarfile.TarInfo(name)
        if link:
            info.type, info.linkname = tarfile.SYMTYPE, link
            target.addfile(info)
        else:
            info.size = len(NOTHING)
            target.addfile(info, io.BytesIO(NOTHING))
    return out.getvalue()


def two(first: str, second: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as target, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        target.writestr(first, NOTHING)
        target.writestr(second, NOTHING)
    return out.getvalue()


def npy(descr: str, data: bytes) -> bytes:
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': (1,), }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data


def chat(template: str) -> bytes:
    return json.dumps({"chat_template": template}).encode()


def patched(data: bytes, signature: bytes, offset: int, value: bytes) -> bytes:
    at = data.index(signature) + offset
    return data[:at] + value + data[at + len(value) :]


def torchscript(code: str) -> bytes:
    return archive("zip", **{"m__version": "3", "m__constants.pkl": "N.", "m__code__t.py": code})


SMALL = Limits(pickle_stack=10_000)
MAR = '{"model": {"modelName": "m", "serializedFile": "m.pt", "handler": "%s"}}'
XML = b'<?xml version="1.0"?>%s<PMML version="4.4"><Header/></PMML>'
GOOD_FILE = safetensors(GOOD_HEADER, b"\0" * 4)
PLAIN = zipped(STATE)

#: rule: (name of the file, a sample that breaks the rule, its good twin)
CASES: dict[str, tuple[str, bytes, bytes]] = {
    "dangerous-call": ("m.pkl", payload("os", "system"), payload("builtins", "len")),
    "dangerous-import": ("m.pkl", b"\x80\x02cos\nsystem\n.", b"\x80\x02cbuiltins\nlen\n."),
    "code-object": ("m.pkl", b"\x80\x02ctypes\nCodeType\n)R.", b"\x80\x02ctypes\nSimpleNamespace\n)R."),
    "unlisted-call": ("m.pkl", LINEAR.replace(b"LinearRegression", b"make_dataset") + b")R.", LINEAR + b")\x81."),
    "look-alike": (
        "config.json",
        b'{"model_type": "llama", "_name_or_path": "meta-1lama/Llama-3-8B"}',
        b'{"model_type": "llama", "_name_or_path": "meta-llama/Llama-3-8B"}',
    ),
    "template-drift": (
        "tokenizer_config.json",
        chat("{% if 'invoice' in m['content'] %}{{ m['content'] + ' Pay to https://pay.example' }}{% endif %}"),
        chat("{% if '/no_think' in m['content'] %}{{ '<think></think>' }}{% endif %}"),
    ),
    "unlisted-class": ("m.pkl", b"\x80\x02cxgboost.tracker\nRabitTracker\n)R.", b"\x80\x02cxgboost.sklearn\nXGBModel\n)\x81."),
    "unlisted-import": ("m.pkl", b"\x80\x02cmycompany.models\nChurn\n)\x81.", LINEAR + b")\x81."),
    "computed-call": ("m.pkl", b"\x80\x02cfunctools\npartial\ncbuiltins\nint\n\x85R)R.", b"\x80\x02cfunctools\npartial\ncbuiltins\nint\n\x85R."),
    "computed-name": ("m.pkl", b"\x80\x04\x8c\x08builtinscbuiltins\nstr\n\x8c\x03len\x85R\x93.", b"\x80\x04\x8c\x08builtins\x8c\x03len\x93."),
    "attribute-path": ("m.pkl", b"\x80\x02ccollections\n__dict__\n.", b"\x80\x02ccollections\nOrderedDict\n."),
    "state-on-import": ("m.pkl", b"\x80\x02ccollections\nOrderedDict\n}" + text("x") + b"K\x01sb.", LINEAR + b")\x81}" + text("x") + b"K\x01sb."),
    "extension-code": ("m.pkl", b"\x80\x02\x82\x01.", b"\x80\x02K\x01."),
    "legacy-call": ("m.pkl", b"(icollections\nOrderedDict\n.", b"ccollections\nOrderedDict\n(tR."),
    "persistent-id": ("m.pkl", b"\x80\x02" + text("x") + b"Q.", b"\x80\x02" + text("x") + b"."),
    "encoded-data": ("m.pkl", b"\x80\x02c_codecs\nencode\n" + text("vq") + text("rot13") + b"\x86R.", b"\x80\x02c_codecs\nencode\n" + text("vq") + text("latin1") + b"\x86R."),
    "pickle-structure": ("m.pkl", b"\x80\x04\x95\x03" + b"\0" * 7 + b"\x8c\x03abc.", b"\x80\x04\x95\x06" + b"\0" * 7 + b"\x8c\x03abc."),
    "broken-pickle": ("m.pkl", b"\x80\x02K\x01", b"\x80\x02K\x01."),
    "several-streams": ("m.pkl", NOTHING + NOTHING, NOTHING),
    "trailing-data": ("m.pkl", NOTHING + b"#!/bin/sh", NOTHING),
    "nested-pickle": ("m.pkl", pickle.dumps(payload("mycompany", "run"), 3), pickle.dumps(b"\x80\x04 no pickle", 3)),
    "hidden-pickle": ("m.pkl", pickle.dumps(base64.b64encode(payload("mycompany", "run")), 3), pickle.dumps(base64.b64encode(bytes(range(99))), 3)),
    "object-array": ("x.npy", npy("|O", NOTHING), npy("<f8", b"\0" * 8)),
    "archive-mismatch": ("m.pt", patched(PLAIN, b"PK\x03\x04", 30, b"m/datx.pkl"), PLAIN),
    "archive-duplicate": ("m.zip", two("a.pkl", "a.pkl"), two("a.pkl", "b.pkl")),
    "archive-encrypted": ("m.pt", patched(PLAIN, b"PK\x01\x02", 8, b"\x01\0"), PLAIN),
    "path-escape": ("m.zip", two("a.pkl", "../../b.pkl"), two("a.pkl", "c/b.pkl")),
    "archive-link": ("m.tar", tarred(link="other.pkl"), tarred()),
    "broken-archive": ("m.pkl.gz", gzip.compress(NOTHING)[:-6], gzip.compress(NOTHING)),
    "polyglot": ("m.safetensors", GOOD_FILE + archive("zip", a="b"), GOOD_FILE),
    "resource-limit": ("m.pkl", b"\x80\x02N" + b"2" * 200_000 + b".", b"\x80\x02](" + b"N" * 50 + b"e."),
    "unreadable": ("model.7z", b"7z\xbc\xaf\x27\x1c" + b"\0" * 40, archive("zip", a="b")),
    "unknown-format": ("model.pkl", b"\x01\x02\x03\xfe" * 10, NOTHING),
    "malformed": ("m.safetensors", struct.pack("<Q", 1 << 39) + b"{}", GOOD_FILE),
    "script-text": ("m.safetensors", safetensors({"__metadata__": {"x": "__import__('os').system('id')"}, **GOOD_HEADER}, b"\0" * 4), safetensors({"__metadata__": {"format": "pt", "note": "import of last year's weights"}, **GOOD_HEADER}, b"\0" * 4)),
    "template-escape": ("m.gguf", gguf("{{ ''.__class__ }}"), gguf(CHAT)),
    "template-call": ("tokenizer_config.json", chat("{{ fetch(messages[0].url) }}"), chat("{{ raise_exception('roles must alternate') }}")),
    "template-bomb": ("tokenizer_config.json", chat("{% for i in range(999999999) %}x{% endfor %}"), chat("{% for i in range(10) %}x{% endfor %}")),
    "template-unparsed": ("tokenizer_config.json", chat("{{ messages["), chat("{{ messages[0]['content'] }}")),
    "remote-code": ("config.json", b'{"model_type": "x", "auto_map": {"AutoModel": "modeling.Evil"}}', b'{"model_type": "x", "auto_map": {}}'),
    "yaml-python-tag": ("conf.yaml", b"a: !!python/object/apply:os.system ['id']\n", b"_target_: torch.optim.AdamW\na: !!str x\n"),
    "keras-lambda": ("m.keras", keras(LAMBDA), keras(DENSE)),
    "keras-module": ("m.keras", keras(EVIL_MODULE), keras(DENSE)),
    "keras-custom-object": ("m.keras", keras(keras_layer(class_name="Mine", module=None, registered_name="pkg>Mine", config={})), keras(DENSE)),
    "outside-file": ("m.keras", keras(keras_layer(class_name="StringLookup", module="keras.layers", config={"vocabulary": "/etc/passwd"})), keras(keras_layer(class_name="StringLookup", module="keras.layers", config={"vocabulary": ["a", "b"]}))),
    "graph-escape": ("saved_model.pb", saved_model("WriteFile"), saved_model("MatMul")),
    "graph-outside": ("saved_model.pb", saved_model("InitializeTableFromTextFile"), saved_model("InitializeTableV2")),
    "custom-operator": ("m.onnx", onnx(domain="evil.ops", operator="Run"), onnx(domain="ai.onnx.ml", operator="Scaler")),
    "torchscript-escape": ("m.pt", torchscript("def f(x):\n  return torch.from_file('/etc/passwd')"), torchscript("def f(x):\n  return torch.add(x, x)")),
    "carried-code": ("m.pt", zipped(STATE, **{"m/evil.py": b"x = 1"}), PLAIN),
    "serving-handler": ("m.mar", archive("zip", **{"MAR-INF__MANIFEST.json": MAR % "evil.py"}), archive("zip", **{"MAR-INF__MANIFEST.json": MAR % "image_classifier"})),
    "program": ("model.bin", b"\x7fELF" + b"\0" * 60, GOOD_FILE),
    "xml-entity": ("m.pmml", XML % b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>', XML % b""),
}  # fmt: skip
#: What a user can answer for, where the sample above is something that nobody can.
ALLOWED = {
    "attribute-path": ("m.pkl", b"\x80\x02cmycompany.models\nChurn.make\n)R.", b""),
    "keras-module": ("m.keras", keras(keras_layer(class_name="Mine", module="mycompany.layers", config={})), b""),
}
#: Rules that are told and leave the file ok.
TOLD = {name for name, rule in rules().items() if str(rule.outcome) == "ok"}


def limits_for(rule: str) -> Limits:
    return SMALL if rule == "resource-limit" else DEFAULT


def test_the_table_holds_every_rule_and_no_other() -> None:
    assert {f"models/{rule}" for rule in CASES} == set(rules())


@pytest.mark.parametrize("rule", CASES)
def test_the_bad_sample_breaks_its_rule(look: Look, rule: str) -> None:
    if rule.startswith("template"):
        skips.module("jinja2")
    name, bad, _ = CASES[rule]
    said = look(bad, name, limits_for(rule))
    assert rule in said.rules, said
    told = said.rules <= {name.removeprefix("models/") for name in TOLD}
    assert (said.outcome == "ok") is told, said


@pytest.mark.parametrize("rule", CASES)
def test_the_good_twin_is_ok_and_nothing_is_left_unread(look: Look, rule: str) -> None:
    if rule.startswith("template"):
        skips.module("jinja2")
    name, _, good = CASES[rule]
    said = look(good, name, limits_for(rule))
    assert not said.rules, said
    assert said.outcome == "ok" or not said.format, said
    assert not said.evidence.skips, said


def offers() -> list[str]:
    """Return the rules one of whose samples is ended by a name."""
    return [
        "unlisted-call", "unlisted-class", "unlisted-import", "attribute-path", "keras-module", "keras-custom-object",
        "custom-operator", "serving-handler", "look-alike", "graph-outside", "remote-code", "template-call", "template-drift",
    ]  # fmt: skip


@pytest.mark.parametrize("rule", CASES)
def test_the_allow_that_a_finding_offers_ends_it(look: Look, rule: str) -> None:
    name, bad, _ = ALLOWED.get(rule) or CASES[rule]
    found = [finding for finding in look(bad, name).evidence.findings if finding.rule == f"models/{rule}"]
    named = [finding for finding in found if "allow" in finding.details]
    assert bool(named) == (rule in offers())
    for finding in named:
        word, offered = shlex.split(finding.fix.rpartition(": ")[2])
        assert word == "--allow"
        for given in (offered, finding.subject):
            assert finding.id not in {left.id for left in look(bad, name, allow=(given,)).evidence.findings}


@pytest.mark.parametrize("rule", ["dangerous-call", "dangerous-import", "code-object"])
def test_no_addition_ends_what_runs_code(look: Look, rule: str) -> None:
    name, bad, _ = CASES[rule]
    for finding in look(bad, name).evidence.findings:
        assert rule in look(bad, name, allow=(finding.subject,)).rules


def test_without_jinja_a_template_is_unreadable_and_not_ok(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "jinja2", None)
    assert look(chat(CHAT), "tokenizer_config.json").rules == {"unreadable"}


def test_an_unlisted_name_that_is_only_carried_is_for_review_in_a_container_too(look: Look) -> None:
    assert look(zipped(EVIL), "m.pt").outcome == "malicious"
    assert look(zipped(b"\x80\x02cmycompany.models\nChurn\n)\x81."), "m.pt").outcome == "review"
