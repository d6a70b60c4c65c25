"""Roles: a listed callable that calls, imports or unpickles an argument is judged by what that argument is."""
# ruff: noqa: E501  # one case a line reads as a table

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from secpipe.core.errors import InputError
from secpipe.scan.models.allow import shipped_list
from secpipe.scan.models.signatures import parse

Look = Callable[..., object]
REPOSITORY = Path(__file__).parents[4]


def name(path: str) -> bytes:
    module, _, last = path.rpartition(".")
    return f"c{module}\n{last}\n".encode()


def value(of: object) -> bytes:
    """Opcodes that put a value on the stack: bytes as they are, everything else as the pickler writes it."""
    if isinstance(of, bytes):
        return of
    if isinstance(of, tuple | list):
        return b"(" + b"".join(value(part) for part in of) + (b"t" if isinstance(of, tuple) else b"l")
    if isinstance(of, dict):
        return b"(" + b"".join(value(part) for pair in of.items() for part in pair) + b"d"
    return pickle.dumps(of, 2)[2:-1]


def call(path: str, *arguments: object) -> bytes:
    return name(path) + value(arguments) + b"R"


def new(path: str, *arguments: object) -> bytes:
    return name(path) + value(arguments) + b"\x81"


def whole(*opcodes: bytes) -> bytes:
    return b"\x80\x02" + b"".join(opcodes) + b"."


