"""Each rule of the pickle analyser, both ways. Every payload is put together here, opcode by opcode, and never loaded."""
# ruff: noqa: E501, PT018  # one case a line reads as a table

from __future__ import annotations

import base64
import bz2
import collections
import gzip
import io
import lzma
import pickle
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable

import pytest

from secpipe.core.limits import Limits

Look = Callable[..., object]


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def short(value: str) -> bytes:
    return b"\x8c" + bytes([len(value)]) + value.encode()


def payload(module: str = "os", name: str = "system", argument: str = "id") -> bytes:
    """A protocol 2 pickle that calls module.name(argument)."""
    return b"\x80\x02c" + f"{module}\n{name}\n".encode() + text(argument) + b"\x85R."


def stacked(module: str, name: str, arguments: bytes) -> bytes:
    """The same as protocol 4 writes it, without the frame."""
    return b"\x80\x04" + short(module) + short(name) + b"\x93" + arguments + b"R."


DANGEROUS = [
    ("os", "system"), ("posix", "system"), ("nt", "system"), ("subprocess", "Popen"), ("builtins", "eval"), ("builtins", "exec"),
    ("__builtin__", "execfile"), ("runpy", "run_path"), ("importlib", "import_module"), ("socket", "create_connection"),
    ("shutil", "rmtree"), ("urllib.request", "urlopen"), ("pickle", "loads"), ("_pickle", "loads"), ("webbrowser", "open"),
    ("ctypes", "CDLL"), ("pty", "spawn"), ("timeit", "timeit"), ("cProfile", "run"), ("pdb", "run"), ("bdb", "Bdb"),
]  # fmt: skip


@pytest.mark.parametrize(("module", "name"), DANGEROUS, ids=".".join)
def test_a_dangerous_call_is_named_in_plain_words(look: Look, module: str, name: str) -> None:
    said = look(payload(module, name))
    assert said.outcome == "malicious"
    assert said.rules & {"dangerous-call"}
    assert f"{module}.{name}('id')" in said.calls


# Names that no list of bad names has (the published ones are in test_published_bypasses.py).
BYPASSES = {
    "a helper of some installed package": ("somepackage.helpers", "sh"),
    "a function of a known package": ("sklearn.utils._show_versions", "_get_sys_info"),
    "a private function of the standard library": ("_aix_support", "_read_cmd_output"),
    "http.client": ("http.client", "HTTPSConnection"),
    "linecache": ("linecache", "getline"),
    "a file opened by a class": ("numpy", "memmap"),
    "DataSource": ("numpy", "DataSource"),
}


@pytest.mark.parametrize("case", BYPASSES)
def test_what_slips_past_deny_lists_is_caught_by_not_being_listed(look: Look, case: str) -> None:
    module, name = BYPASSES[case]
    assert look(payload(module, name)).outcome in {"malicious", "review"}
    assert look(stacked(module, name, short("id") + b"\x85")).outcome in {"malicious", "review"}


def test_constructing_a_class_of_a_known_package_is_data_and_calling_its_function_is_not(look: Look) -> None:
    made = b"\x80\x02csklearn.linear_model._base\nLinearRegression\n)\x81}" + text("coef_") + b"K\x01sb."
    assert look(made).outcome == "ok"
    called = b"\x80\x02csklearn.linear_model._base\nmake_dataset\n)R."
    assert "unlisted-call" in look(called).rules
    assert look(b"\x80\x02cmycompany.models\nChurn\n)\x81.").rules == {"unlisted-import"}


