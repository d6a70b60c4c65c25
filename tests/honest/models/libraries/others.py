"""Keras on two backends, Flax and JAX, ONNX, GGUF, SentencePiece, MessagePack."""

# ruff: noqa: E501  # one call a line reads as a table
from __future__ import annotations

import io
import os
import pickle
import random
import subprocess
import sys
from pathlib import Path

import numpy as np

from tests.honest.models.libraries.arrays import numbers
from tests.honest.models.libraries.kinds import kind

KERAS = """
import os, random, sys
os.environ["KERAS_BACKEND"] = sys.argv[2]
import keras
chance = random.Random(int(sys.argv[3]))
layers = keras.layers
model = chance.choice((
    lambda: keras.Sequential([layers.Input((4,)), layers.Dense(3, activation="relu"), layers.Dropout(0.1), layers.Dense(1)]),
    lambda: keras.Sequential([layers.Input((8, 8, 1)), layers.Conv2D(2, 3), layers.BatchNormalization(), layers.Flatten(), layers.Dense(1)]),
    lambda: keras.Sequential([layers.Input((5,)), layers.Embedding(9, 4), layers.LSTM(3), layers.Dense(1)]),
))()
model.compile(chance.choice(("adam", "sgd", "rmsprop")), "mse", metrics=["mae"])
if chance.random() < 0.5:
    import numpy
    model.fit(numpy.zeros((2, *model.input_shape[1:])), numpy.zeros((2, 1)), verbose=0)
model.save(f"{sys.argv[1]}/model.{chance.choice(('keras', 'keras', 'h5'))}")
model.save_weights(f"{sys.argv[1]}/model.weights.h5")
"""


def _keras(folder: Path, chance: random.Random, backend: str) -> None:
    env = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    subprocess.run(
        [sys.executable, "-c", KERAS, str(folder), backend, str(chance.randrange(1 << 30))],
        check=True,
        env=env,
        capture_output=True,
    )


@kind("keras.torch", 5)
def keras_torch(folder: Path, chance: random.Random) -> None:
    _keras(folder, chance, "torch")


@kind("keras.jax", 5)
def keras_jax(folder: Path, chance: random.Random) -> None:
    _keras(folder, chance, "jax")


@kind("flax", 20)
def flaxes(folder: Path, chance: random.Random) -> None:
    from flax import serialization

    state = {
        "params": {
            f"Dense_{n}": {"kernel": numbers(chance, "float32"), "bias": numbers(chance, "float32")}
            for n in range(chance.randrange(1, 5))
        },
        "step": chance.randrange(9),
    }
    (folder / chance.choice(("flax_model.msgpack", "state.msgpack", "checkpoint_3"))).write_bytes(
        serialization.to_bytes(state)
    )


@kind("jax", 8)
def jaxes(folder: Path, chance: random.Random) -> None:
    import jax.numpy as jnp
    import optax

    params = {"w": jnp.asarray(numbers(chance, "float32")), "b": jnp.ones(3)}
    state = optax.adam(0.1).init(params)
    (folder / "params.pkl").write_bytes(pickle.dumps({"params": params, "optimizer": state}, chance.randrange(2, 6)))


@kind("orbax", 3)
def orbaxes(folder: Path, chance: random.Random) -> None:
    import orbax.checkpoint

    orbax.checkpoint.PyTreeCheckpointer().save(folder.absolute() / "orbax", {"w": numbers(chance, "float32")})


@kind("onnx", 12)
def onnxes(folder: Path, chance: random.Random) -> None:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    weight = numbers(chance, "float32").reshape(-1, 1)
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["m"]),
        helper.make_node(chance.choice(("Relu", "Sigmoid", "Tanh")), ["m"], ["y"]),
    ]
    ports = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", size])
        for name, size in (("x", len(weight)), ("y", 1))
    ]
    graph = helper.make_graph(nodes, "g", ports[:1], ports[1:], [numpy_helper.from_array(weight, "w")])
    model = helper.make_model(graph, producer_name="honest")
    if chance.random() < 0.4:
        onnx.save_model(
            model, folder / "model.onnx", save_as_external_data=True, location="model.onnx.data", size_threshold=0
        )
    else:
        onnx.save_model(model, folder / "model.onnx")
    (folder / "test_data_set_0").mkdir()
    (folder / "test_data_set_0/input_0.pb").write_bytes(
        numpy_helper.from_array(numbers(chance, "float32"), "x").SerializeToString()
    )


@kind("gguf", 10)
def ggufs(folder: Path, chance: random.Random) -> None:
    import gguf

    from tests.honest.models.libraries.hubs import TEMPLATES

    writer = gguf.GGUFWriter(folder / "model.gguf", chance.choice(("llama", "qwen2", "gemma")))
    writer.add_block_count(1)
    writer.add_chat_template(chance.choice(list(TEMPLATES.values())))
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(["a", "b", "c"])
    for n in range(3):
        writer.add_tensor(f"blk.{n}.weight", numbers(chance, chance.choice(("float32", "float16"))))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@kind("sentencepiece", 5)
def pieces(folder: Path, chance: random.Random) -> None:
    import sentencepiece

    made = io.BytesIO()
    lines = [f"the {word} of {chance.random()} models is a number" for word in ["price", "cat", "dog", "fox"]] * 5
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines),
        model_writer=made,
        vocab_size=60,
        hard_vocab_limit=False,
        model_type=chance.choice(("unigram", "bpe")),
    )
    (folder / chance.choice(("tokenizer.model", "spiece.model"))).write_bytes(made.getvalue())


@kind("h5py", 8)
def hdf(folder: Path, chance: random.Random) -> None:
    import h5py

    with h5py.File(folder / "data.h5", "w") as file:
        file.create_dataset("w", data=numbers(chance, "float32"), compression=chance.choice((None, "gzip")))
        file.attrs["kind"] = "weights"
        file.create_group("g").create_dataset("x", data=np.arange(5))


@kind("dill", 5)
def dills(folder: Path, chance: random.Random) -> None:
    import dill

    (folder / "data.dill").write_bytes(dill.dumps({"w": numbers(chance, "float32"), "n": [1, 2]}))


@kind("cloudpickle", 5)
def clouds(folder: Path, chance: random.Random) -> None:
    import cloudpickle

    (folder / "data.pkl").write_bytes(cloudpickle.dumps({"w": numbers(chance, "float32"), "n": [1, 2]}))


@kind("msgpack", 6)
def packed(folder: Path, chance: random.Random) -> None:
    import msgpack

    (folder / "state.msgpack").write_bytes(
        msgpack.packb({"w": numbers(chance, "float32").tobytes(), "n": [1, 2.5, None, "text"]})
    )
