"""Honest model files are ok; the same files with something hidden in them are not; what a pack allows, it allows."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest

from secpipe.core.errors import InputError
from secpipe.scan.models.allow import shipped_list, with_extra
from tests.honest.models.files import FILES, pickled
from tests.metamorphic.models.judging import outcome
from tests.metamorphic.models.writing import Do, Name

EVIL = b"cposix\nsystem\n(X\x02\x00\x00\x00idtR."
PANDAS_DATA = Name("statsmodels.base.data.PandasData")


def test_honest_files_are_ok() -> None:
    assert {name for name, data in FILES if outcome(data, name) != "ok"} == set()


def test_an_archive_behind_them_is_found() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("a.pkl", EVIL)
    missed = {name for name, data in FILES if outcome(data + file.getvalue(), name) == "ok"}
    assert missed == set()


def test_a_tensor_whose_numbers_stand_elsewhere_is_not_ok() -> None:
    assert outcome(b"\x08\x01\x10\x01\x6a\x0f\n\x08location\x12\x03../", "input_0.pb") != "ok"


def test_arrays_of_jax_call_nothing_else() -> None:
    made = Do(Name("jax._src.array._reconstruct_array"), (Name("sklearn.utils.extmath.softmax"), (1,), (), {}))
    assert outcome(pickled(made)) == "malicious"


def test_a_pack_allows_what_its_library_writes() -> None:
    summary = Do(Name("statsmodels.iolib.table.SimpleTable"), (), "new", state={"title": "OLS"})
    allow = with_extra(shipped_list(), {"pack:statsmodels"})
    assert outcome(pickled(summary)) == "review"
    assert outcome(pickled(summary), allow=allow) == "ok"
    assert outcome(EVIL, allow=allow) == "malicious"


def test_what_prophet_runs_is_its_own_program() -> None:
    allow = with_extra(shipped_list(), {"pack:prophet"})

    def fitted(program: str) -> bytes:
        return pickled(Do(Name("cmdstanpy.model.CmdStanModel"), (), "new", state={"_exe_file": program}))

    own = "/venv/lib/python3.11/site-packages/prophet/stan_model/prophet_model.bin"
    assert outcome(fitted(own)) == "review"
    assert outcome(fitted(own), allow=allow) == "ok"
    elsewhere = (
        f"//server/share{own}", f"/tmp{own}", f"/var/tmp{own}", f"/venv/../tmp{own}",
        own.replace("/lib/python3.11", ""),
        own.replace("/venv", "/venv/."), "\\\\server" + own.replace("/", "\\"), own.replace("/", "//"),
    )  # fmt: skip
    windows = "C:\\venv\\Lib\\site-packages\\prophet\\stan_model\\prophet_model.bin"
    assert outcome(fitted(windows), allow=allow) == "ok"
    for program in (*elsewhere, "/bin/sh", f".{own}", own + ".sh", f"{own};id", "stan_model/prophet_model.bin"):
        assert outcome(fitted(program), allow=allow) == "malicious", program


def test_letters_that_spell_a_class_are_no_file_name() -> None:
    mean = Name("torchmetrics.aggregation.MeanMetric")
    assert outcome(pickled(Do(mean, tuple("MeanMetric()"), "new"))) == "ok"
    for letters in (("MeanMetric()",), tuple("/etc/passwd"), (*"MeanMetric", "/etc/passwd")):
        assert outcome(pickled(Do(mean, letters, "new"))) == "review"


def _torch_zip(state: Any) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("archive/data.pkl", pickled(state))
        made.writestr("archive/version", "3")
    return file.getvalue()


def test_archives_back_to_back_are_a_checkpoint_if_each_is_harmless() -> None:
    good, evil = _torch_zip({"step": 1}), _torch_zip(Do(Name("os.system"), ("id",)))
    assert outcome(good * 3, "__0_0.distcp") == "ok"
    for parts in ((evil, good), (good, evil), (good, evil, good)):
        assert outcome(b"".join(parts), "__0_0.distcp") == "malicious"
    for other in (good + b"x" + good, b"x" + good + good, EVIL + good):
        assert outcome(other, "__0_0.distcp") != "ok"
    plain = io.BytesIO()
    with zipfile.ZipFile(plain, "w") as made:
        made.writestr("a.txt", "text")
    assert outcome(plain.getvalue() + good, "model.pt") != "ok"


@pytest.mark.parametrize("formula", ["y ~ a + b", "y ~ C(g) * np.log(x) + (a + b):c - 1", "y ~ bs(x, df=4) | z", None])
def test_a_formula_of_names_is_data(formula: str | None) -> None:
    assert outcome(pickled(Do(PANDAS_DATA, (), "new", state={"formula": formula}))) == "ok"


@pytest.mark.parametrize(
    "formula",
    [
        "y ~ __import__('os').system('id')", "y ~ system(x)", "y ~ system (x)", "y ~ a.b", "y ~ np.load(x)",
        "y ~ (x)(y)", "y ~ I(system)(x)", "y ~ [x for x in y]", "y ~ x[0](y)", "y ~ Q('a')", "y ~ xC(a)",
    ],
)  # fmt: skip
def test_a_formula_that_calls_is_code(formula: str) -> None:
    assert outcome(pickled(Do(PANDAS_DATA, (), "new", state={"formula": formula}))) == "malicious"
    hidden = {**{f"a{n}": n for n in range(300)}, "formula": formula}
    assert outcome(pickled(Do(PANDAS_DATA, (), "new", state=hidden))) == "malicious"


def test_a_listed_method_of_an_object_is_bound_and_no_other() -> None:
    def bound(name: str) -> Do:
        return Do(
            Name("functools.partial"), (Do(Name("builtins.getattr"), (Do(Name("random.Random"), ()), name)), 0, 1)
        )

    assert outcome(pickled(bound("gauss"))) == "ok"
    for name in ("__class__", "choice", "seed", "__reduce__"):
        assert outcome(pickled(bound(name))) != "ok", name


def test_a_pack_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(InputError, match="no pack"):
        with_extra(shipped_list(), {"pack:everything"})