CRAFTED = {
    "state-on-import by BUILD (modelscan #330)": (b"\x80\x02ccollections\nOrderedDict\n}" + text("__builtins__") + b"K\x01sb.", "state-on-import"),
    "state-on-import by SETITEM": (b"\x80\x02ccollections\nOrderedDict\n" + text("x") + b"K\x01s.", "state-on-import"),
    "state-on-import by SETITEMS": (b"\x80\x02ccollections\nOrderedDict\n(" + text("x") + b"K\x01u.", "state-on-import"),
    "state-on-import by APPENDS": (b"\x80\x02ccollections\nOrderedDict\n(K\x01e.", "state-on-import"),
    "a slot state with a dunder": (b"\x80\x02ccollections\nOrderedDict\n)\x81N}" + text("__class__") + b"K\x01s\x86b.", "attribute-path"),
    "a dunder name": (b"\x80\x02ccollections\n__dict__\n.", "attribute-path"),
    "a dotted name": (b"\x80\x04" + short("numpy") + short("os.system") + b"\x93.", "attribute-path"),
    "getattr of an import": (b"\x80\x02cbuiltins\ngetattr\nccollections\nOrderedDict\n" + text("__init__") + b"\x86R.", "attribute-path"),
    "getattr by a computed name": (b"\x80\x02cbuiltins\ngetattr\n]cbuiltins\nstr\n)R\x86R.", "attribute-path"),
    "EXT1": (b"\x80\x02\x82\x01.", "extension-code"),
    "EXT2": (b"\x80\x02\x83\x01\x00.", "extension-code"),
    "EXT4": (b"\x80\x02\x84\x01\x00\x00\x00.", "extension-code"),
    "a computed name": (b"\x80\x04" + short("os") + b"cbuiltins\nstr\n" + short("system") + b"\x85R\x93.", "computed-name"),
    "a call of a call": (b"\x80\x02cfunctools\npartial\ncbuiltins\nint\n\x85R)R.", "computed-call"),
    "a call of a string": (b"\x80\x02" + text("os.system") + b")R.", "computed-call"),
    "INST": (b"(S'id'\nios\nsystem\n.", "legacy-call"),
    "OBJ": (b"\x80\x02(cos\nsystem\n" + text("id") + b"o.", "legacy-call"),
    "INST of a harmless class": (b"(icollections\nOrderedDict\n.", "legacy-call"),
    "a persistent id as text": (b"Phttp://evil.example\n.", "persistent-id"),
    "a persistent id from the stack": (b"\x80\x02" + text("x") + b"Q.", "persistent-id"),
    "an opcode that straddles its frame": (b"\x80\x04\x95\x03" + b"\0" * 7 + short("abc") + b".", "pickle-structure"),
    "a frame in a frame": (b"\x80\x04\x95\x0b" + b"\0" * 7 + b"\x95\x02" + b"\0" * 7 + b"N.", "pickle-structure"),
    "PROTO in the middle": (b"\x80\x04N0\x80\x02N.", "pickle-structure"),
    "values left over": (b"\x80\x02K\x01K\x02.", "pickle-structure"),
    "data behind STOP": (b"\x80\x02N.#!/bin/sh", "trailing-data"),
    "a second pickle": (b"\x80\x02N." + payload(), "dangerous-call"),
    "a harmless second pickle": (b"\x80\x02N.\x80\x02N.", "several-streams"),
    "no STOP": (b"\x80\x02K\x01", "broken-pickle"),
    "nullifAI: payload, then rubbish": (payload()[:-1] + b"\xff\xff", "broken-pickle"),
    "stack underflow": (b"\x80\x02R.", "broken-pickle"),
    "memo that is not there": (b"\x80\x02h\x07.", "broken-pickle"),
    "a pickle in bytes": (b"\x80\x03C" + bytes([len(payload())]) + payload() + b".", "nested-pickle"),
    "a pickle in base64": (b"\x80\x02" + text(base64.b64encode(payload()).decode()) + b".", "hidden-pickle"),
    "a pickle in hex": (b"\x80\x02" + text(payload().hex()) + b".", "hidden-pickle"),
    "a pickle in zlib in base64": (b"\x80\x02" + text(base64.b64encode(zlib.compress(payload())).decode()) + b".", "hidden-pickle"),
    "a pickle in a latin-1 string": (b"\x80\x02c_codecs\nencode\n" + text(payload().decode("latin-1")) + text("latin1") + b"\x86R.", "nested-pickle"),
    "an encoder to hide with": (b"\x80\x02c_codecs\nencode\n" + text("vq") + text("rot13") + b"\x86R.", "encoded-data"),
    "code": (b"\x80\x02ctypes\nCodeType\n)R.", "code-object"),
    "cloudpickle": (b"\x80\x04" + short("cloudpickle.cloudpickle") + short("_make_function") + b"\x93)R.", "code-object"),
    "type() with three arguments": (b"\x80\x02cbuiltins\ntype\n" + text("X") + b")}\x87R.", "unlisted-call"),
    "an __init__ by copyreg": (b"\x80\x02ccopyreg\n_reconstructor\ncbuiltins\nobject\ncsubprocess\nPopen\nN\x87R.", "dangerous-import"),
    "a class that is not listed, called": (b"\x80\x02cxgboost.tracker\nRabitTracker\n)R.", "unlisted-class"),
}  # fmt: skip


@pytest.mark.parametrize("case", CRAFTED)
def test_crafted_streams_break_their_rule(look: Look, case: str) -> None:
    data, rule = CRAFTED[case]
    said = look(data)
    assert rule in said.rules, said


@pytest.mark.parametrize("case", ["a pickle in bytes", "a pickle in base64", "a pickle in hex", "a pickle in zlib in base64",
                                  "a pickle in a latin-1 string"])  # fmt: skip
def test_what_is_nested_is_judged_itself(look: Look, case: str) -> None:
    said = look(CRAFTED[case][0])
    assert said.outcome == "malicious"
    assert "dangerous-call" in said.rules


HONEST = [
    None, True, 1, -5, 10**30, 1.5, "x", "é\u2028", b"abc", bytearray(b"x"), (1, 2), [1, [2]], {"a": {"b": 1}}, {1, 2}, frozenset({1}), 1 + 2j,
    range(3), slice(1, 2), collections.OrderedDict(a=1), collections.defaultdict(list), collections.deque([1], 3), collections.Counter("aab"),
    list(range(3000)), {str(i): float(i) for i in range(500)}, ValueError("no"), int, len, Ellipsis, type(None), "gASV but no pickle at all",
    "e" * 100, b"\x80\x04 no pickle", b"\x78\x9c no zlib", "deadbeef" * 8, base64.b64encode(bytes(range(200))).decode(),
]  # fmt: skip


