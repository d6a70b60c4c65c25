"""numpy, scipy, pandas, joblib and the standard library's pickle."""

# ruff: noqa: E501  # one call a line reads as a table
from __future__ import annotations

import collections
import datetime
import decimal
import fractions
import pickle
import random
import uuid
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import scipy.interpolate
import scipy.sparse
import scipy.spatial
import scipy.stats

from tests.honest.models.libraries.kinds import kind

DTYPES = ("float16", "float32", "float64", "int8", "uint8", "int16", "int32", "int64", "bool", "complex64", "S7", "U5")


def numbers(chance: random.Random, dtype: str | None = None) -> np.ndarray:
    """Return an array whose bytes may begin like anything."""
    shape = tuple(chance.randrange(1, 9) for _ in range(chance.randrange(1, 4)))
    made = np.frombuffer(chance.randbytes(int(np.prod(shape)) * 8), dtype="uint64").reshape(shape)
    return (made % 251).astype(dtype or chance.choice(DTYPES))


@kind("numpy.npy", 30)
def npy(folder: Path, chance: random.Random) -> None:
    np.save(folder / "array.npy", numbers(chance))


@kind("numpy.structured", 8)
def structured(folder: Path, chance: random.Random) -> None:
    rows = np.zeros(chance.randrange(1, 9), dtype=[("name", "U8"), ("at", "<M8[s]"), ("v", "<f4", (2,))])
    np.save(folder / "rows.npy", rows)
    (folder / "rows.pkl").write_bytes(pickle.dumps(rows.view(np.recarray), chance.randrange(2, 6)))


@kind("numpy.npz", 12)
def npz(folder: Path, chance: random.Random) -> None:
    write = chance.choice((np.savez, np.savez_compressed))
    write(folder / "weights.npz", **{f"layer{n}": numbers(chance) for n in range(chance.randrange(1, 6))})


@kind("numpy.pickle", 24)
def numpy_pickle(folder: Path, chance: random.Random) -> None:
    value = {"w": numbers(chance), "s": numbers(chance, "float32").ravel()[0], "d": np.dtype(chance.choice(DTYPES))}
    (folder / "numbers.pkl").write_bytes(pickle.dumps(value, chance.randrange(0, 6)))


@kind("numpy.masked", 6)
def masked(folder: Path, chance: random.Random) -> None:
    value = np.ma.masked_array(numbers(chance, "float64"), mask=False)
    (folder / "masked.pkl").write_bytes(pickle.dumps(value, chance.randrange(0, 6)))


@kind("numpy.random", 10)
def generators(folder: Path, chance: random.Random) -> None:
    bits = chance.choice((np.random.PCG64, np.random.MT19937, np.random.Philox, np.random.SFC64, np.random.PCG64DXSM))
    value = [np.random.Generator(bits(chance.randrange(99))), np.random.RandomState(chance.randrange(99))]
    (folder / "generators.pkl").write_bytes(pickle.dumps(value, chance.randrange(2, 6)))


@kind("scipy.sparse", 14)
def sparse(folder: Path, chance: random.Random) -> None:
    form = chance.choice(("csr", "csc", "coo", "lil", "dok", "bsr", "dia"))
    value = scipy.sparse.random(9, 7, 0.3, form, random_state=chance.randrange(99))
    (folder / "sparse.pkl").write_bytes(pickle.dumps(value, chance.randrange(2, 6)))
    if form in ("csr", "csc", "coo"):
        scipy.sparse.save_npz(folder / "sparse.npz", value)


@kind("scipy.stats", 8)
def distributions(folder: Path, chance: random.Random) -> None:
    law = chance.choice(
        (scipy.stats.norm, scipy.stats.gamma(2.0), scipy.stats.uniform(0, 2), scipy.stats.randint(1, 9))
    )
    (folder / "law.pkl").write_bytes(pickle.dumps({"law": law}, chance.randrange(2, 6)))


