"""Every run of the tests has a home and a cache of its own: what the user's machine remembers must not judge them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.e2e import releases

_FOLDER = pytest.StashKey[str]()
_TOOLS = Path(__file__).resolve().parents[1] / ".tools" / "bin"

# How fast a machine is, is no property of the code: no example has a deadline, and no generator is too slow.
# Examples are the same in each run, so that a change is judged by what it changed; `explore` (`make slow`,
# `make steady`) looks at others.
settings.register_profile(
    "repeat", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True, print_blob=True
)
settings.register_profile("explore", settings.get_profile("repeat"), derandomize=False, database=None)
settings.load_profile(os.environ.get("SECPIPE_EXAMPLES", "repeat"))


def pytest_configure(config: pytest.Config) -> None:
    folder = tempfile.mkdtemp(prefix="secpipe-tests-")
    config.stash[_FOLDER] = folder
    for name in ("HOME", "CACHE"):
        os.environ[f"SECPIPE_{name}"] = os.path.join(folder, name.lower())
    if _TOOLS.is_dir() and str(_TOOLS) not in os.environ["PATH"].split(os.pathsep):
        os.environ["PATH"] += os.pathsep + str(_TOOLS)  # what `make tools` fetched; behind what the machine has


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> releases.Build:
    """The release of what the checkout holds, built once; tests that use it share the xdist group "release"."""
    return releases.build(releases.clone(tmp_path_factory.mktemp("release") / "source"))


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(config.stash[_FOLDER], ignore_errors=True)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Close the run with what it left out, and why."""
    reports = terminalreporter.stats.get("skipped", [])
    reasons = Counter(
        str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr).removeprefix("Skipped: ")
        for report in reports
    )
    if reasons:
        terminalreporter.section(f"{len(reports)} not run, and why")
        for reason, count in sorted(reasons.items()):
            terminalreporter.line(f"{count:4}  {reason}")
