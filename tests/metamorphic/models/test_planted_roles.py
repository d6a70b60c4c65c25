"""One role of the allow-list is made wrong at a time: the tests of roles find it, or they would not find a mistake either."""
# ruff: noqa: E501  # one case a line reads as a table

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from secpipe.scan.models.allow import AllowList, shipped_list
from secpipe.scan.models.signatures import Role, Signature
from tests.metamorphic.models.gadgets import SINKS
from tests.metamorphic.models.judging import outcome
from tests.metamorphic.models.writing import Do, Name, Writer
from tests.unit.scan.models.test_roles import HOSTILE, ask, whole

PIPELINE = Do(Name("sklearn.pipeline.Pipeline"), (), "new", state={"steps": SINKS[0]})
CLASS = Do(Name("builtins.next"), ([],))
#: Beside those of the roles' own tests: each entry with something of its own in its role of danger.
CASES = [
    *(Do(Name(f"{module}.newObj"), (CLASS,)) for module in ("sklearn.neighbors._kd_tree", "sklearn.neighbors._ball_tree", "sklearn.neighbors.kd_tree", "sklearn.neighbors.ball_tree", "sklearn.neighbors._dist_metrics", "sklearn.metrics._dist_metrics")),
    *(Do(Name(f"numpy.ma.{name}"), (CLASS, Name("numpy.ndarray"), (0,), "b")) for name in ("core._mareconstruct", "mrecords._mrreconstruct")),
    *(Do(Name(f"numpy.ma.{name}"), (Name("numpy.ndarray"), CLASS, (0,), "b")) for name in ("core._mareconstruct", "mrecords._mrreconstruct")),
    Do(Name("torch._utils._rebuild_wrapper_subclass"), (CLASS, 1)),
    *(Do(Name(f"pandas.core.indexes.{name}"), (CLASS, {})) for name in ("base._new_Index", "datetimes._new_DatetimeIndex", "period._new_PeriodIndex")),
    *(Do(Name(f"pandas.core.indexes.{name}"), (Name("pyarrow.lib.OSFile"), {})) for name in ("base._new_Index", "datetimes._new_DatetimeIndex", "period._new_PeriodIndex")),
    *(Do(Name(f"numpy.random.{name}"), ("x", SINKS[0])) for name in ("__RandomState_ctor", "mtrand.__RandomState_ctor")),
    Do(Name("torch._tensor._rebuild_from_type"), (SINKS[0], Name("torch.Tensor"), ("x",), {})),
    *(Do(Name(f"torch._tensor.{name}"), (Name("builtins.int"), CLASS, ("1",), {})) for name in ("_rebuild_from_type_v2", "_rebuild_from_type")),
    *(Do(Name(path), (PIPELINE, "latin1")) for path in ("codecs.encode", "_codecs.encode", "builtins.bytes", "builtins.bytearray")),
    *(Do(Name(path), ("{x}", "unicode_escape")) for path in ("codecs.encode", "_codecs.encode")),
    Do(Name("builtins.iter"), (PIPELINE,)), Do(Name("builtins.getattr"), (1, "__class__")), Do(Name("builtins.getattr"), (Name("builtins.str"), "__subclasses__")),
    Do(Name("copyreg.__newobj__"), (CLASS,)), Do(Name("copyreg.__newobj_ex__"), (CLASS, (), {})),
    Do(Name("copyreg._reconstructor"), (Name("collections.OrderedDict"), Name("sklearn.pipeline.Pipeline"), None)),
    *(Do(Name("builtins.list"), (Do(Name(path), (Name("builtins.list"), [PIPELINE])),)) for path in ("builtins.map", "builtins.filter")),
    Do(Name("numpy.vectorize"), (Do(Name("builtins.next"), ([],)),)), Do(Name("functools.partial"), (Do(Name("builtins.next"), ([],)),)),
    *(Do(Name(f"builtins.{name}"), (PIPELINE, PIPELINE)) for name in ("map", "filter")),
    *(Do(Name(path), (PIPELINE,)) for path in sorted(shipped_list().roles) if shipped_list().roles[path].forms[0][0].kind == "used"),
]  # fmt: skip


#: Entered as data by mistake: callables that call, import, open or run what they are given, each called as it really is.
ENTERED = {
    "builtins": ["iter", "map", "filter", "eval", "exec", "open", "__import__"],
    "itertools": ["starmap", "groupby", "accumulate", "filterfalse", "takewhile", "dropwhile"],
    "functools": ["reduce"], "heapq": ["nsmallest", "nlargest"], "operator": ["call"], "configparser": ["ConfigParser", "RawConfigParser"],
    "importlib": ["import_module"], "pkgutil": ["resolve_name"], "pydoc": ["locate"], "runpy": ["run_module", "run_path"],
    "timeit": ["timeit"], "profile": ["run"], "io": ["open", "FileIO"], "gzip": ["open"], "bz2": ["open"], "lzma": ["open"],
    "tarfile": ["open"], "zipfile": ["ZipFile"], "tokenize": ["open"], "subprocess": ["Popen", "run", "call", "check_output", "getoutput"],
    "os": ["system", "popen"], "numpy": ["load", "fromfile", "fromfunction"], "pandas": ["read_pickle"],
}  # fmt: skip


def wrong(allow: AllowList) -> Iterator[tuple[str, AllowList]]:
    """Yield the list with one argument of one entry declared as data that is not, each in turn."""
    for path, signature in allow.roles.items():
        for number, form in enumerate(signature.forms):
            for place, role in enumerate(form):
                if role.kind in {"data", "args"}:
                    continue
                changed = (*form[:place], Role("data", None, role.rest), *form[place + 1 :])
                forms = (*signature.forms[:number], changed, *signature.forms[number + 1 :])
                yield f"{path} {place}", dataclasses.replace(allow, roles={**allow.roles, path: Signature(forms)})


def test_the_tests_of_roles_find_roles_that_are_wrong() -> None:
    cases = [*(whole(case) for case in HOSTILE.values()), *(Writer().whole(case) for case in CASES)]
    assert all(outcome(case) != "ok" for case in cases)
    planted = dict(wrong(shipped_list()))
    missed = [
        name for name, allow in planted.items()
        if all(outcome(case, allow=allow) != "ok" for case in cases if name.split(" ")[0].rpartition(".")[2].encode() in case)
    ]  # fmt: skip
    missed = [name for name in missed if not ask([told_wrong(planted[name], name)])["told"]]
    assert len(planted) >= 40
    assert len(missed) <= len(planted) // 20, missed


def told_wrong(allow: AllowList, name: str) -> tuple[str, list[list[str]]]:
    path = name.split(" ")[0]
    return path, [[role.kind for role in form] for form in allow.roles[path].forms]


def test_forty_callables_that_are_entered_as_data_by_mistake_are_found() -> None:
    entered = [f"{module}.{name}" for module, names in ENTERED.items() for name in names]
    assert len(entered) >= 40
    missed = [path for path in entered if not ask([(path, [["data"] * count for count in (1, 2, 3)])])["told"]]
    assert len(missed) <= len(entered) // 20, missed
