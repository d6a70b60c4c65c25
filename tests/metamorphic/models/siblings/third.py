"""The third sitting: callables and classes that the first two did not combine, and what a loader makes of bytes."""

# one case a line reads as a table
from __future__ import annotations

import base64
import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile

from tests.metamorphic.models.siblings.common import EVIL, N, array, case, pickled, pk, tarred, zipped
from tests.metamorphic.models.siblings.formats import npy
from tests.metamorphic.models.writing import Do, Writer

LINEAR = "sklearn.linear_model._base.LinearRegression"
OSFILE = N("pyarrow.lib.OSFile")


def pairs(*items):
    """Return a dictionary that is made by a call."""
    return Do(N("builtins.dict"), (list(items),))


# ---- 1 what runs state, and what reaches an object that was there before
ARGPARSER = "\ndef _parse_args(self):\n    __import__('os').system('id')\n"
pk(
    "1",
    "executed_state_by_call",
    Do(N("scipy.stats._continuous_distns.norm_gen"), (), "new", state=pairs(("_parse_arg_template", ARGPARSER))),
    Do(N("scipy.stats._continuous_distns.norm_gen"), (), "new", state={"_ctor_param": {"name": "norm"}}),
)
pk(
    "1",
    "executed_state_ordereddict",
    Do(
        N("scipy.stats._continuous_distns.norm_gen"),
        (),
        "new",
        state=Do(N("collections.OrderedDict"), (), items=(("_parse_arg_template", ARGPARSER),)),
    ),
    Do(N(LINEAR), (), "new", state=Do(N("collections.OrderedDict"), (), items=(("coef_", 1),))),
)
pk(
    "1",
    "executed_state_tuple",
    Do(N("scipy.stats._continuous_distns.norm_gen"), (), "new", state=({"_parse_arg_template": ARGPARSER}, None)),
    Do(N("scipy.stats._continuous_distns.norm_gen"), (), "new", state=({"a": 0}, None)),
)
pk(
    "1",
    "formula_state_by_call",
    Do(N("statsmodels.base.data.PandasData"), (), "new", state=pairs(("formula", "y ~ __import__('os').system('id')"))),
    Do(N("statsmodels.base.data.PandasData"), (), "new", state={"formula": "y ~ x"}),
)
pk(
    "1",
    "cloudpickle_wrapper_sb3",
    Do(
        N("stable_baselines3.common.vec_env.base_vec_env.CloudpickleWrapper"),
        (),
        "new",
        state=Do(N("builtins.bytes"), (list(EVIL),)),
    ),
    Do(N("stable_baselines3.common.running_mean_std.RunningMeanStd"), (), "new", state={"mean": 0}),
)
pk(
    "1",
    "cloudpickle_wrapper_gym",
    Do(
        N("gymnasium.vector.utils.misc.CloudpickleWrapper"),
        (),
        "new",
        state=Do(N("builtins.bytes.fromhex"), (EVIL.hex(),)),
    ),
    Do(N("gymnasium.spaces.discrete.Discrete"), (), "new", state={"n": 3}),
)
pk(
    "1",
    "polars_plan",
    Do(N("polars.lazyframe.frame.LazyFrame"), (), "new", state=b"DSL_VERSION\x01PLPYUDF" + b"\x01" * 40),
    Do(N("polars.datatypes.classes.Int64"), (), "new"),
)
pk("1", "polars_expr", Do(N("polars.expr.expr.Expr"), (), "new", state=b"\xa1cExp\x00PLPYUDF"), {"columns": ["a"]})
pk(
    "1",
    "chainmap_over_global",
    Do(N("collections.ChainMap"), (N("sklearn.metrics._scorer._SCORERS"),), items=(("accuracy", 1),)),
    Do(N("collections.ChainMap"), ({"a": 1},), items=(("b", 1),)),
)
pk(
    "1",
    "userdict_over_global",
    Do(
        N("collections.UserDict"),
        (),
        "new",
        state={"data": N("torch.nn.functional.reduction_table")},
        items=(("x", 1),),
    ),
    Do(N("collections.UserDict"), (), "new", state={"data": {}}),
)
pk(
    "1",
    "userlist_over_global",
    b"\x80\x02ccollections\nUserList\n)\x81}X\x04\x00\x00\x00datactransformers.models.auto.auto_factory\nsearch_order\nsb(K\x01e.",
    Do(N("collections.UserList"), (), "new", state={"data": [1]}),
)
pk(
    "1",
    "setitem_on_tensor",
    Do(N("torch._utils._rebuild_tensor_v2"), (N("torch.FloatStorage"), 0, (1,), (1,), False, None), items=((0, 1),)),
    array(),
)
pk(
    "1",
    "array_interface",
    Do(
        N("numpy._core.multiarray.array"),
        (
            Do(
                N("types.SimpleNamespace"),
                (),
                state={"__array_interface__": {"data": (4096, False), "typestr": "|u1", "shape": (999,), "version": 3}},
            ),
        ),
    ),
    Do(N("types.SimpleNamespace"), (), state={"learning_rate": 1}),
)
pk(
    "1",
    "array_method",
    Do(
        N("numpy._core.multiarray.array"),
        (Do(N("types.SimpleNamespace"), (), state={"__array__": N("sklearn.utils.extmath.softmax")}),),
    ),
    array(),
)
FIELDS = {"a": (Do(N("numpy.dtype"), ("O8", False, True), state=(3, "|", None, None, None, -1, -1, 63)), 1 << 30)}
GOODFIELDS = {"a": (Do(N("numpy.dtype"), ("f4", False, True), state=(3, "<", None, None, None, -1, -1, 0)), 0)}
pk(
    "1",
    "dtype_beyond",
    Do(N("numpy.dtype"), ("V8", False, True), state=(3, "|", None, ("a",), FIELDS, 8, 1, 27)),
    Do(N("numpy.dtype"), ("V4", False, True), state=(3, "|", None, ("a",), GOODFIELDS, 4, 1, 16)),
)
pk(
    "1",
    "generic_alias_getattr",
    Do(Do(N("builtins.getattr"), (Do(N("types.GenericAlias"), (N("torch.Tensor"), ())), "tofile")), ("/tmp/x",)),
    Do(N("types.GenericAlias"), (N("builtins.list"), (N("builtins.int"),))),
)
pk(
    "1",
    "map_unpickle",
    Do(N("builtins.list"), (Do(N("builtins.map"), (N("torch.storage._load_from_bytes"), [EVIL])),)),
    Do(N("builtins.list"), (Do(N("builtins.map"), (N("builtins.int"), ["1"])),)),
)
pk(
    "1",
    "partial_state_call",
    Do(
        N("functools.partial"),
        (N("builtins.list"),),
        state=Do(N("builtins.tuple"), ([N("os.system"), ("id",), {}, None],)),
    ),
    Do(N("functools.partial"), (N("builtins.list"),)),
)
pk(
    "1",
    "reversed_map_chain",
    Do(
        N("collections.deque"),
        (Do(N("itertools.chain"), (Do(N("builtins.map"), (N("numpy.fromfile"), ["/etc/passwd"])),)),),
    ),
    Do(N("collections.deque"), ([1],)),
)
pk(
    "1",
    "filter_none_getattr",
    Do(N("builtins.list"), (Do(N("builtins.map"), (N("builtins.getattr"), [N("torch.Tensor")], ["__init__"])),)),
    {"a": [1]},
)
pk(
    "1",
    "tokenizer_setstate_path",
    Do(N("transformers.models.bert_japanese.tokenization_bert_japanese.MecabTokenizer"), ("/tmp/evil",), "new"),
    Do(N("transformers.models.bert.configuration_bert.BertConfig"), (), "new", state={"hidden_size": 3}),
)

