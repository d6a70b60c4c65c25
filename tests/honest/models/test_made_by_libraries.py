"""Honest files that the real libraries made: a stored set of nearly every kind, and the whole of `make honest`."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

from secpipe.scan.models.scan import scan
from secpipe.system.tree import open_tree
from tests import skips
from tests.honest.models.libraries.store import STORED
from tests.metamorphic.models.judging import outcome

MADE = Path(__file__).resolve().parents[3] / ".honest" / "files"


def test_the_stored_files_of_every_kind_are_ok() -> None:
    flagged, kinds = [], set()
    with tarfile.open(STORED) as archive:
        for member in archive:
            file = archive.extractfile(member)
            assert file is not None
            kinds.add(member.name.partition("/")[0])
            if (said := outcome(file.read(), member.name)) != "ok":
                flagged.append(f"{member.name}: {said}")
    assert len(kinds) >= 85
    assert flagged == []


@pytest.mark.slow
def test_at_most_three_of_all_files_are_flagged() -> None:
    if not (MADE / "made.json").exists():
        skips.cannot("the honest files of the real libraries are not made here (make honest)")
    report = json.loads((MADE / "made.json").read_text())
    counts = [count for count in report.values() if isinstance(count, int)]
    assert sum(counts) >= 1_500, report
    assert len(counts) >= 90, report
    said = scan(open_tree(MADE))
    assert len({finding.path for finding in said.findings} | {skip.path for skip in said.skips}) <= 3
