"""Honest files of the libraries people use, made when the test runs: all of them must come out ok."""

# ruff: noqa: E501  # one case a line reads as a table

from __future__ import annotations

import array
import collections
import datetime
import decimal
import enum
import fractions
import functools
import http
import ipaddress
import logging
import operator
import pathlib
import pickle
import random
import re
import types
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from secpipe.scan.models.scan import scan
from secpipe.system.tree import open_tree
from tests import skips


def standard() -> Iterator[tuple[str, Any]]:
    now = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
    yield (
        "collections",
        [collections.OrderedDict(a=1), collections.Counter("aab"), collections.deque([1], 2), collections.ChainMap({})],
    )
    yield "defaultdict", collections.defaultdict(list, a=[1])
    yield "users", [collections.UserDict(a=1), collections.UserList([1]), collections.UserString("x")]
    yield (
        "time",
        [now, now.date(), now.time(), datetime.timedelta(1), datetime.timezone(datetime.timedelta(hours=1), "X")],
    )
    yield "numbers", [decimal.Decimal("1.5"), fractions.Fraction(1, 3), 1 + 2j, 10**50, -(10**30)]
    yield "context", decimal.getcontext()
    yield "uuid", uuid.UUID(int=5)
    yield "paths", [pathlib.PurePosixPath("/a"), pathlib.PureWindowsPath("c:/a")]
    yield "enums", [http.HTTPStatus.OK, re.I | re.M]
    yield "functions", [functools.partial(int, base=2), operator.itemgetter(1), len, max, print]
    yield "regex", re.compile("a.*b", re.I)
    yield "addresses", [ipaddress.ip_address("1.2.3.4"), ipaddress.ip_network("10.0.0.0/8")]
    yield "random", random.Random(1)
    yield "names", types.SimpleNamespace(a=1)
    yield "array", array.array("d", [1.0, 2.0])
    yield "logger", logging.getLogger("x")
    yield "errors", [ValueError("x"), KeyError("k"), OSError(2, "no"), UnicodeDecodeError("utf8", b"x", 0, 1, "r")]
    yield "types", [int, type(None), Ellipsis, NotImplemented, collections.OrderedDict, enum.Enum]
    yield "bytes", [b"\x80\x04\x95 not a pickle", bytearray(b"abc"), bytes(range(256))]
    yield "tables", {"rows": [(i, str(i), i * 0.5) for i in range(2000)], "name": "gAS" * 20}


def scientific() -> Iterator[tuple[str, Any]]:
    np = skips.module("numpy")
    yield "floats", np.arange(10.0)
    yield "text", np.array(["a", "bb"])
    yield "objects", np.array([1, "a", None], dtype=object)
    yield "records", np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")])
    yield "masked", np.ma.array([1, 2], mask=[0, 1])
    yield "dates", np.array(["2020-01-01"], "M8[D]")
    yield "generator", np.random.default_rng(0)
    yield "state", np.random.RandomState(0)
    yield "scalars", [np.float32(1), np.int64(2), np.bool_(True), np.dtype("f8")]
    yield "ufuncs", [np.add, np.mean]


def frames() -> Iterator[tuple[str, Any]]:
    pd = skips.module("pandas")
    index = pd.date_range("2020", periods=3, tz="UTC")
    yield "frame", pd.DataFrame({"a": [1, 2], "b": ["x", "y"], "c": [1.5, None]})
    yield "category", pd.Series(["a", "b"], dtype="category")
    yield "zoned", pd.Series(range(3), index=index)
    yield "multi", pd.DataFrame({"a": [1, 2]}, index=pd.MultiIndex.from_tuples([(1, "a"), (2, "b")]))
    yield "period", pd.period_range("2020", periods=2, freq="M")
    yield "intervals", pd.interval_range(0, 2)
    yield (
        "nullable",
        pd.DataFrame({"i": pd.array([1, None], dtype="Int64"), "s": pd.array(["a", None], dtype="string")}),
    )
    yield "scalars", [pd.Timestamp("2020"), pd.Timedelta("1d"), pd.NaT, pd.NA, pd.offsets.MonthEnd(2)]


def estimators() -> Iterator[tuple[str, Any]]:
    skips.module("sklearn")
    np = skips.module("numpy")
    from sklearn.cluster import KMeans
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression, SGDClassifier
    from sklearn.neighbors import KDTree, KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
    from sklearn.svm import SVC

    rng = np.random.default_rng(0)
    x, y = np.abs(rng.random((60, 4))), np.arange(60) % 2
    made = [
        LogisticRegression(), SGDClassifier(), SVC(), KMeans(2, n_init=1), KNeighborsClassifier(), RandomForestClassifier(3),
        GradientBoostingClassifier(n_estimators=3), HistGradientBoostingClassifier(max_iter=3),
        make_pipeline(FunctionTransformer(np.log1p), StandardScaler(), SVC()),
    ]  # fmt: skip
    for number, estimator in enumerate(made):
        yield f"{number}{type(estimator).__name__}", estimator.fit(x, y)
    yield "columns", ColumnTransformer([("a", StandardScaler(), [0, 1]), ("b", OneHotEncoder(), [2])]).fit(x)
    yield "tree", KDTree(x)


@pytest.mark.parametrize("source", [standard, scientific, frames, estimators], ids=lambda source: source.__name__)
def test_honest_files_are_ok(tmp_path: Path, source: Any) -> None:
    count = 0
    for name, value in source():
        for protocol in range(6):
            (tmp_path / f"{name}.{protocol}.pkl").write_bytes(pickle.dumps(value, protocol))
            count += 1
        if source is not standard:
            count += _with_joblib(tmp_path / name, value)
    evidence = scan(open_tree(tmp_path))
    files = evidence.facts["files"]
    assert len(files) == count
    assert {path: facts for path, facts in files.items() if facts["outcome"] != "ok"} == {}, evidence.findings
    assert not evidence.skips


def _with_joblib(path: Path, value: Any) -> int:
    joblib = skips.module("joblib")
    made = 0
    for ending in (".joblib", ".z", ".gz", ".bz2", ".xz", ".lzma"):
        try:
            joblib.dump(value, f"{path}{ending}")
        except NotImplementedError:  # joblib cannot write masked arrays
            Path(f"{path}{ending}").unlink(missing_ok=True)
            continue
        made += 1
    return made


def test_arrays_in_numpys_own_files_are_ok(tmp_path: Path) -> None:
    np = skips.module("numpy")
    np.save(tmp_path / "floats.npy", np.arange(5.0))
    np.save(tmp_path / "objects.npy", np.array([1, "a"], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "both.npz", a=np.arange(5), b=np.array(["x"]))
    np.savez_compressed(tmp_path / "packed.npz", a=np.zeros((1000, 100)))
    files = scan(open_tree(tmp_path)).facts["files"]
    assert {name: facts["outcome"] for name, facts in files.items()} == dict.fromkeys(files, "ok")
    assert len(files) == 4