# ---- 2 bytes
pk(
    "2",
    "fromhex",
    Do(N("torch.storage._load_from_bytes"), (Do(N("builtins.bytes.fromhex"), (EVIL.hex(),)),)),
    {"hash": "00ff"},
)
pk(
    "2",
    "translate",
    Do(N("torch.storage._load_from_bytes"), (Do(N("builtins.bytes.translate"), (EVIL[::-1], bytes(range(256)))),)),
    {"a": b"abc"},
)
pk(
    "2",
    "bytearray8",
    b"\x80\x05ctorch.storage\n_load_from_bytes\n\x96" + struct.pack("<Q", len(EVIL)) + EVIL + b"\x85R.",
    b"\x80\x05\x96" + struct.pack("<Q", 3) + b"abc.",
)
pk(
    "2",
    "join_repeat",
    Do(N("torch.storage._load_from_bytes"), (Do(N("builtins.bytes.join"), (b"", [EVIL[:4], EVIL[4:]])),)),
    ["a", "b"],
)
pk(
    "2",
    "itemgetter_slice",
    Do(
        N("torch.storage._load_from_bytes"),
        (
            Do(
                N("builtins.next"),
                (
                    Do(
                        N("builtins.map"),
                        (Do(N("operator.itemgetter"), (Do(N("builtins.slice"), (1, None)),)), [b"x" + EVIL]),
                    ),
                ),
            ),
        ),
    ),
    Do(N("builtins.slice"), (1, None)),
)
pk("2", "memoryview", Do(N("torch.storage._load_from_bytes"), (Do(N("builtins.memoryview"), (EVIL,)),)), {"m": 1})
pk(
    "2",
    "array_frombytes",
    Do(N("torch.storage._load_from_bytes"), (Do(N("array._array_reconstructor"), (N("array.array"), "B", 0, EVIL)),)),
    Do(N("array._array_reconstructor"), (N("array.array"), "B", 0, b"abc")),
)
pk(
    "2",
    "frombuffer",
    Do(
        N("torch.storage._load_from_bytes"),
        (Do(N("numpy._core.numeric._frombuffer"), (EVIL, "u1", (len(EVIL),), "C")),),
    ),
    Do(N("numpy._core.numeric._frombuffer"), (b"abc", "u1", (3,), "C")),
)

