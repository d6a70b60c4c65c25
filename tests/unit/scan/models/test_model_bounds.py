"""Every bound of the model scan, with the harm behind it: nothing is cut in silence, and honest length is no harm."""

from __future__ import annotations

import base64
import io
import json
import pickle
import struct
import zipfile
from collections.abc import Callable
from dataclasses import replace

import pytest

from secpipe.core.limits import DEFAULT
from tests.unit.scan.models.conftest import Said

Look = Callable[..., Said]
SMALL = replace(DEFAULT, document_bytes=1000, text_bytes=1000)
EVIL = b"cposix\nsystem\n(S'id'\ntR."
TURN = "{% for m in messages %}{{ m.content }}{% endfor %}"

CONFIGURATIONS = {
    "vocabulary": {"vocab_file": "../../etc/passwd"},
    "class path": {"class_path": "os.system", "init_args": {"a": 1}},
    "target": {"target": "os.system", "params": {"a": 1}},
    "skops": {"__class__": "system", "__module__": "os", "__loader__": "ReduceNode"},
    "handler": {"modelName": "a", "serializedFile": "b", "handler": "h.py"},
    "auto_map": {"auto_map": {"AutoModel": "m.M"}},
    "prompt": {"prompt_template": "{{ ''.__class__ }}"},
    "template": {"template": "{{ ''.__class__ }}"},
}


def stretched(value: object, coding: str = "utf-8") -> bytes:
    text = json.dumps(value)
    return (text[:-1] + " " * 1000 + text[-1:]).encode(coding)


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_a_configuration_too_large_to_parse_is_not_read(name: str, look: Look) -> None:
    assert look(json.dumps(CONFIGURATIONS[name]).encode(), "x.json").rules
    for data in (
        stretched(CONFIGURATIONS[name]),
        stretched(CONFIGURATIONS[name], "utf-16"),
        stretched(CONFIGURATIONS[name]).replace(b"_", b"\\u005f").replace(b"handler", b"h\\u0061ndler"),
    ):
        assert look(data, "x.json", SMALL).evidence.skips


HONEST = (
    [{"text": 'the handler: a "class_path" and "target": os.path', "target": "yes"}] * 20,
    {"target": "positive", "label": "caf\u00e9 \u0041", "profile": "a", "data": ["x" * 900, "y" * 900]},
)


@pytest.mark.parametrize("value", HONEST)
def test_a_large_data_set_is_no_configuration(value: object, look: Look) -> None:
    said = look(stretched(value), "train.json", SMALL)
    assert not said.evidence.skips
    assert not said.rules


COMMENT = "# words of no harm\n" * 60
TEXTS = {
    ("m.xml", "a comment before the model"): '<?xml version="1.0"?><!-- PAD --><net a="b"><layer library="../x"/>',
    ("m.xml", "a comment before the entity"): '<?xml version="1.0"?><!-- PAD --><!DOCTYPE a [<!ENTITY x "a">]>',
    ("x.txt", "a Modelfile"): COMMENT + "FROM ../../../etc/passwd\n",
    ("c.yaml", "auto_map"): COMMENT + "auto_map:\n  AutoModel: m.M\n",
    ("c.yaml", "a class path"): COMMENT + "class_path: os.system\ninit_args:\n  a: 1\n",
    ("c.txt", "a tag in a list"): COMMENT + "- !!python/object/apply:os.system [id]\n",
    ("c.txt", "a verbatim tag"): COMMENT + "a: !<tag:yaml.org,2002:python/object/apply:os.system> [id]\n",
    ("c.txt", "a handle"): COMMENT + "%TAG !e! tag:yaml.org,2002:python/\n--- !e!object/apply:os.system [id]\n",
    ("t.txt", "an escape on lines of its own"): TURN + "PAD{{ 'a'\n |\n attr('b') }}",
    ("t.txt", "an escaped name"): TURN + "PAD{{ ''['\\x5f'] }}",
}  # fmt: skip


@pytest.mark.parametrize(("name", "what"), TEXTS, ids=[f"{name}: {what}" for name, what in TEXTS])
def test_the_rest_of_a_long_text_is_searched(name: str, what: str, look: Look) -> None:
    text = TEXTS[name, what].replace("PAD", "y" * 1000)
    assert look(text.encode(), name, SMALL).evidence.skips


@pytest.mark.parametrize(
    "text", ["hello\n" * 400, "a, b, {{ c }}\n" * 200, "SELECT a\nFROM b\n" * 200, "- a: b\n" * 400]
)
def test_a_long_text_without_signs_is_read(text: str, look: Look) -> None:
    assert not look(text.encode(), "x.txt", SMALL).evidence.skips


def test_what_stands_behind_many_comments_is_read(look: Look) -> None:
    assert "path-escape" in look(b"# x\n" * 20_000 + b"FROM ../../../etc/passwd\n", "Modelfile").rules
    net = b'<?xml version="1.0"?><!-- ' + b"x" * 70_000 + b' --><net name="a"><layer library="../../x.so"/></net>'
    assert "path-escape" in look(net, "m.xml").rules
    far = b'<net name="a"><layer library="' + b"./" * 300 + b'../x.so"/></net>'
    assert "path-escape" in look(far, "m.xml").rules
    document = b"<!DOCTYPE a" + b" " * 600 + b'SYSTEM "http://x/y"><PMML/>'
    assert "xml-entity" in look(document, "m.pmml").rules


