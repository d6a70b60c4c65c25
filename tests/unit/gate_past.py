"""Real verdicts of the past: small projects judged by the gate and kept in a store."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from secpipe.gate import storing
from secpipe.gate.pipeline import check
from secpipe.gate.policies import policy_file
from secpipe.gate.request import Request
from secpipe.gate.verdicts.store import Entry

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
POLICY = """\
schema = "secpipe.policy/1"
name = "acme"
owner = "sec@acme"
expires = 2027-06-30
"""


def advisory(name: str, package: str, version: str, day: str = "2026-11-20", **more: Any) -> dict[str, Any]:
    """Return an OSV record that says a version of a PyPI package is critical."""
    return {
        "id": name,
        "modified": f"{day}T00:00:00Z",
        "published": f"{day}T00:00:00Z",
        "summary": "bad",
        "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
        "affected": [{"package": {"ecosystem": "PyPI", "name": package}, "versions": [version]}],
    } | more


@dataclass
class Gate:
    """A project, a policy, advisories and a store below one folder; every verdict is made by the real pipeline."""

    folder: Path
    policy: str = POLICY
    now: datetime = NOW
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.project.mkdir(exist_ok=True)
        self.write("requirements.txt", f"torch==2.1.0 --hash=sha256:{'a' * 64}\n")
        self.advise(advisory("GHSA-aaaa-bbbb-cccc", "other", "1.0", "2026-11-19"))

    @property
    def project(self) -> Path:
        return self.folder / "acme-chat"

    @property
    def store(self) -> Path:
        return self.folder / "verdicts"

    @property
    def advisories(self) -> Path:
        return self.folder / "osv"

    @property
    def policy_file(self) -> Path:
        path = self.folder / "policy.toml"
        path.write_text(self.policy)
        return path

    def write(self, name: str, text: str) -> None:
        (self.project / name).parent.mkdir(parents=True, exist_ok=True)
        (self.project / name).write_text(text)

    def advise(self, *records: dict[str, Any]) -> None:
        """Put OSV records into the advisory folder."""
        self.advisories.mkdir(exist_ok=True)
        for record in records:
            (self.advisories / f"{record['id']}.json").write_text(json.dumps(record))

    def judge(self, **changes: Any) -> Entry:
        """Judge the project and keep the verdict as `check --store` does."""
        pin = policy_file.load(str(self.policy_file)).digest
        values: dict[str, Any] = {
            "path": self.project, "now": self.now, "policy": str(self.policy_file), "policy_ref": f"sha256:{pin}",
            "advisories": self.advisories, "bom": True,
        }  # fmt: skip
        outcome = check(Request(**values | self.options | changes))
        return storing.keep(self.store, outcome, storing.contents(outcome))