# ---- 7 classes whose __new__ opens
pk(
    "7",
    "computed_keywords",
    b"\x80\x04" + Writer().value(OSFILE) + b")" + Writer().value(pairs(("path", "/tmp/x"), ("mode", "w"))) + b"\x92.",
    array(),
)
pk(
    "7",
    "computed_arguments",
    b"\x80\x04" + Writer().value(OSFILE) + Writer().value(Do(N("builtins.tuple"), (["/tmp/x", "w"],))) + b"\x81.",
    array(),
)
pk("7", "path_argument", Do(OSFILE, (Do(N("pathlib.PosixPath"), ("/tmp/x",)), "w"), "new"), array())
pk("7", "nested_argument", Do(N("xgboost.core.DMatrix"), ((((("/etc/passwd",),),),),), "new"), array())
pk("7", "joined_argument", Do(OSFILE, (Do(N("builtins.str.join"), ("/", ["", "tmp", "x"])),), "new"), array())
pk(
    "7",
    "item_argument",
    Do(OSFILE, (Do(N("builtins.next"), (Do(N("builtins.iter"), (["/tmp/x"],)),)),), "new"),
    array(),
)
pk(
    "7",
    "max_argument",
    Do(OSFILE, (Do(N("builtins.max"), (["/tmp/x"],)), Do(N("builtins.min"), (["w"],))), "new"),
    array(),
)
pk("7", "newobj_ex_func", Do(N("copyreg.__newobj_ex__"), (OSFILE, (), pairs(("path", "/tmp/x")))), array())
pk(
    "7",
    "file_descriptor",
    Do(N("torch._C.PyTorchFileReader"), (Do(N("builtins.str"), (b"/etc/passwd", "utf8")),), "new"),
    array(),
)
pk("7", "storage_huge", Do(N("torch.FloatStorage"), (1 << 30,), "new"), array())


# ---- 0 memory and time
def bomb(name, bad, good=None):
    pk("0", "bomb_" + name, bad, array() if good is None else good)


