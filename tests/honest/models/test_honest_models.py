"""Honest model files are ok; the same files with something hidden in them are not; what a pack allows, it allows."""

from __future__ import annotations

import io
import zipfile

import pytest

from secpipe.core.errors import InputError
from secpipe.scan.models.allow import shipped_list, with_extra
from tests.honest.models.files import FILES, pickled
from tests.metamorphic.models.judging import outcome
from tests.metamorphic.models.writing import Do, Name

EVIL = b"cposix\nsystem\n(X\x02\x00\x00\x00idtR."
STATSMODELS = Do(Name("statsmodels.base.data.PandasData"), (), "new", state={"formula": "y ~ a + b"})


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
    allow = with_extra(shipped_list(), {"pack:statsmodels"})
    assert outcome(pickled(STATSMODELS)) == "review"
    assert outcome(pickled(STATSMODELS), allow=allow) == "ok"
    hostile = Do(STATSMODELS.function, (), "new", state={"formula": "y ~ __import__('os').system('id')"})
    assert outcome(pickled(hostile), allow=allow) == "malicious"
    hidden = Do(STATSMODELS.function, (), "new", state={**{f"a{n}": n for n in range(300)}, **hostile.state})
    assert outcome(pickled(hidden), allow=allow) == "malicious"
    assert outcome(EVIL, allow=allow) == "malicious"


def test_a_pack_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(InputError, match="no pack"):
        with_extra(shipped_list(), {"pack:everything"})
