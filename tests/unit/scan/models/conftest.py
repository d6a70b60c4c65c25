"""One file in, what the scan says about it out: through a real tree on disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from secpipe.core.evidence import Evidence
from secpipe.core.limits import DEFAULT, Limits
from secpipe.scan.models.scan import scan
from secpipe.system.tree import open_tree


class Said:
    """What a scan of one file came to."""

    def __init__(self, evidence: Evidence, name: str) -> None:
        self.evidence = evidence
        self.facts = evidence.facts["files"].get(name, {})
        self.outcome = self.facts.get("outcome", "")
        self.format = self.facts.get("format", "")
        self.rules = {finding.rule.removeprefix("models/") for finding in evidence.findings}
        self.calls = [finding.details.get("call", "") for finding in evidence.findings]
        self.messages = [finding.message for finding in evidence.findings]

    def __repr__(self) -> str:
        return f"{self.format} {self.outcome or 'not listed'}: {self.messages}"


@pytest.fixture
def look(tmp_path: Path) -> Callable[..., Said]:
    """Return a function that scans bytes under a name of the caller's choice."""

    def judge(data: bytes, name: str = "model.pkl", limits: Limits = DEFAULT, allow: tuple[str, ...] = ()) -> Said:
        (tmp_path / name).write_bytes(data)
        return Said(scan(open_tree(tmp_path / name), limits=limits, extra_allow=allow), name)

    return judge
