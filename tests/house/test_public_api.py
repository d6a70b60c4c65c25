"""What is public is one list, docs/api-public.toml: the code has exactly that, and importing it costs nothing."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
import tomllib
from dataclasses import FrozenInstanceError, fields
from pathlib import Path
from typing import Any

import pytest

import secpipe
from secpipe import api

ROOT = Path(__file__).resolve().parents[2]
PUBLIC: dict[str, Any] = tomllib.loads((ROOT / "docs/api-public.toml").read_text())


@pytest.mark.parametrize("name", PUBLIC["functions"])
def test_a_function_has_the_parameters_that_are_promised(name: str) -> None:
    function = getattr(api, name)
    assert list(inspect.signature(function).parameters) == PUBLIC["functions"][name]
    assert getattr(secpipe, name) is function
    assert inspect.getdoc(function)


@pytest.mark.parametrize("name", PUBLIC["answers"])
def test_an_answer_has_the_members_that_are_promised_and_is_frozen(name: str) -> None:
    kind = getattr(api, name)
    members = {item for item in dir(kind) if not item.startswith("_")}
    assert sorted(members) == PUBLIC["answers"][name]
    assert kind.__dataclass_params__.frozen
    with pytest.raises(FrozenInstanceError):
        setattr(object.__new__(kind), fields(kind)[0].name, None)


def test_errors_end_with_the_promised_exit_codes() -> None:
    assert {name: getattr(api, name).exit_code for name in PUBLIC["errors"]} == PUBLIC["errors"]


def test_nothing_else_is_public() -> None:
    listed = {*PUBLIC["functions"], *PUBLIC["answers"], *PUBLIC["errors"]}
    assert set(api.__all__) == listed
    assert set(secpipe.__all__) == {"__version__", *PUBLIC["functions"]}
    assert importlib.import_module("secpipe.verify").__all__ == PUBLIC["verify"]["names"]


def test_importing_secpipe_imports_no_room_of_it() -> None:
    code = (
        "import sys; before = set(sys.modules); import secpipe;"
        "print(sorted(set(sys.modules) - before)); secpipe.check; print('secpipe.api.checking' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.splitlines() == ["['secpipe', 'secpipe.core', 'secpipe.core.version']", "True"]


def test_an_unknown_name_is_an_attribute_error() -> None:
    for module in (secpipe, api):
        with pytest.raises(AttributeError, match="no attribute 'scan_everything'"):
            _ = module.scan_everything
