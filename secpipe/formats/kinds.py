"""What a model is: one table of formats by ending, name and first bytes, for scan, SBOM and gate.

`read` says whether the model scan has a reader for the format. One without is still a model: it must be signed, and
what nobody reads is told. Names are what a format's own library writes; content that shows a format outranks them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Kind:
    """A model format: the endings that promise it, the bytes that begin it, and whether the scan reads it."""

    name: str
    endings: tuple[str, ...] = ()
    begins: tuple[bytes, ...] = ()
    mark: bytes = b""  # at offset 4: the identifier of a FlatBuffers file
    plain: bool = False  # numbers that no loader calls, told by how they begin: the scan has nothing to look for
    read: bool = True
    weights: bool = True  # listed by the SBOM under its name


#: Source: the file formats that each library's documentation names, 2026-11.
TABLE: Final = (
    Kind("safetensors", (".safetensors",)), Kind("gguf", (".gguf",)), Kind("ggml", (".ggml",)),
    Kind("onnx", (".onnx",)),
    Kind("onnxruntime", (".ort",), mark=b"ORTM", read=False),
    Kind("pytorch", (".pt", ".pth", ".ckpt", ".pt2", ".ptl")), Kind("pickle", (".pkl", ".pickle", ".dill")),
    Kind("pickle", (".p", ".bin", ".model", ".pb", ".npy", ".npz"), weights=False),
    Kind("joblib", (".joblib",)), Kind("skops", (".skops",)), Kind("hdf5", (".h5", ".hdf5")),
    Kind("keras", (".keras",)),
    Kind("tflite", (".tflite",)), Kind("coreml", (".mlmodel",)), Kind("pmml", (".pmml",)),
    Kind("catboost", (".cbm",), (b"CBM1",), plain=True), Kind("xgboost-binary", (), (b"binf",), plain=True),
    Kind("fasttext", (".ftz",), (b"\xba\x16\x4f\x2f",), plain=True),
    Kind("llamafile", (".llamafile",)), Kind("torchserve", (".mar",)), Kind("nemo", (".nemo",)),
    Kind("flax", (".msgpack",)),
    Kind("xgboost", (".ubj",)),
    Kind("lightgbm", (".lgb",), (b"tree\nversion=v", b"tree\r\nversion=v")),
    Kind("tensorrt", (".engine", ".plan", ".trt"), (b"ftrt", b"ptrt"), read=False),
    Kind("executorch", (".pte",), mark=b"ET12", read=False),
    Kind("paddle", (".pdparams", ".pdmodel", ".pdiparams", ".pdopt"), read=False),
    Kind("caffe", (".caffemodel",), read=False), Kind("torch7", (".t7",), read=False),
    Kind("rknn", (".rknn",), (b"RKNN",), read=False),
    Kind("mxnet", (".params",), (b"\x12\x01\0\0\0\0\0\0",), read=False),
    Kind("r-data", (".rds", ".rdata"), (b"RDX2\n", b"RDX3\n", b"RDA2\n", b"RDA3\n"),
         read=False, weights=False),
    Kind("tensorflow-meta", (".meta",), read=False, weights=False),
    Kind("mnn", (".mnn",), read=False), Kind("ncnn", (".ncnn",), read=False), Kind("dlc", (".dlc",), read=False),
    Kind("hailo", (".hef",), read=False), Kind("openvino-blob", (".blob",), read=False, weights=False),
    Kind("mlpackage", (".mlmodelc",), read=False), Kind("litert-task", (".task", ".litertlm"), read=False),
    Kind("sophon", (".bmodel",), (b"\x44\x4d\x4f\x44",), read=False), Kind("ascend", (".om",), (b"IMOD",), read=False),
    Kind("iree", (".vmfb",), read=False), Kind("axera", (".axmodel",), read=False),
    Kind("tengine", (".tmfile",), read=False), Kind("kendryte", (".kmodel",), read=False),
    Kind("vitis", (".xmodel",), read=False), Kind("espdl", (".espdl",), read=False),
    Kind("one", (".circle",), mark=b"CIR0", read=False), Kind("rten", (".rten",), (b"RTEN",), read=False),
    Kind("mindspore", (".mindir",), mark=b"MSL2", read=False),
    Kind("mlir-bytecode", (".mlirbc",), (b"ML\xefR",), read=False),
    Kind("neuron", (".neff",), read=False), Kind("vivante", (".nbg",), (b"VPMN",), read=False),
    Kind("tnn", (".tnnmodel",), read=False), Kind("megengine", (".mge",), (b"mgb0",), read=False),
    Kind("horizon", (".hbm",), read=False), Kind("samsung-enn", (".enn", ".nnc"), read=False),
    Kind("tao", (".etlt", ".tlt"), read=False), Kind("uff", (".uff",), read=False),
    Kind("mojo", (".mojo",), read=False),
    Kind("burn", (".mpk",), read=False), Kind("tensorizer", (".tensors",), (b"|TZR|",), read=False),
    Kind("ncnn-param", (), (b"7767517\n",), read=False, weights=False), Kind("paddle-lite", (".nb",), read=False),
    Kind("ggml", (), (b"tjgg", b"lmgg", b"fmgg", b"algg"), read=False, weights=False),
    Kind("julia-hdf5", (".jld2",), (b"HDF5-based Julia Data Format",), read=False, weights=False),
    Kind("java-serialized", (), (b"\xac\xed\0\5",), read=False, weights=False),
    Kind("kenlm", (), (b"mmap lm http://kheafield.com/code",), plain=True),
    Kind("crfsuite", (), (b"lCRF",), plain=True),
    Kind("darknet", (".weights",), read=False, weights=False),
)  # fmt: skip

#: ending -> format, of all that the SBOM lists.
WEIGHTS: Final = {ending: kind.name for kind in TABLE if kind.weights for ending in kind.endings}
#: how it begins -> format, of all that are plain.
PLAIN: Final = {begins: kind.name for kind in TABLE if kind.plain for begins in kind.begins}
#: Endings that promise a model.
ENDINGS: Final = frozenset(ending for kind in TABLE for ending in kind.endings)
_UNREAD: Final = {ending: kind.name for kind in TABLE if not kind.read for ending in kind.endings}
#: Of those without a reader, the ones that their first bytes show.
_SHOWN: Final = tuple(kind for kind in TABLE if not kind.read and (kind.begins or kind.mark))
_BEGINS: Final = tuple(begins for kind in _SHOWN for begins in kind.begins)
_AT_FOUR: Final = frozenset(kind.mark for kind in _SHOWN if kind.mark)
#: Common endings that other things have too: no promise unless the content says so.
_COMMON: Final = frozenset(
    {
        ".meta",
        ".params",
        ".plan",
        ".task",
        ".engine",
        ".blob",
        ".weights",
        ".msgpack",
        ".nb",
        ".mpk",
        ".tensors",
        ".nnc",
    }
)
#: A `.bin` that is text is no model's, unless it is called one: then the weights themselves are elsewhere.
_OF_MODELS: Final = re.compile(
    r"model|weight|adapter|checkpoint|consolidated|embedding|encoder|decoder|optimizer|lora|vae"
)
_VARIABLES: Final = re.compile(r"\.data-\d{5}-of-\d{5}$")
_PLACED: Final = ("__model__", "__params__")  # of Paddle, without an ending
#: Of what is compressed: a model by its name alone.
_BARE: Final = re.compile(
    r"(?:^|[/_-])(?:model|weights?|checkpoint|params|state_dict)\.(?:gz|bz2|xz|lzma|lz4|zst|zlib|z)$"
)
_COMPRESSED: Final = frozenset({
    "gz", "bz2", "xz", "lzma", "lz4", "zst", "zlib", "z", "br", "lz", "lzo", "sz", "snappy",  # compressed
    "gpg", "pgp", "age", "aes", "enc", "b64", "base64",  # encrypted, or written as text
})  # fmt: skip
_PACKED: Final = tuple(f".{ending}" for ending in sorted(_COMPRESSED))


def ending_of(name: str) -> str:
    """Return the lower-case ending of a name with its dot, that of a compression left aside; "" without one."""
    stem, dot, ending = name.rpartition("/")[2].rpartition(".")
    if dot and ending.lower() in _COMPRESSED:
        stem, dot, ending = stem.rpartition(".")
    return f".{ending.lower()}" if dot and stem else ""


def promises(name: str, *, text: bool) -> bool:
    """Tell whether a name promises a model; an ending that other things have too promises nothing of a text."""
    ending = ending_of(name)
    if name.endswith(_PLACED):
        return True
    if not ending and _BARE.search(name.lower()):
        return True
    if ending == ".bin" and text:
        return _OF_MODELS.search(name.lower()) is not None
    return ending in ENDINGS and not (text and ending in _COMMON)


def is_variables(name: str) -> bool:
    """Tell whether a name is that of TensorFlow's file of variables."""
    return _VARIABLES.search(name) is not None


def promises_nothing(name: str, head: bytes) -> bool:
    """Tell, quickly, that neither name nor first bytes are those of a model: `promises` and `unread` then say no."""
    shown = head.startswith(_BEGINS) or head[4:8] in _AT_FOUR
    if shown or ending_of(name) in ENDINGS or ".data-" in name:
        return False
    return not name.endswith(_PLACED) and not (name.lower().endswith(_PACKED) and _BARE.search(name.lower()))


def is_unread(name: str) -> bool:
    """Tell whether only a model of a format that no reader knows has a name of this ending."""
    ending = ending_of(name)
    return ending in _UNREAD and ending not in _COMMON


def unread(name: str, head: bytes, *, text: bool) -> str:
    """Return the format of a model that no reader knows, by content or name; "" for any other file.

    An ending that other things have too promises nothing of a text.
    """
    ending = ending_of(name)
    for kind in _SHOWN:
        begins = head.startswith(kind.begins) if kind.begins else bool(kind.mark) and head[4:8] == kind.mark
        if begins:
            return kind.name
    if is_variables(name):
        return "tensorflow-variables"
    return "" if text and ending in _COMMON else _UNREAD.get(ending, "")
