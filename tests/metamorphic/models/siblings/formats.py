"""Arrays, formats that nobody reads, bounds, numbers that look like pickles."""

# ruff: noqa: E501  # one case a line reads as a table
from __future__ import annotations

import gzip
import struct
import zipfile

from tests.metamorphic.models.siblings.common import EVIL, case, pickled, pk, tarred, written, zipped


# ---- 4 npy/h5
def npy(descr, data=b"\0" * 8, ver=1, shape="(1,)"):
    h = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    h = h.ljust(117) + b"\n"
    return (
        b"\x93NUMPY"
        + bytes([ver, 0])
        + (struct.pack("<H", len(h)) if ver == 1 else struct.pack("<I", len(h)))
        + h
        + data
    )


objd = EVIL
for n, d in {
    "O8": "'|O8'",
    "nested_struct": "[('a', [('b', '|O')])]",
    "subarray": "[('a', '|O', (2,))]",
    "escaped": "'\\x4f'",
    "title": "[(('t','a'), 'object_')]",
}.items():
    case("4", "npy_" + n, {"a.npy": npy(d, objd)}, {"a.npy": npy("[('a', '<f4'), ('b', '<i4')]")})
case(
    "4",
    "npz_v3_object",
    {"a.npz": zipped({"arr_0.npy": npy("'O'", objd, 3)})},
    {"a.npz": zipped({"arr_0.npy": npy("'<f8'", b"\0" * 8, 3)})},
)

# ---- 5 unread formats
for ext, magic in {
    "hef": b"\x01HEF",
    "bmodel": b"\x44\x4d\x4f\x44",
    "om": b"IMOD",
    "dlc": None,
    "vmfb": b"\0\0\0\0IREE",
    "mnn": b"\x10\0\0\0",
    "rknn": b"RKNN",
    "axmodel": b"AXMD",
    "mlmodel": b"\x08\x05\x12\x10",
    "engine": b"ftrt\0\0",
    "pte": b"\x24\0\0\0ET12",
    "rds": gzip.compress(b"X\n\0\0\0\3\0\4\1\0\0\3\5\0" + b"\0" * 40),
}.items():
    raw = zipped({"dlc.metadata": b"x", "model.params": b"y"}) if magic is None else magic + bytes(range(256)) * 4
    case("5", "fmt_" + ext, {"m." + ext: raw}, {"notes.txt": b"nothing here"})

# ---- 9 bounds
many = {f"a/{i}.pkl": pickled(list(range(50))) for i in range(6000)}
case(
    "9",
    "zip_many_nested",
    {
        "m.zip": zipped(
            {
                f"{i}.zip": zipped(
                    {f"{j}.pkl": b"\x80\x02]" + b"K\x01a" * 2000 + b"." for j in range(20)}, zipfile.ZIP_DEFLATED
                )
                for i in range(60)
            },
            zipfile.ZIP_DEFLATED,
        )
    },
    {"m.zip": zipped({"a.pkl": pickled([1])})},
)
b = b"\0" * (50 * 1024 * 1024)
pk(
    "9",
    "memo_chain",
    b"\x80\x02" + b")q\x00" + b"".join(b"h\x00h\x00\x86q\x00" for _ in range(200000)) + b".",
    [1, 2, 3],
)


# ---- 10/11 numbers versus pickles
def torchzip(state_pkl, storages, more=()):
    d = {"m/data.pkl": state_pkl, "m/version": b"3\n"}
    d.update({f"m/data/{k}": v for k, v in storages.items()})
    d.update(dict(more))
    return zipped(d)


def tstate(key, n):
    pid = b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX%s%sX\x03\x00\x00\x00cpuK%ct" % (
        struct.pack("<I", len(key)),
        key,
        n,
    )
    return (
        b"\x80\x02}X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n("
        + pid
        + b"QK\x00K%c\x85K\x01\x85\x89ccollections\nOrderedDict\n)RtRs." % n
    )


body = b"\x82\x01" * 20  # begins as the number of an extension
case(
    "10",
    "storage_size_lies",
    {"m.pt": torchzip(tstate(b"0", 5), {"0": EVIL})},
    {"m.pt": torchzip(tstate(b"0", 10), {"0": body})},
)
case(
    "10",
    "undeclared_storage",
    {"m.pt": torchzip(tstate(b"0", 10), {"0": body, "1": EVIL})},
    {"m.pt": torchzip(tstate(b"0", 10), {"0": b"\x82" * 40})},
)
case(
    "10",
    "constants_evil",
    {"m.pt": torchzip(tstate(b"0", 10), {"0": body}, {"m/constants.pkl": EVIL}.items())},
    {"m.pt": torchzip(tstate(b"0", 10), {"0": b"\x84" * 40}, {"m/byteorder": b"little"}.items())},
)


def mp(s):
    return bytes([0xA0 | len(s)]) + s


case(
    "10",
    "msgpack_ext_pickle",
    {"state.msgpack": b"\x81" + mp(b"params") + b"\xc7" + bytes([len(EVIL)]) + b"\x42" + EVIL},
    {"state.msgpack": b"\x81" + mp(b"step") + b"\x05"},
)
case(
    "10",
    "tar_checkpoint_pickle",
    {"checkpoint.tar": tarred({"sys_info": EVIL, "pickle": pickled(1), "tensors": pickled(1)})},
    {"notes.tar": tarred({"a.txt": b"hello"})},
)
case(
    "11",
    "helm_folder_ssti",
    {
        "chart/Chart.yaml": b"apiVersion: v2\nname: x\nversion: 0.1.0\n",
        "chart/templates/chat_template.jinja": b"{{ .Values.x }}\n{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    },
    {
        "chart/Chart.yaml": b"apiVersion: v2\nname: x\nversion: 0.1.0\n",
        "chart/templates/d.yaml": b"a: {{ .Values.x | quote }}\n{{- range .Values.l }}\n- {{ . }}\n{{- end }}\n",
    },
)
case(
    "11",
    "gotemplate_gguf_like",
    {
        "chat_template.json": written(
            {"chat_template": "{{- if .System }}{{ .System }}{{ end }}{{ lipsum.__globals__['os'].popen('id') }}"}
        )
    },
    {"chat_template.json": written({"chat_template": "{% for m in messages %}{{ m['content'] }}{% endfor %}"})},
)