@pytest.mark.parametrize("protocol", range(6))
def test_honest_values_of_all_protocols_are_ok(look: Look, protocol: int) -> None:
    for number, value in enumerate(HONEST):
        said = look(pickle.dumps(value, protocol), f"{number}.pkl")
        assert said.outcome == "ok", (value, said)
    assert look(pickle.dumps(HONEST, protocol)).outcome == "ok"


@pytest.mark.parametrize("name", ["notes.txt", "image.png", "model.safetensors", "README", "x.bin", "a.json"])
def test_the_name_of_a_file_means_nothing(look: Look, name: str) -> None:
    for data in (payload(), b"cos\nsystem\n(S'id'\ntR.", zlib.compress(payload()), gzip.compress(payload())):
        assert look(data, name).outcome == "malicious"


@pytest.mark.parametrize(
    "prose",
    [
        b"cat\ndog\nelephant\n",
        b"N.B. this is text\n",
        b"(a) first\n(b) second",
        b"I\nam\n",
        b"import os\n",
        b"]\n}",
        b"0",
        b"Name,Age\nX,1\n",
        b"# title\n",
    ],
)
def test_prose_is_no_pickle(look: Look, prose: bytes) -> None:
    assert look(prose, "notes.txt").format == ""


def zipped(member: str, data: bytes, method: int = zipfile.ZIP_DEFLATED, **more: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        archive.writestr(member, data)
        for name, content in more.items():
            archive.writestr(name, content)
    return out.getvalue()


def tarred(member: str, data: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        info = tarfile.TarInfo(member)
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


CONTAINERS = {
    "zip stored": zipped("data.pkl", payload(), zipfile.ZIP_STORED),
    "zip deflated": zipped("data.pkl", payload()),
    "zip bzip2": zipped("data.pkl", payload(), zipfile.ZIP_BZIP2),
    "zip lzma": zipped("data.pkl", payload(), zipfile.ZIP_LZMA),
    "zip in zip": zipped("inner.zip", zipped("x", payload())),
    "any member name": zipped("README.md", payload()),
    "gzip": gzip.compress(payload()),
    "bzip2": bz2.compress(payload()),
    "xz": lzma.compress(payload()),
    "lzma": lzma.compress(payload(), lzma.FORMAT_ALONE),
    "zlib": zlib.compress(payload()),
    "tar": tarred("model.pkl", payload()),
    "tar.gz": gzip.compress(tarred("model.pkl", payload())),
    "two gzip members": gzip.compress(b"\x80\x02N.") + gzip.compress(payload()),
}


@pytest.mark.parametrize("case", CONTAINERS)
def test_containers_are_opened(look: Look, case: str) -> None:
    said = look(CONTAINERS[case], "artifact.bin")
    assert said.outcome == "malicious" and "dangerous-call" in said.rules, said


def test_a_git_lfs_pointer_is_not_the_model(look: Look) -> None:
    said = look(b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n", "model.pt")
    assert said.outcome != "ok"
    assert [skip.reason for skip in said.evidence.skips] == ["a Git-LFS pointer, not the file itself"]


def test_what_is_unknown_under_a_models_name_is_for_review(look: Look) -> None:
    assert look(b"\x01\x02\x03\xfe" * 10, "model.pt").rules == {"unknown-format"}
    assert look(b"", "model.pkl").outcome == "review"
    assert look(b"7z\xbc\xaf\x27\x1c" + b"\0" * 40, "model.7z").outcome == "review"


def test_additions_of_the_user_allow_a_name_but_never_a_dangerous_one(look: Look) -> None:
    data = payload("mycompany.load", "rebuild")
    assert look(data).outcome == "malicious"
    assert look(data, allow=("mycompany.load.rebuild",)).outcome == "ok"
    assert look(payload(), allow=("os.system", "posix.system")).outcome == "malicious"


def test_bombs_end_in_review_and_not_in_a_hang(look: Look) -> None:
    small = Limits(pickle_stack=10_000, pickle_memo=10_000)
    for body in (
        b"N" + b"2" * 400_000 + b".",
        b"(" * 400_000 + b".",
        b"N" + b"".join(b"r" + struct.pack("<I", i) for i in range(200_000)) + b".",
    ):
        assert look(b"\x80\x02" + body, limits=small).rules & {"resource-limit", "broken-pickle"}
    assert look(b"\x80\x02\x8b" + struct.pack("<I", 1 << 20) + b"\x01" * (1 << 20) + b".").outcome == "ok"
    assert look(b"\x80\x02X" + struct.pack("<I", 0xFFFFFFFF) + b"x.").outcome == "review"