ESCAPES = {
    "cut out of a long text": "m[('" + "a" * 4096 + "' ~ '_' ~ '_cla' ~ 'ss_' ~ '_')[4096:]]",
    "cut out of a longer text": "m[('" + "a" * 9000 + "' ~ '_' ~ '_cla' ~ 'ss_' ~ '_')[9000:]]",
    "a repeated text": "m[('a' * 5000 ~ '_' ~ '_cla' ~ 'ss_' ~ '_')[5000:]]",
    "many filters": "m['%c%cclass'|format(95, 95)" + "|string" * 150 + "]",
    "a joined list": "m[(['a'] * 1)|join ~ ('b' * 9000)|replace('b', 'c')]",
}


@pytest.mark.parametrize("name", ESCAPES)
def test_a_name_built_of_more_than_is_followed_is_told(name: str, look: Look) -> None:
    said = look(f"{TURN}{{{{ {ESCAPES[name]} }}}}".encode(), "t.jinja")
    assert said.evidence.skips or "template-escape" in said.rules


@pytest.mark.parametrize("grow", ["a|replace('b', a)", "a|list|join(a)", "a ~ a ~ a", "'%s%s'|format(a, a)"])
def test_what_would_fill_the_memory_is_not_built(grow: str, look: Look) -> None:
    source = f"{TURN}{{% set a = '{'b' * 8000}' %}}{{{{ {grow} }}}}"
    assert look(source.encode(), "t.jinja").evidence.skips


def test_an_honest_template_with_long_texts_is_read(look: Look) -> None:
    source = TURN + "{% set p = '" + "word " * 3000 + "' %}{{ p }}" + "{{ " + " + ".join(["m.role", "'a'"] * 25) + " }}"
    assert not look(source.encode(), "t.jinja").evidence.skips


def test_long_bytes_in_a_pickle_are_looked_into_whole(look: Look) -> None:
    inner = b"\x80\x02X" + struct.pack("<I", 5000) + b"a" * 5000 + b"0" + EVIL
    assert look(pickle.dumps({"a": base64.b64encode(inner)}, 4)).outcome == "malicious"


def test_what_is_written_in_a_string_too_long_to_hold_is_told(look: Look) -> None:
    long = base64.b64encode(b"\x80\x02" + bytes(17 << 20))
    assert look(pickle.dumps({"a": long}, 4)).evidence.skips
    assert look(pickle.dumps({"a": long.decode()}, 4)).evidence.skips
    assert not look(pickle.dumps({"a": "words " * (3 << 20)}, 4)).evidence.skips


LAMBDA = b'"class_name": "Lambda", "config": {"name":"l","function": ["' + b"A" * 40 + b'", null, null]}}'
H5 = b"\x89HDF\r\n\x1a\n\0\0\0\0\0\x08\x08" + bytes(93)


@pytest.mark.parametrize("first", [b'"A": 1, ', b'"1": {}, ', b'"' + b"a" * 300 + b'": 1, ', b'"\xc3\xa9": 1, '])
def test_a_layer_counts_whatever_the_first_key_is(first: bytes, look: Look) -> None:
    assert "keras-lambda" in look(H5 + b"{" + first + LAMBDA + b"\0", "m.h5").rules


@pytest.mark.parametrize("start", [b"{" + b" " * 5000, b'{"' + b"a" * 5000 + b'": 1, '])
def test_a_configuration_that_begins_too_far_off_is_told(start: bytes, look: Look) -> None:
    assert look(H5 + start + LAMBDA + b"\0", "m.h5").evidence.skips


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_code_of_torchscript_beyond_its_bound_is_told(method: int, look: Look) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in (
            ("data.pkl", b"\x80\x02}."),
            ("data/0", b"1"),
            ("constants.pkl", b"\x80\x02)."),
            ("version", b"3"),
        ):
            archive.writestr(f"m/{name}", data)
        archive.writestr("m/code/__torch__.py", b"# pad\n" * 200 + b"def forward(self):\n  import os\n")
    assert look(out.getvalue(), "m.pt", SMALL).evidence.skips
    assert "torchscript-escape" in look(out.getvalue(), "m.pt").rules


def test_more_findings_than_are_listed_inside_a_string_are_told(look: Look) -> None:
    inner = b"\x80\x02" + b"".join(b"cfoo%d\nbar\n0" % n for n in range(1100)) + b"N."
    assert any("more findings" in skip.reason for skip in look(pickle.dumps({"a": inner}, 4)).evidence.skips)


@pytest.mark.parametrize("length", [5, 5000, 60_000])
def test_a_link_to_another_file_counts_however_long_its_own_name_is(length: int, look: Look) -> None:
    value = b"\0/etc/passwd\0/x\0"
    link = b"\x01\x09\x40" + struct.pack("<H", length) + b"n" * length + struct.pack("<H", len(value)) + value
    assert "outside-file" in look(H5 + link + bytes(99), "m.h5").rules


@pytest.mark.parametrize("piece", [b"\n", b"{", b"__class__", b": "])
def test_a_long_text_of_one_piece_comes_to_an_end(piece: bytes, look: Look) -> None:
    assert not look(b"zz " + piece * ((3 << 20) // len(piece)), "x.txt").rules
