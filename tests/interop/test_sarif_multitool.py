"""Microsoft's SARIF Multitool, run with its own rules and GitHub's on what we write: no error and no warning.

`npm install @microsoft/sarif-multitool` (5.7 was used) and put `sarif-multitool` on the PATH.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from secpipe.report import sarif
from tests import skips

REPORTS = Path(__file__).resolve().parents[1] / "data/reports"
TOOL = shutil.which("sarif-multitool")


@pytest.mark.interop
@skips.unless_installed(TOOL, "sarif-multitool is not on the PATH")
@pytest.mark.parametrize("name", ["verdict", "scan"])
@pytest.mark.parametrize("kind", ["Sarif", "Ghas"])
def test_multitool_has_nothing_to_say(name: str, kind: str, tmp_path: Path) -> None:
    document = json.loads((REPORTS / f"{name}.json").read_text())
    (tmp_path / "x.sarif").write_text(sarif.render(document))
    command = [str(TOOL), "validate", str(tmp_path / "x.sarif"), "--rule-kind", kind]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "Analysis completed successfully" in done.stdout
    assert [line for line in done.stdout.splitlines() if ": warning " in line or ": error " in line] == []