@kind("pandas.frame", 20)
def frames(folder: Path, chance: random.Random) -> None:
    count = chance.randrange(2, 20)
    frame = pd.DataFrame({
        "number": numbers(chance, "float64").ravel()[:1].repeat(count), "text": [f"row {n}" for n in range(count)],
        "kind": pd.Categorical([chance.choice("abc") for _ in range(count)]),
        "when": pd.date_range("2026-01-01", periods=count, freq=chance.choice(("D", "h"))),
        "maybe": pd.array([None, *range(count - 1)], dtype="Int64"),
    })  # fmt: skip
    if chance.random() < 0.5:
        frame = frame.set_index(["kind", "when"])
    frame.to_pickle(folder / f"frame.pkl{chance.choice(('', '.gz', '.bz2', '.xz'))}")


@kind("pandas.index", 10)
def indexes(folder: Path, chance: random.Random) -> None:
    value = [
        pd.RangeIndex(9), pd.period_range("2026", periods=4, freq="M"), pd.interval_range(0, 4),
        pd.timedelta_range("1D", periods=3), pd.Timestamp("2026-01-01", tz="UTC"), pd.Timedelta("3h"), pd.NaT, pd.NA,
        pd.Series(["a", None], dtype="string"), pd.arrays.SparseArray([0, 0, 1]),
    ]  # fmt: skip
    (folder / "indexes.pkl").write_bytes(pickle.dumps(chance.sample(value, 6), chance.randrange(2, 6)))


@kind("joblib", 20)
def dumped(folder: Path, chance: random.Random) -> None:
    value = {"a": numbers(chance), "b": [numbers(chance, "float32")], "name": "model"}
    joblib.dump(
        value, folder / "model.joblib", compress=chance.choice((0, 3, ("gzip", 3), ("bz2", 3), ("xz", 1), ("lzma", 1)))
    )


@kind("stdlib", 16)
def standard(folder: Path, chance: random.Random) -> None:
    value = {
        "when": datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC), "span": datetime.timedelta(3), "d": decimal.Decimal("1.5"),
        "f": fractions.Fraction(1, 3), "u": uuid.UUID(int=chance.getrandbits(128)), "p": Path("a/b"),
        "o": collections.OrderedDict(a=1), "c": collections.Counter("text"), "dd": collections.defaultdict(list, a=[1]),
        "q": collections.deque([1], 3), "s": {1, 2}, "fs": frozenset("ab"), "r": range(3), "b": bytearray(b"xy"), "z": 1 + 2j,
        "chance": random.Random(chance.randrange(99)), "slice": slice(1, 2), "big": 1 << 90, "bytes": chance.randbytes(40),
    }  # fmt: skip
    (folder / "state.pkl").write_bytes(pickle.dumps(value, chance.randrange(0, 6)))


@kind("pandas.series", 10)
def series(folder: Path, chance: random.Random) -> None:
    made = pd.Series(numbers(chance, "float32").ravel(), name="score")
    made.index = chance.choice(
        (made.index, pd.date_range("2026", periods=len(made)), pd.Index([f"r{n}" for n in range(len(made))]))
    )
    (folder / "series.pkl").write_bytes(pickle.dumps({"s": made, "group": made.describe()}, chance.randrange(2, 6)))


@kind("scipy.interpolate", 8)
def interpolations(folder: Path, chance: random.Random) -> None:
    x = np.arange(9.0)
    made = chance.choice(
        (
            scipy.interpolate.interp1d,
            scipy.interpolate.CubicSpline,
            scipy.interpolate.PchipInterpolator,
            scipy.interpolate.UnivariateSpline,
        )
    )
    (folder / "curve.pkl").write_bytes(pickle.dumps(made(x, x**2), chance.randrange(2, 6)))


@kind("scipy.spatial", 6)
def spaces(folder: Path, chance: random.Random) -> None:
    points = np.random.RandomState(chance.randrange(99)).rand(20, 3)
    (folder / "space.pkl").write_bytes(
        pickle.dumps(chance.choice((scipy.spatial.KDTree, scipy.spatial.cKDTree))(points), chance.randrange(2, 6))
    )
