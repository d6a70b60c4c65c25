"""A torch checkpoint is read by the few opcodes that a state dict needs; everything else is refused, nothing is run."""

from __future__ import annotations

import io
import random
import struct
import zipfile
from pathlib import Path

import pytest

from secpipe.cli.main import run
from secpipe.formats import statedict
from tests import skips

np = skips.module("numpy")

from tests.unit.lineage.edges import Array, model, weights  # noqa: E402


def text(word: str) -> bytes:
    return b"X" + struct.pack("<I", len(word)) + word.encode()


def number(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def sizes(values: tuple[int, ...]) -> bytes:
    return b"(" + b"".join(map(number, values)) + b"t"


def tensor(key: str, shape: tuple[int, ...], *, offset: int = 0, strides: tuple[int, ...] | None = None) -> bytes:
    """As torch.save writes it, protocol 2."""
    count = int(np.prod(shape))
    rows = strides or tuple(int(np.prod(shape[place + 1 :])) for place in range(len(shape)))
    storage = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text(key) + text("cpu") + number(count) + b"tQ"
    arguments = b"(" + storage + number(offset) + sizes(shape) + sizes(rows) + b"\x89ccollections\nOrderedDict\n)Rt"
    return b"ctorch._utils\n_rebuild_tensor_v2\n" + arguments + b"R"


def checkpoint(arrays: dict[str, Array], body: bytes | None = None, **extra: bytes) -> bytes:
    rows = b"".join(text(name) + tensor(str(nth), one.shape) for nth, (name, one) in enumerate(arrays.items()))
    pickle = b"\x80\x02ccollections\nOrderedDict\n)R(" + rows + b"u}" + text("_metadata") + b"}sb."
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("archive/data.pkl", pickle if body is None else body)
        archive.writestr("archive/byteorder", b"little")
        for nth, one in enumerate(arrays.values()):
            archive.writestr(f"archive/data/{nth}", one.tobytes())
        for name, data in extra.items():
            archive.writestr(f"archive/{name}", data)
    return made.getvalue()


def test_a_checkpoint_becomes_safetensors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("pytorch_model.bin").write_bytes(checkpoint(model(1)))
    weights(Path("model.safetensors"), model(1))
    assert run(["lineage", "record", "model.safetensors", "--from", "pytorch_model.bin"]) == 0
    assert run(["lineage", "prove", "model.safetensors"]) == 0
    assert "re-derived (convert)" in capsys.readouterr().out
    changed = model(1)
    changed["norm.weight"][5] += 1
    weights(Path("model.safetensors"), changed)
    assert run(["lineage", "record", "model.safetensors", "--from", "pytorch_model.bin"]) == 0
    assert run(["lineage", "prove", "model.safetensors"]) == 1


ONE = {"w": np.arange(6, dtype=np.float32).reshape(2, 3)}
HEAD = b"\x80\x02}("


@pytest.mark.parametrize(
    "body",
    [
        b"\x80\x02cos\nsystem\n" + text("true") + b"\x85R.",
        HEAD + text("w") + b"cbuiltins\neval\nu.",
        HEAD + text("w") + tensor("0", (2, 3), strides=(1, 2)) + b"u.",
        HEAD + text("w") + tensor("0", (2, 3), offset=1) + b"u.",
        HEAD + text("w") + tensor("9", (2, 3)) + b"u.",
        HEAD + text("w") + tensor("0", (2, 2)) + b"u.",
        HEAD + text("w") + tensor("0", (2, 3)) + text("w") + tensor("0", (2, 3)) + b"u.",
        HEAD + text("state") + b"}u.",
        HEAD + text("w") + tensor("0", (2, 3)) + b"u.trailing",
        HEAD + text("w") + tensor("0", (2, 3)),
        b"", b".", b"(.", b"Q.", b"R.", b"\x86.", b"t.", b"h\1.", b"s.", b"u.", b"b.", b"c\n",
        b"X\xff\xff\xff\xff.", b"\x80\x05}.", b"K\1)R.", b"}}}s.", b"}(}}u.", b"(K\1K\1K\1K\1K\1tQ.",
    ],
)  # fmt: skip
def test_anything_else_is_refused_and_never_raises(body: bytes) -> None:
    found = statedict.read(io.BytesIO(checkpoint(ONE, body)))
    assert (found.tensors, len(found.problems)) == ((), 1)


def test_an_honest_one_is_read() -> None:
    data = checkpoint(ONE, HEAD + text("w") + tensor("0", (2, 3)) + b"u.")
    (found,) = statedict.read(io.BytesIO(data)).tensors
    assert (found.name, found.kind, found.shape) == ("w", "F32", (2, 3))
    assert data[found.start : found.start + 24] == ONE["w"].tobytes()


def test_a_packed_or_big_endian_archive_is_refused() -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data.pkl", b"\x80\x02}.")
    assert statedict.read(made).problems
    other = checkpoint(ONE).replace(b"little", b"bigbig")
    assert statedict.read(io.BytesIO(other)).problems


def test_rubbish_gets_an_answer() -> None:
    sample, pick = checkpoint(ONE), random.Random(3)
    for _ in range(1500):
        data = bytearray(sample)
        for _ in range(pick.randrange(1, 6)):
            data[pick.randrange(len(data))] = pick.randrange(256)
        statedict.read(io.BytesIO(bytes(data)))
