"""The one door for skips: what CI can install is a failure where CI lacks it; all else says why it cannot run here.

`tests/house/test_skips.py` forbids any other way; `tests/conftest.py` lists what was skipped at the end of a run.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from pathlib import Path
from typing import Any, NoReturn

import pytest

#: Set by `.ci/run`, which installs what the registries give.
IN_CI = bool(os.environ.get("SECPIPE_CI"))

_ROOT = Path(__file__).resolve().parents[1]


def module(name: str) -> Any:
    """Return a module that the development lock brings; skip where it is missing, fail in CI."""
    if not IN_CI and importlib.util.find_spec(name.partition(".")[0]) is None:
        pytest.skip(f"the module {name} is not installed", allow_module_level=True)
    return importlib.import_module(name)


def missing(what: str) -> NoReturn:
    """A tool that CI installs is not here."""
    if IN_CI:
        pytest.fail(f"CI lacks it: {what}", pytrace=False)
    pytest.skip(what, allow_module_level=True)


def cannot(why: str) -> NoReturn:
    """This machine cannot run the test, and no registry gives what it takes."""
    pytest.skip(why, allow_module_level=True)


def unless_installed(present: object, what: str) -> pytest.MarkDecorator:
    """Mark tests of a tool that CI installs: skipped where it is missing; in CI they run, and fail."""
    return pytest.mark.skipif(not present and not IN_CI, reason=what)


def unless_possible(possible: object, why: str) -> pytest.MarkDecorator:
    """Mark tests that some machines cannot run: another system, another user, a program that no registry gives."""
    return pytest.mark.skipif(not possible, reason=why)


posix = unless_possible(sys.platform != "win32", "a POSIX system")


def vectors() -> Path:
    """Return the folder of shared test vectors: `SECPIPE_VECTORS`, or `shared/vectors` beside the checkout."""
    return Path(os.environ.get("SECPIPE_VECTORS") or _ROOT.parent / "shared" / "vectors")