SINK = name("sklearn.utils.extmath.softmax")  # may be referred to; nothing says that it is harmless to call
ATTRIBUTE = call("functools.partial", name("builtins.getattr"), name("copyreg._reconstructor"), "__globals__")
HOSTILE = {
    "iter calls its first argument": call("builtins.iter", SINK, 0),
    "map": call("builtins.list", call("builtins.map", SINK, [1])),
    "map made by NEWOBJ": call("builtins.list", new("builtins.map", SINK, [1])),
    "filter": call("builtins.list", call("builtins.filter", SINK, [1])),
    "a factory": call("collections.defaultdict", SINK),
    "a factory as its C name": call("_collections.defaultdict", SINK),
    "a partial in a factory": call("collections.defaultdict", call("functools.partial", SINK, 1)),
    "a partial in a partial": call("collections.defaultdict", call("functools.partial", call("functools.partial", SINK), 1)),
    "a partial made by NEWOBJ": call("collections.defaultdict", new("functools.partial", SINK, 1)),
    "a partial of a computed value": call("functools.partial", call("operator.itemgetter", "eval"), {}),
    "a partial that takes an attribute": ATTRIBUTE,
    "a state that changes a partial": call("functools.partial", name("builtins.int")) + value((call("operator.itemgetter", "x"), (), {}, None)) + b"b",
    "a partial that changes after it was lent": call("functools.partial", name("builtins.int")) + b"q\x00" + b"0" + call("collections.defaultdict", b"h\x00") + b"0h\x00" + value((SINK, (), {}, None)) + b"b",
    "ConfigParser": call("configparser.ConfigParser", None, SINK),
    "RawConfigParser": call("configparser.RawConfigParser", None, SINK),
    "Generator": call("numpy.random._pickle.__generator_ctor", "x", SINK),
    "RandomState": call("numpy.random._pickle.__randomstate_ctor", "x", SINK),
    "a bit generator that is none": call("numpy.random._pickle.__bit_generator_ctor", SINK),
    "a constructor lent to another": call("numpy.random._pickle.__generator_ctor", SINK, name("numpy.random._pickle.__bit_generator_ctor")),
    "a tensor subclass": call("torch._tensor._rebuild_from_type_v2", SINK, name("torch.Tensor"), ("x",), {}),
    "a tensor subclass with computed arguments": call("torch._tensor._rebuild_from_type_v2", name("builtins.int"), name("torch.Tensor"), call("builtins.tuple", ["x"]), {}),
    "state for what a call returns": call("torch._tensor._rebuild_from_type_v2", name("builtins.max"), name("torch.Tensor"), (), {}),
    "an import by name": call("numpy.core._ufunc_reconstruct", "antigravity", "fly"),
    "an import by a computed name": call("numpy.core.multiarray._ufunc_reconstruct", call("builtins.str", "os"), "system"),
    "a call of what was imported by name": call("numpy.core._ufunc_reconstruct", "sklearn.utils.extmath", "softmax") + value((1,)) + b"R",
    "a computed class": call("copyreg._reconstructor", call("builtins.next", []), name("builtins.object"), None),
    "a computed base": call("copyreg._reconstructor", name("collections.OrderedDict"), call("builtins.next", []), None),
    "a class of another package": call("pandas.core.indexes.base._new_Index", name("pyarrow.lib.OSFile"), {"path": "x", "mode": "w"}),
    "a computed class of an array": call("numpy.core.multiarray._reconstruct", call("builtins.next", []), (0,), b"U\x01b"),
    "a class by a tree's constructor": call("sklearn.neighbors._kd_tree.newObj", name("os._wrap_close")),
    "a class with a file name": new("pyarrow.lib.OSFile", "a", "w"),
    "a class with a computed file name": new("pyarrow.lib.OSFile", call("builtins.chr", 97)),
    "a class with a path": new("pyarrow.lib.OSFile", call("pathlib.PurePosixPath", "a")),
    "a class with a file name, by copyreg": call("copyreg.__newobj__", name("pyarrow.lib.OSFile"), "a", "w"),
    "a class with keywords, by copyreg": call("copyreg.__newobj_ex__", name("pyarrow.lib.OSFile"), (), {"path": "a", "mode": "w"}),
    "bytes made of numbers": call("torch.storage._load_from_bytes", call("builtins.bytes", [128, 2, 46])),
    "bytes made of a deque": call("torch.storage._load_from_bytes", call("builtins.bytearray", call("collections.deque", [128]))),
    "bytes in UTF-8": call("torch.storage._load_from_bytes", call("_codecs.encode", "cposix\ngetpid\n)R.一", "utf-8")),
    "bytes that begin like nothing": call("torch.storage._load_from_bytes", b"C\x13K\x000cposix\ngetpid\n)R."),
    "bytes joined": call("torch.storage._load_from_bytes", b"cbuiltins\nbytes.join\n" + value((b"C\x00", [])) + b"R"),
    "items of what next returns": call("builtins.next", call("builtins.iter", [])) + value("a") + b"K\x01s",
    "attributes of what max returns": call("builtins.max", [SINK]) + value({"a": 1}) + b"b",
    "attributes of a logger that all share": call("logging.getLogger", "x") + value({"handlers": []}) + b"b",
    "getattr handed on": call("builtins.tuple", [name("builtins.getattr")]),
    "getattr handed on in a state": new("types.SimpleNamespace") + value({"keys": name("torch.storage._load_from_bytes")}) + b"b",
    "an attribute whose name is computed": new("types.SimpleNamespace") + b"}" + call("builtins.str", b"C\x01a", "ascii") + b"K\x01sb",
    "text that scipy runs": new("scipy.stats._continuous_distns.norm_gen") + value({"_parse_arg_template": "import os; os.system('id')"}) + b"b",
    "text that scipy runs, by a default": new("scipy.stats._continuous_distns.norm_gen") + value({"_parse_arg_template": "\ndef _parse_args(self, a=print(1)):\n    return (), 0\n"}) + b"b",
    "text that scipy runs, behind many attributes": new("scipy.stats._continuous_distns.norm_gen") + value({**{f"a{n}": n for n in range(300)}, "_parse_arg_template": "import os"}) + b"b",
    "a keyword that max calls": call("collections.defaultdict", call("functools.partial", name("builtins.max")) + value((name("builtins.max"), (), {"key": SINK}, None)) + b"b"),
    "methods of a library's object": call("builtins.list", new("torch.utils.data.dataloader.DataLoader") + value({"collate_fn": SINK}) + b"b"),
    "methods of a namespace": call("scipy.stats._distn_infrastructure.rv_frozen", new("types.SimpleNamespace"), 1),
    "methods that are replaced": call("scipy.stats._distn_infrastructure.rv_frozen", new("scipy.stats._continuous_distns.norm_gen") + value({"_parse_args": SINK}) + b"b", 1),
    "a class that is made": new("builtins.type", "X", (), {}),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_a_callable_is_judged_by_what_it_does_with_its_arguments(look: Look, case: str) -> None:
    said = look(whole(HOSTILE[case]))
    assert said.outcome in {"malicious", "review"}, said  # type: ignore[attr-defined]


HONEST = {
    "iter over data": call("builtins.iter", [1]),
    "a factory": call("collections.defaultdict", name("builtins.list")),
    "no factory": call("collections.defaultdict", None),
    "a partial in a factory": call("collections.defaultdict", call("functools.partial", name("builtins.int"), "3")),
    "a partial of a function of a library": call("functools.partial", name("numpy.power"), 2) + value((name("numpy.power"), (2,), {}, None)) + b"b",
    "numpy's generators": call("numpy.random._pickle.__generator_ctor", "PCG64", name("numpy.random._pickle.__bit_generator_ctor")),
    "numpy's generators, by class": call("numpy.random._pickle.__generator_ctor", call("numpy.random._pickle.__bit_generator_ctor", name("numpy.random._pcg64.PCG64"))),
    "a function of numpy": call("numpy.core._ufunc_reconstruct", "numpy", "add"),
    "a function of scipy": call("numpy.core.multiarray._ufunc_reconstruct", "scipy.special._ufuncs", "expit"),
    "a parameter": call("torch._tensor._rebuild_from_type_v2", name("torch._utils._rebuild_parameter"), name("torch.nn.parameter.Parameter"), (None, True, None), {}),
    "an index": call("pandas.core.indexes.base._new_Index", name("pandas.core.indexes.base.Index"), {"name": "x"}),
    "a class with numbers": new("optax.transforms._accumulation.EmptyState", 1, (2, [3])),
    "a method of str": b"cbuiltins\nstr.split\n",
    "a tensor in bytes": call("torch.storage._load_from_bytes", b"C\x10" + pickle.dumps([1, 2], 2).ljust(16, b"\0")),
    "a distribution": call("scipy.stats._distn_infrastructure.rv_frozen", new("scipy.stats._continuous_distns.norm_gen") + value({"a": 1}) + b"b", 1),
}  # fmt: skip


@pytest.mark.parametrize("case", HONEST)
def test_the_same_callables_with_what_libraries_give_them_are_data(look: Look, case: str) -> None:
    said = look(whole(HONEST[case]))
    assert said.outcome == "ok", said  # type: ignore[attr-defined]


def test_every_callable_of_the_list_has_roles() -> None:
    data = tomllib.loads((REPOSITORY / "policies/models/pickle.toml").read_text(encoding="utf-8"))
    for table in ("calls", "classes"):
        assert all(parse(roles).forms for roles in data[table])
        assert all(isinstance(names, dict) for names in data[table].values())
    assert all(parse(pattern["roles"]).forms for pattern in data["pattern"])
    assert set(shipped_list().returns) <= set(shipped_list().roles)
    for word in ("date", "called(", ""):
        with pytest.raises(InputError):
            parse(word)


#: Calls every real implementation with objects that tell when they are called; ZoneInfo looks a zone up in its own folder.
CHILD = r"""
import importlib, itertools, json, os, sys
FILLERS = [(filler,) * 9 for filler in (1, "sentinel_module", None, (), [1], int, object)]
FILLERS += [pair for pair in itertools.permutations((1, [1], int), 2)]
told, answer = [], os.dup(1)  # what opens the number 1 closes it
class Sentinel:

    def __init__(self, label): self.label = label
    def __call__(self, *a, **k): told.append(self.label); return 1
    def __iter__(self): return iter(())
    def __index__(self): return 1000
    def __len__(self): return 0
    def __getitem__(self, key): raise IndexError
def hook(event, args):
    if not armed or current.startswith("zoneinfo."): return
    if event in {"open", "os.system", "subprocess.Popen"} and "sentinel" in str(args): told.append(current)
    if event == "exec" and getattr(args[0], "co_filename", "") == "<string>": told.append(current)
class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if armed and name.startswith("sentinel_module"): told.append(current)
sys.meta_path.insert(0, Finder)
armed, current = False, ""
sys.addaudithook(hook)
missing = 0
for path, forms in json.loads(sys.stdin.read()):
    module, _, name = path.rpartition(".")
    try:
        target = importlib.import_module(module)
        for part in name.split("."): target = getattr(target, part)
    except Exception:
        missing += 1
        continue
    for roles in forms:
        for fillers in FILLERS:
            for place, role in enumerate(roles):
                if role != "data" or len(roles) - 1 > len(fillers): continue
                current, armed = f"{path} argument {place}", True
                others = iter(fillers)
                arguments = [None if at == place else next(others) if other == "data" else int for at, other in enumerate(roles)]
                arguments[place] = Sentinel(current)
                try:
                    made = target(*arguments)
                    if hasattr(made, "__next__") and name not in {"count", "cycle", "repeat"}:
                        for _, _ in zip(range(3), made): pass
                except BaseException: pass
                arguments[place] = "sentinel_module"
                try: target(*arguments)
                except BaseException: pass
                armed = False
os.write(answer, b"\n" + json.dumps({"told": sorted(set(told)), "missing": missing}).encode())
"""


def _declared(only: frozenset[str] | None = None) -> Iterator[tuple[str, list[list[str]]]]:
    for path, signature in shipped_list().roles.items():
        forms = [[role.kind for role in form if not role.rest] for form in signature.forms]
        rests = [form[-1].kind if form[-1].rest else None for form in signature.forms]
        longer = [
            form + [rest] * count for form, rest in zip(forms, rests, strict=True) for count in range(1, 4) if rest
        ]
        if only is None or path in only:
            yield path, forms + longer  # type: ignore[misc]


def ask(declared: list[tuple[str, list[list[str]]]]) -> dict[str, object]:
    import json

    with tempfile.TemporaryDirectory() as folder:  # what is called may write
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", CHILD], cwd=folder, env={**os.environ, "PYTHONPATH": ""},
            input=json.dumps(declared), capture_output=True, text=True, errors="replace", timeout=300,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def test_no_real_implementation_calls_or_imports_what_is_declared_as_data() -> None:
    said = ask(list(_declared()))
    assert said["told"] == []
    assert int(str(said["missing"])) < len(shipped_list().roles) / 2


WRONG = [
    ("builtins.iter", [["data", "data"]]), ("builtins.map", [["data", "data"]]), ("builtins.filter", [["data", "data"]]),
    ("configparser.ConfigParser", [["data", "data"]]), ("configparser.RawConfigParser", [["data", "data"]]),
    ("importlib.import_module", [["data"]]), ("functools.reduce", [["data", "data"]]), ("builtins.open", [["data"]]),
    ("builtins.eval", [["data"]]), ("itertools.starmap", [["data", "data"]]), ("itertools.groupby", [["data", "data"]]),
]  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong[0])
def test_a_role_that_is_declared_wrongly_is_found(wrong: tuple[str, list[list[str]]]) -> None:
    assert ask([wrong])["told"] != []


def test_a_partial_as_python_pickles_it_is_ok(look: Look) -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert look(pickle.dumps(partial(int, base=2), protocol)).outcome == "ok"  # type: ignore[attr-defined]
