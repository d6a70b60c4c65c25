"""PyTorch's layouts, written by hand: no torch is needed to know what its files look like."""

# ruff: noqa: E501  # one case a line reads as a table

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable

import pytest

Look = Callable[..., object]


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def tensor(key: str = "0") -> bytes:
    """`_rebuild_tensor_v2(persistent id of a storage, 0, (2, 2), (2, 1), False, OrderedDict())`."""
    storage = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text(key) + text("cpu") + b"K\x04tQ"
    return (
        b"ctorch._utils\n_rebuild_tensor_v2\n("
        + storage
        + b"K\x00K\x02K\x02\x86K\x02K\x01\x86\x89ccollections\nOrderedDict\n)RtR"
    )


STATE = b"\x80\x02ccollections\nOrderedDict\n)R(" + text("w") + tensor() + b"u."
EVIL = b"\x80\x02cposix\nsystem\n" + text("id") + b"\x85R."


def zipped(pickle: bytes, **more: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("m/data.pkl", pickle)
        archive.writestr("m/version", "3\n")
        archive.writestr("m/data/0", b"\0" * 16)
        for name, data in more.items():
            archive.writestr(name, data)
    return out.getvalue()


def legacy(pickle: bytes, tail: bytes = b"\x04" + b"\0" * 7 + b"\0" * 16) -> bytes:
    magic = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
    system = b"\x80\x02}(" + text("little_endian") + b"\x88" + text("protocol_version") + b"M\xe9\x03u."
    return magic + b"\x80\x02M\xe9\x03." + system + pickle + b"\x80\x02](" + text("0") + b"e." + tail


def test_both_layouts_of_an_honest_state_are_ok(look: Look) -> None:
    said = look(zipped(STATE), "m.pt")
    assert (said.format, said.outcome) == ("torch", "ok"), said
    assert look(legacy(STATE), "m.pth").outcome == "ok"
    module = (
        b"\x80\x02ctorch.nn.modules.linear\nLinear\n)\x81}(" + text("weight") + tensor() + text("training") + b"\x88ub."
    )
    assert look(zipped(module), "whole.bin").outcome == "ok"


def test_a_payload_is_found_in_each_pickle_of_both_layouts(look: Look) -> None:
    assert look(zipped(EVIL), "m.pt").outcome == "malicious"
    assert look(legacy(EVIL), "m.pt").outcome == "malicious"
    assert look(zipped(STATE, **{"m/other.bin": EVIL}), "m.pt").outcome == "malicious"
    assert look(zipped(STATE, **{"m/data/1": EVIL}), "m.pt").outcome == "malicious"


def test_a_storage_id_outside_pytorch_is_for_review(look: Look) -> None:
    assert look(STATE, "m.pkl").rules == {"persistent-id"}
    assert look(zipped(b"\x80\x02" + text("http://evil.example") + b"Q."), "m.pt").rules == {"persistent-id"}


def test_a_pickled_storage_is_looked_into(look: Look) -> None:
    def loaded(inner: bytes) -> bytes:
        return b"\x80\x03ctorch.storage\n_load_from_bytes\nB" + struct.pack("<I", len(inner)) + inner + b"\x85R."

    assert look(loaded(legacy(STATE)), "m.pkl").outcome == "ok"
    assert look(loaded(zipped(STATE)), "m.pkl").outcome == "ok"
    assert look(loaded(legacy(EVIL)), "m.pkl").outcome == "malicious"
    assert look(loaded(zipped(EVIL)), "m.pkl").outcome == "malicious"


def test_a_function_that_a_rebuilder_applies_counts_as_called(look: Look) -> None:
    applied = b"\x80\x02ctorch._tensor\n_rebuild_from_type_v2\n(c%s\nctorch\nTensor\n)NtR."
    assert look(zipped(applied % b"torch._utils\n_rebuild_tensor_v2"), "m.pt").outcome == "ok"
    assert "unlisted-call" in look(zipped(applied % b"sklearn.utils\nshuffle"), "m.pt").rules


def patched(data: bytes, signature: bytes, offset: int, value: bytes) -> bytes:
    """Overwrite bytes of the first header that begins with `signature`."""
    at = data.index(signature) + offset
    return data[:at] + value + data[at + len(value) :]


LOCAL, CENTRAL = b"PK\x03\x04", b"PK\x01\x02"
TRICKS: dict[str, tuple[bytes, str]] = {
    "CVE-2025-1944 another name in the local header": (patched(zipped(EVIL), LOCAL, 30, b"m/datx.pkl"), "archive-mismatch"),
    "CVE-2025-1945 an encryption flag that is not true": (patched(zipped(EVIL), CENTRAL, 8, b"\x01\0"), "archive-encrypted"),
    "a flag in the local header only": (patched(zipped(EVIL), LOCAL, 6, b"\x01\0"), "archive-mismatch"),
    "another method in the local header": (patched(zipped(EVIL), LOCAL, 8, b"\x08\0"), "archive-mismatch"),
    "another size in the local header": (patched(zipped(EVIL), LOCAL, 18, b"\x01\0\0\0"), "archive-mismatch"),
    "a wrong checksum in the directory": (patched(zipped(EVIL), CENTRAL, 16, b"\1\2\3\4"), "archive-mismatch"),
    "bytes before the archive": (b"#!/bin/sh\n" + b"x" * 20 + zipped(EVIL), "polyglot"),
    "bytes behind the archive": (zipped(EVIL) + b"tail", "polyglot"),
    "a pickle before the archive": (b"\x80\x02N." + zipped(EVIL), "polyglot"),
    "a legacy file before an archive": (legacy(STATE) + zipped(EVIL), "polyglot"),
    "a directory cut off": (zipped(EVIL)[:-30], "broken-archive"),
    "a path that climbs": (zipped(STATE, **{"../../x": b"1"}), "path-escape"),
    "an absolute path": (zipped(STATE, **{"/etc/x": b"1"}), "path-escape"),
}  # fmt: skip


@pytest.mark.parametrize("case", TRICKS)
def test_tricks_with_the_container_are_named(look: Look, case: str) -> None:
    data, rule = TRICKS[case]
    said = look(data, "m.pt")
    assert rule in said.rules, said
    if EVIL in data:
        assert said.outcome == "malicious", said


def test_a_name_that_stands_twice(look: Look) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("m/data.pkl", STATE)
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("m/data.pkl", EVIL)
    assert look(out.getvalue(), "m.pt").rules >= {"archive-duplicate", "dangerous-call"}


def test_a_member_that_only_a_local_header_names(look: Look) -> None:
    whole = zipped(STATE, **{"m/hidden.pkl": EVIL})
    start = whole.index(CENTRAL)
    last = whole.rindex(CENTRAL)
    end = whole.rindex(b"PK\x05\x06")
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 3, 3, last - start, start, 0)
    said = look(whole[:last] + tail, "m.pt")
    assert end > last
    assert said.outcome == "malicious"
    assert said.rules >= {"archive-mismatch", "dangerous-call"}


