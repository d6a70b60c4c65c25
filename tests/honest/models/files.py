"""Honest model files of many kinds, made by code: no library is needed, and none of its files is stored."""

# ruff: noqa: E501  # one file a line reads as a table
from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from typing import Any

from tests.metamorphic.models.writing import Do, Name, Writer

#: Name of a file and its bytes.
File = tuple[str, bytes]


def pickled(value: Any) -> bytes:
    return Writer().whole(value)


def floats(count: int, chance: random.Random) -> bytes:
    return struct.pack(f"<{count}f", *(chance.gauss(0, 1) for _ in range(count)))


def arrays(chance: random.Random) -> Iterator[File]:
    """Arrays of every type of number: what stands in them may begin like anything."""
    for descr in (
        "|u1",
        "|i1",
        "<u2",
        "<i4",
        ">i8",
        "<f2",
        "<f4",
        "<f8",
        "<c16",
        "|b1",
        "|S5",
        "<U3",
        "<M8[ns]",
        "<m8[s]",
    ):
        for first in (0x80, 0x82, 0x63, 0x28, 0x8C, chance.randrange(256)):
            data = bytes([first, *(chance.randrange(256) for _ in range(95))])
            header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': (8,), }}".ljust(117).encode() + b"\n"
            yield f"a{first}.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data


def word_vectors(chance: random.Random) -> Iterator[File]:
    """word2vec in binary, with and without line ends, and fastText."""
    for end in (b"", b"\n"):
        for width in (8, 100, 300):
            rows = (b"word%d \0"[:-1] % number + floats(width, chance) + end for number in range(20))
            yield "vectors.bin", b"20 %d\n" % width + b"".join(rows)
    yield "cc.ftz", b"\xba\x16\x4f\x2f\x0c\0\0\0" + floats(99, chance)
    yield "cc.bin", b"\xba\x16\x4f\x2f\x0c\0\0\0" + floats(99, chance)


def sentence_pieces(chance: random.Random) -> Iterator[File]:
    """A SentencePiece model: its pieces, then how it was trained."""

    def piece(text: str, kind: int) -> bytes:
        data = text.encode()
        inner = b"\n" + bytes([len(data)]) + data + b"\x15" + floats(1, chance) + (b"\x18" + bytes([kind])) * (kind > 1)
        return b"\n" + bytes([len(inner)]) + inner

    pieces = [
        piece("<unk>", 2),
        piece("<s>", 3),
        piece("</s>", 3),
        *(piece(f"▁word{number}", 1) for number in range(30)),
    ]
    for name in ("tokenizer.model", "spiece.model", "spm.model"):
        yield name, b"".join(pieces) + b"\x12\x04\x0a\x02ab"


def test_tensors(chance: random.Random) -> Iterator[File]:
    """The inputs and outputs that ONNX models are tested with."""
    for count in (1, 5, 16):
        data = floats(count, chance)
        yield "test_data_set_0/input_0.pb", b"\x08" + bytes([count]) + b"\x10\x01\x4a" + bytes([len(data)]) + data
        yield "output_0.pb", b"\x08" + bytes([count]) + b"\x10\x01\x42\x01x\x4a" + bytes([len(data)]) + data


def arrays_of_jax() -> Iterator[File]:
    state = (1, (3,), Do(Name("numpy.dtype"), ("f4", False, True)), False, b"\0" * 12)
    made = Do(Name("jax._src.array._reconstruct_array"),
              (Name("numpy._core.multiarray._reconstruct"), (Name("numpy.ndarray"), (0,), b"b"), state, {"weak_type": False}))  # fmt: skip
    yield "params.pkl", pickled({"params": {"Dense_0": {"kernel": made}}})
    yield "optimiser.pkl", pickled(Do(Name("optax._src.transform.ScaleByAdamState"), (made, {"params": made}), "new"))


def other_pickles() -> Iterator[File]:
    """What river, lifelines, pandas and gensim put together."""
    yield "river.pkl", pickled(Do(Name("river.linear_model.LogisticRegression"), (), "new",
                                  state={"_weights": Do(Name("river._river_rust.vectordict.VectorDict"), ({"a": 1}, None, None, True))}))  # fmt: skip
    yield "cox.pkl", pickled(Do(Name("lifelines.fitters.coxph_fitter.CoxPHFitter"), (), "new",
                                state={"kind": Do(Name("lifelines.utils.CensoringType"), ("right",))}))  # fmt: skip
    yield (
        "text.pkl",
        pickled(Do(Name("pandas.core.arrays.string_.StringDtype"), ("python", Name("pandas._libs.missing.NA")))),
    )
    yield (
        "doc2vec.model",
        pickled(
            Do(Name("gensim.models.doc2vec.Doc2Vec"), (), "new", state={"x": Name("gensim.utils.call_on_class_only")})
        ),
    )
    yield "search.pkl", pickled(Do(Name("sklearn.model_selection._search.RandomizedSearchCV"), (), "new",
                                   state={"f": Do(Name("functools.partial"), (Name("numpy.power"),), state=(Name("numpy.power"), (2,), {"dtype": Name("numpy.float32")}, None))}))  # fmt: skip


FILES = [
    *arrays(random.Random(1)), *word_vectors(random.Random(2)), *sentence_pieces(random.Random(3)),
    *test_tensors(random.Random(4)), *arrays_of_jax(), *other_pickles(),
]  # fmt: skip
