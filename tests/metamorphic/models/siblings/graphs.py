"""TensorFlow and ONNX: operations that leave the graph, data elsewhere."""

# one case a line reads as a table
from __future__ import annotations

from tests.metamorphic.models.siblings.common import case, tag


# ---- 8 TF / ONNX
def graph(*ops):
    return b"".join(tag(1, tag(1, o.encode() + b"_n") + tag(2, o.encode())) for o in ops)


def saved(ops, lib=()):
    g = graph(*ops)
    if lib:
        g += tag(
            2,
            b"".join(
                tag(1, tag(1, tag(1, b"f")) + b"".join(tag(3, tag(1, b"n") + tag(2, o.encode())) for o in lib))
                for _ in [0]
            ),
        )
    return b"\x08\x01" + tag(2, tag(1, tag(4, b"serve")) + tag(2, g))


for n, ops, lib in [
    ("fn_lib_pyfunc", ["Placeholder"], ["EagerPyFunc"]),
    ("savedataset", ["SaveDatasetV2"], []),
    ("snapshot", ["SnapshotDatasetV2"], []),
    ("debugnumeric", ["DebugIdentityV3"], []),
    ("distsave", ["DistributedSave"], []),
    ("printv2file", ["PrintV2"], []),
    ("tpu_compile", ["SaveSlices"], []),
    ("genlib", ["Rpc"], []),
    ("matching", ["MatchingFilesDataset"], []),
]:
    case(
        "8",
        "tf_" + n,
        {"sm/saved_model.pb": saved(ops, lib)},
        {"sm/saved_model.pb": saved(["Placeholder", "MatMul", "Identity"], ["Relu", "StatefulPartitionedCall"])},
    )


def onnx(nodes=b"", init=b"", extra=b""):
    g = tag(1, tag(1, b"x") + tag(2, b"y") + tag(4, b"Relu")) + nodes + tag(2, b"g") + init
    return b"\x08\x08" + tag(7, g) + tag(8, b"\x10\x0d") + extra


def ext(*kv):
    return b"".join(tag(13, tag(1, k) + tag(2, v)) for k, v in kv)


def tens(e):
    return b"\x08\x03\x10\x01" + tag(8, b"w") + e + b"\x70\x01"


good_onnx = {"m.onnx": onnx(init=tag(5, b"\x08\x03\x10\x01" + tag(8, b"w") + tag(9, b"\0" * 12)))}
case(
    "8",
    "onnx_ext_traversal_attr_subgraph",
    {
        "m.onnx": onnx(
            nodes=tag(
                1,
                tag(4, b"If")
                + tag(
                    5,
                    tag(1, b"then_branch")
                    + tag(6, tag(5, tens(ext((b"location", b"../../etc/passwd")))))
                    + b"\xa0\x01\x05",
                ),
            )
        )
    },
    good_onnx,
)
case(
    "8",
    "onnx_ext_unknown_key",
    {"m.onnx": onnx(init=tag(5, tens(ext((b"location", b"w.bin"), (b"basepath", b"/etc")))))},
    good_onnx,
)
case(
    "8", "onnx_sparse_ext", {"m.onnx": onnx(init=tag(15, tag(1, tens(ext((b"location", b"/etc/shadow"))))))}, good_onnx
)
case(
    "8",
    "onnx_function_customop",
    {
        "m.onnx": onnx(
            extra=tag(25, tag(1, b"f") + tag(7, tag(4, b"PyOp") + tag(7, b"ai.onnx.contrib")) + tag(10, b"local"))
        )
    },
    good_onnx,
)
case(
    "8",
    "onnx_training_ext",
    {"m.onnx": onnx(extra=tag(20, tag(1, tag(5, tens(ext((b"location", b"a/../../x")))))))},
    good_onnx,
)
case(
    "10",
    "fingerprint_is_graph",
    {"sm/fingerprint.pb": saved(["PyFunc"])},
    {"sm/fingerprint.pb": b"\x08\x01\x10\x02\x18\x03\x20\x04\x28\x05" + tag(6, b"\x08\x01")},
)