@pytest.fixture
def wide(monkeypatch: pytest.MonkeyPatch) -> bytes:
    """An archive as zipfile writes it from 2 GiB on: a Zip64 record, and an end record whose fields are not full."""
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 64)
    data = zipped(STATE)
    assert b"PK\x06\x06" in data
    assert data[-6:-2] != b"\xff\xff\xff\xff"
    return data


def test_an_archive_of_more_than_2_gib_is_ok(look: Look, wide: bytes) -> None:
    said = look(wide, "m.pt")
    assert (said.format, said.outcome, said.rules) == ("torch", "ok", set()), said


def test_two_end_records_that_disagree_are_a_mismatch(look: Look, wide: bytes) -> None:
    place = wide.rindex(b"PK\x05\x06") + 16
    other = struct.pack("<I", int.from_bytes(wide[place : place + 4], "little") - 1)
    assert "archive-mismatch" in look(wide[:place] + other + wide[place + 4 :], "m.pt").rules


def declared(data: bytes, *, said: int = -1, kind: str = "ByteStorage", member: str = "m/data/7") -> bytes:
    """An archive whose data.pkl calls `member` a storage of `said` elements, by default its true size."""
    count = struct.pack("<I", len(data) if said < 0 else said)
    storage = b"(" + text("storage") + f"ctorch\n{kind}\n".encode() + text("7") + text("cpu") + b"J" + count + b"tQ"
    rebuilt = (
        b"ctorch._utils\n_rebuild_tensor_v2\n("
        + storage
        + b"K\x00K\x02\x85K\x01\x85\x89ccollections\nOrderedDict\n)RtR"
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(member, data)  # before the index that names it, as no order is promised
        archive.writestr("m/data.pkl", b"\x80\x02}" + text("w") + rebuilt + b"s.")
        archive.writestr("m/version", "3\n")
    return out.getvalue()


#: How a tensor may begin by chance, each followed by numbers.
FIRST_BYTES = {
    "EXT1": b"\x82\x07", "EXT1 and STOP": b"\x82\x07.", "EXT2": b"\x83\x07\x07", "EXT4": b"\x84\x07\x07\x07\x07",
    "protocol 2": b"\x80\x02", "protocol 4 and a frame": b"\x80\x04\x95", "a call of nothing": b"))R",
    "an object id": b"}Q", "gzip": b"\x1f\x8b\x08", "lzma": b"\x5d\0\0", "npy": b"\x93NUMPY", "a zip": b"PK\x03\x04",
    "tar": b"\1" * 257 + b"ustar", "onnx": b"\x08\x07\x12", "json": b"[1", "macho": b"\xfe\xed\xfa",
    "bzip2": b"BZh9", "marks": b"(" * 4000, "text": b"cab\n1",
}  # fmt: skip


@pytest.mark.parametrize("kind", ["ByteStorage", "BoolStorage", "UntypedStorage"])
@pytest.mark.parametrize("case", FIRST_BYTES)
def test_the_numbers_of_a_declared_storage_are_no_pickle_whatever_they_begin_with(
    look: Look, case: str, kind: str
) -> None:
    said = look(declared(FIRST_BYTES[case] + bytes(range(1, 60)), kind=kind), "m.pt")
    assert (said.format, said.outcome, said.rules) == ("torch", "ok", set()), said
    assert not said.evidence.skips


def test_the_size_of_a_storage_counts_elements_of_its_type(look: Look) -> None:
    for kind, width in (("FloatStorage", 4), ("DoubleStorage", 8), ("HalfStorage", 2), ("BFloat16Storage", 2),
                        ("ComplexDoubleStorage", 16), ("LongStorage", 8), ("QInt32Storage", 4)):  # fmt: skip
        data = b"\x80\x02" + bytes(range(62))
        assert look(declared(data, kind=kind, said=len(data) // width), "m.pt").outcome == "ok", kind
        assert look(declared(data, kind=kind, said=len(data)), "m.pt").rules, kind


EXT_PROVEN = b"\x80\x02\x82\x07."


def test_a_member_that_is_not_declared_or_not_of_its_size_is_judged_as_any_other(look: Look) -> None:
    for data in (EVIL, EXT_PROVEN):
        assert look(declared(data), "m.pt").outcome == ("malicious" if data == EVIL else "ok")
        assert look(declared(data, said=len(data) - 1), "m.pt").outcome == "malicious"
        assert look(declared(data, said=len(data) // 4, kind="FloatStorage"), "m.pt").outcome == "malicious"
        assert look(declared(data, kind="OfWhatStorage"), "m.pt").outcome == "malicious"
        assert look(declared(data, member="m/data/8"), "m.pt").outcome == "malicious"
        assert look(declared(data, member="n/data/7"), "m.pt").outcome == "malicious"
        assert look(declared(data, member="m/7"), "m.pt").outcome == "malicious"


def test_a_pickle_that_is_called_a_storage_is_found_by_the_names_that_it_imports(look: Look) -> None:
    plain = b"cposix\nsystem\n(S'id'\ntR."
    broken = b"\x80\x02cposix\nsystem\n" + text("id") + b"\x85R\xff\xff"
    for data in (EVIL, plain, broken, b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x02id\x85R.", zipped(EVIL)):
        said = look(declared(data), "m.pt")
        assert said.outcome == "malicious", said
        assert said.rules & {"dangerous-call", "dangerous-import"}


def test_a_storage_that_only_a_local_header_names_is_no_storage(look: Look) -> None:
    whole = declared(EXT_PROVEN)
    first, second = whole.index(CENTRAL), whole.index(CENTRAL, whole.index(CENTRAL) + 1)
    end = whole.rindex(b"PK\x05\x06")
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 2, 2, end - second, first, 0)
    assert look(whole[:first] + whole[second:end] + tail, "m.pt").outcome == "malicious"


def test_one_byte_that_could_name_an_extension_is_not_proof_of_a_pickle(look: Look) -> None:
    assert look(b"\x83\xa1a\x01\xa1b\x02\xa1c\x03", "three_keys.msgpack").outcome in {"", "ok"}
    assert look(b"\x82\x07.", "m.pkl").outcome == "malicious"
    assert look(b"\x82\x07(U\x02idtR.", "m.pkl").outcome == "malicious"
    assert look(b"\x82\x07(U\x02idtRnot a pickle to its end", "m.pkl").outcome == "malicious"


def test_a_class_that_a_legacy_file_names_with_its_source_is_that_class(look: Look) -> None:
    def made(path: bytes, call: bytes) -> bytes:
        named = b"(" + text("module") + b"c" + path + b"\n" + text("module.py") + text("class Module: ...") + b"tQ"
        return legacy(b"\x80\x02" + named + call + b".")

    assert look(made(b"torch.nn.modules.linear\nLinear", b")\x81}b"), "m.pth").outcome == "ok"  # type: ignore[attr-defined]
    assert look(made(b"os\nsystem", b"(" + text("id") + b"tR"), "m.pth").outcome == "malicious"  # type: ignore[attr-defined]
    assert look(made(b"sklearn.utils.extmath\nsoftmax", b"(K\x01tR"), "m.pth").outcome == "malicious"  # type: ignore[attr-defined]