COUNT = Do(N("itertools.count"), ())
ZEROS = Do(N("itertools.repeat"), (0,))
bomb("fraction", Do(N("fractions.Fraction"), ("1e999999999",)), Do(N("fractions.Fraction"), ("1/3",)))
bomb(
    "int_decimal",
    Do(N("builtins.int"), (Do(N("decimal.Decimal"), ("1e99999999",)),)),
    Do(N("decimal.Decimal"), ("1e5",)),
)
bomb("round_negative", Do(N("builtins.round"), (5, -(10**9))), Do(N("builtins.round"), (5, 2)))
bomb(
    "networks",
    Do(N("builtins.list"), (Do(N("ipaddress.IPv4Network"), ("0.0.0.0/0",)),)),
    Do(N("ipaddress.IPv4Network"), ("10.0.0.0/8",)),
)
bomb(
    "next_filter",
    Do(N("builtins.next"), (Do(N("builtins.filter"), (None, ZEROS)),)),
    Do(N("builtins.next"), (Do(N("builtins.iter"), ([1],)),)),
)
bomb(
    "next_islice",
    Do(N("builtins.next"), (Do(N("itertools.islice"), (COUNT, 10**9, None)),)),
    Do(N("itertools.islice"), ([1, 2], 1)),
)
bomb("next_compress", Do(N("builtins.next"), (Do(N("itertools.compress"), (COUNT, ZEROS)),)))
bomb(
    "pow_chain",
    Do(N("builtins.pow"), (Do(N("builtins.pow"), (Do(N("builtins.pow"), (9, 99999)), 99999)), 99999)),
    Do(N("builtins.pow"), (2, 10)),
)
bomb("format_width", b"\x80\x04\x8c\x08builtins\x8c\x0astr.format\x93(\x8c\x06{:>{}}K\x01J\0\xca\x9a\x3btR.")
bomb("void", Do(N("numpy.void"), (10**9,)), Do(N("numpy.void"), (b"abc",)))
bomb("bytes_", Do(N("numpy.bytes_"), (10**9,)), Do(N("numpy.bytes_"), (b"abc",)))
bomb("recarray", Do(N("numpy.recarray"), ((10**5, 10**5), "f8")), Do(N("numpy.recarray"), ((3,), "f8")))
bomb("chararray", Do(N("numpy.chararray"), ((10**9,), 10)))
bomb("reconstruct", Do(N("numpy._core.multiarray._reconstruct"), (N("numpy.ndarray"), (10**5, 10**5), b"d")), array())
bomb("ndarray_new", Do(N("numpy.ndarray"), ((10**5, 10**5),), "new"))
bomb("factorial_twice", Do(N("math.factorial"), (Do(N("math.factorial"), (20,)),)), Do(N("math.factorial"), (5,)))
bomb("sorted_zip", Do(N("builtins.sorted"), (Do(N("builtins.zip"), (COUNT, COUNT)),)))
bomb(
    "dict_enumerate",
    Do(N("builtins.dict"), (Do(N("builtins.enumerate"), (ZEROS,)),)),
    Do(N("builtins.dict"), ([("a", 1)],)),
)
bomb("counter_cycle", Do(N("collections.Counter"), (Do(N("itertools.cycle"), ("ab",)),)))
bomb(
    "orderedkeys",
    Do(N("builtins.set"), (Do(N("itertools.chain"), ([1], Do(N("builtins.map"), (N("builtins.abs"), COUNT)))),)),
)
bomb("replace", Do(N("builtins.str.replace"), ("a" * 9000, "a", "b" * 9000)))
bomb("npy_shape", Do(N("torch.tensor"), (Do(N("builtins.range"), (10**9,)),)))
bomb(
    "bytes_of_int", Do(N("builtins.bytes"), (Do(N("builtins.int"), ("999999999999",)),)), Do(N("builtins.int"), ("3",))
)
bomb("ldexp_int", Do(N("builtins.int"), (Do(N("fractions.Fraction"), (Do(N("decimal.Decimal"), ("1e99999999",)),)),)))

# ---- 4 arrays
for name, descr in {
    "two_strings": "'|' 'O'",
    "comma": "'i4,O'",
    "dict": "{'names': ['a'], 'formats': ['O']}",
    "tuple": "('O', (2,))",
    "twice": "'<f4', 'descr': '|O'",
    "bytes_name": "[('a', 'i4,O')]",
    "order": "'>O8'",
    "raw": "r'O'",
    "long": "[('a', '|O8', 1L)]",
}.items():
    case("4", "npy3_" + name, {"a.npy": npy(descr, EVIL)}, {"a.npy": npy("'<f4'", b"\0" * 4)})
