"""Every run of the tests has a home and a cache of its own: what the user's machine remembers must not judge them."""

from __future__ import annotations

import os
import shutil
import tempfile

import pytest

from tests.e2e import releases

_FOLDER = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    folder = tempfile.mkdtemp(prefix="secpipe-tests-")
    config.stash[_FOLDER] = folder
    for name in ("HOME", "CACHE"):
        os.environ[f"SECPIPE_{name}"] = os.path.join(folder, name.lower())


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> releases.Build:
    """The release of what the checkout holds, built once; tests that use it share the xdist group "release"."""
    return releases.build(releases.clone(tmp_path_factory.mktemp("release") / "source"))


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(config.stash[_FOLDER], ignore_errors=True)
