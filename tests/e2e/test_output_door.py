"""Every writer of the product before every kind of target: nothing is replaced, followed or lost that should not be."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path

from tests.e2e.namespace import in_private_dev


def test_all_writers_by_all_targets(tmp_path: Path) -> None:
    done = in_private_dev(sys.executable, "-m", "tests.e2e.output_table", str(tmp_path))
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-2000:]
    table = json.loads(done.stdout)
    assert len(table) > 500
    wrong = {case: problem for case, problem in table.items() if problem}
    assert not wrong, "\n".join(f"{case}: {problem}" for case, problem in sorted(wrong.items()))
    assert stat.S_ISCHR(os.lstat("/dev/null").st_mode)