case(
    "4",
    "npy_second_array",
    {"a.npy": npy("'<f4'", b"\0" * 4) + npy("'O'", EVIL)},
    {"a.npy": npy("'<f4'", b"\0" * 4) + npy("'<f8'")},
)
case("4", "npy_pickle_behind", {"a.npy": npy("'<f4'", b"\0" * 4) + EVIL}, {"a.npy": npy("'<f4'", b"\0" * 4)})
case(
    "4",
    "npz_other_name",
    {"a.npz": zipped({"weights": npy("'O'", EVIL)})},
    {"a.npz": zipped({"weights": npy("'<f8'")})},
)
H5 = (
    b"\x89HDF\r\n\x1a\n\0\0\0\0\0\x08\x08\0\x04\0\x10\0\0\0\0\0"
    + b"\0" * 8
    + b"\xff" * 8
    + struct.pack("<Q", 2048)
    + b"\xff" * 8
    + b"\0" * 40
)
case(
    "4",
    "pytables_pickle",
    {"a.h5": (H5 + b"TITLE\0\0\0" + EVIL).ljust(2048, b"\0")},
    {"a.h5": (H5 + b"TITLE\0\0\0(lp1\nS'a'\np2\na.").ljust(2048, b"\0")},
)


# ---- 9 archives
def patched(data, old, new):
    return data.replace(old, new)


def tar_of(name="m.pkl", data=EVIL, fmt=tarfile.PAX_FORMAT, **fields):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=fmt) as made:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        for key, value in fields.items():
            setattr(info, key, value)
        made.addfile(info, io.BytesIO(data))
    return file.getvalue()


def v7(data):
    """Return a tar without the mark of POSIX, with its sum made anew."""
    head = bytearray(data[:512])
    head[257:265] = b"\0" * 8
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head) + data[512:]


OLD = v7(tar_of(fmt=tarfile.USTAR_FORMAT))
GOODTAR = {"model.tar": tarred({"a.txt": b"hello"})}
case("9", "tar_v7", {"model.tar": OLD}, GOODTAR)
case("9", "tar_v7_nemo", {"m.nemo": OLD}, GOODTAR)
case("9", "tar_pax_path", {"m.tar": tar_of("a.txt", pax_headers={"path": "m.pkl"})}, GOODTAR)
case("9", "tar_second", {"m.tar": tarred({"a.txt": b"x"}) + tarred({"m.pkl": EVIL})}, GOODTAR)
case("9", "tar_contiguous", {"m.tar": tar_of(type=tarfile.CONTTYPE)}, GOODTAR)
case("9", "tar_odd_type", {"m.tar": tar_of(type=b"Z")}, GOODTAR)
case(
    "9",
    "tar_bz2",
    {"m.nemo": bz2.compress(tarred({"m.pkl": EVIL}))},
    {"m.tar.bz2": bz2.compress(tarred({"a.txt": b"x"}))},
)
case("9", "tar_v7_gz", {"m.tar.gz": gzip.compress(OLD)}, {"m.tar.gz": gzip.compress(tarred({"a.txt": b"x"}))})
case(
    "9",
    "gzip_two",
    {"m.bin.gz": gzip.compress(b"hello\n") + gzip.compress(EVIL)},
    {"notes.txt.gz": gzip.compress(b"hello\n") + gzip.compress(b"you\n")},
)
case(
    "9",
    "bz2_two",
    {"m.pkl.bz2": bz2.compress(pickled(1)) + bz2.compress(EVIL)},
    {"a.pkl.bz2": bz2.compress(pickled(1))},
)
case(
    "9",
    "xz_two",
    {"m.pkl.xz": lzma.compress(pickled(1)) + lzma.compress(EVIL)},
    {"a.pkl.xz": lzma.compress(pickled(1))},
)
case(
    "9",
    "lzma_other_props",
    {
        "m.pkl.lzma": lzma.compress(
            EVIL, lzma.FORMAT_ALONE, filters=[{"id": lzma.FILTER_LZMA1, "lc": 0, "lp": 0, "pb": 0}]
        )
    },
    {"a.pkl.lzma": lzma.compress(pickled(1), lzma.FORMAT_ALONE)},
)
for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
    case(
        "9",
        f"zip_method_{method}",
        {"m.pt": zipped({"m/data.pkl": EVIL, "m/version": b"3"}, method)},
        {"m.pt": zipped({"m/data.pkl": pickled(1), "m/version": b"3\n"})},
    )
Z = zipped({"m/data.pkl": EVIL, "m/version": b"3"})
case(
    "9",
    "zip_zstd_method",
    {
        "m.zip": Z.replace(b"PK\x03\x04\x14\0\0\0\0\0", b"PK\x03\x04\x14\0\0\0\x5d\0").replace(
            b"PK\x01\x02\x14\x03\x14\0\0\0\0\0", b"PK\x01\x02\x14\x03\x14\0\0\0\x5d\0"
        )
    },
    {"m.zip": zipped({"a.txt": b"x"})},
)
case("9", "zip_folder_data", {"m.zip": zipped({"m.pkl/": EVIL})}, {"m.zip": zipped({"a/": b"", "a/b.txt": b"x"})})
case(
    "9",
    "zip_in_comment",
    {"a.zip": zipped({"a.txt": b"x"})[:-2] + struct.pack("<H", len(Z)) + Z},
    {"a.zip": zipped({"a.txt": b"x"})},
)
case(
    "9",
    "zip_split",
    {"model.zip.001": Z[: len(Z) // 2], "model.zip.002": Z[len(Z) // 2 :]},
    {"notes.001": b"chapter one\n"},
)
case("9", "pkl_base64", {"model.pkl.b64": base64.encodebytes(EVIL * 3)}, {"notes.b64": b"aGVsbG8gd29ybGQ=\n"})
for ending, magic in {
    "br": b"\x8b\x02\x80",
    "lz": b"LZIP\x01",
    "lzo": b"\x89LZO\0\r\n\x1a\n",
    "Z": b"\x1f\x9d\x90",
    "sz": b"\xff\x06\0\0sNaPpY",
    "gpg": b"\x8c\x0d\x04",
    "age": b"age-encryption.org/v1\n\0\x80",
    "aes": b"AES\x02",
    "enc": b"Salted__",
}.items():
    case("5", "packed_" + ending, {"model.pt." + ending: magic + bytes(range(128, 256)) * 2}, {"notes.txt": b"x\n"})
case(
    "5",
    "zstd_skippable",
    {"model.bin.zst": b"\x50\x2a\x4d\x18\x04\0\0\0abcd\x28\xb5\x2f\xfd" + b"\1" * 30},
    {"notes.txt": b"x\n"},
)
case("5", "lz4_legacy", {"model.pkl.lz4": b"\x02\x21\x4c\x18" + b"\1" * 30}, {"notes.txt": b"x\n"})
case(
    "5",
    "sevenzip_behind_exe",
    {"model.bin": b"MZ" + b"\0" * 600 + b"7z\xbc\xaf\x27\x1c\0\4" + b"\1" * 60},
    {"notes.txt": b"x\n"},
)

# ---- 5 formats
for ending, data in {
    "mindir": b"\x08\x01",
    "mslite": b"\x18\0\0\0MSL2",
    "nb": b"\1\0\0\0",
    "mlirbc": b"ML\xefR\1",
    "neff": b"\2\0\0\0",
    "nbg": b"VPMN",
    "tnnmodel": b"\xef\xcd\xab",
    "mge": b"mgb0",
    "mojo": None,
    "ser": b"\xac\xed\0\5sr\0",
    "jld2": b"HDF5-based Julia Data Format, version 0.1.0",
    "dduf": None,
    "mpk": b"\x82\xa8metadata",
    "tensors": b"|TZR|",
    "uff": b"\x08\x01\x10\x02",
    "nnp": None,
    "hbm": b"\0\0HB",
    "ggjt": b"tjgg\3\0\0\0",
}.items():
    raw = (
        zipped({"model.ini": b"[info]\nh2o_version = 3\n", "trees/t00_000.bin": b"\0\1\2"})
        if data is None
        else data + bytes(range(256)) * 3
    )
    case("5", "kind_" + ending, {"m." + ending: raw}, {"notes.txt": b"x\n"})
