"""A file made to be expensive is cut off, said to be, and still read as plain text."""

from __future__ import annotations

from pathlib import Path

import pytest

from secpipe.scan.shadow_ai import fold
from secpipe.scan.shadow_ai.scan import scan
from secpipe.system.tree import walk


def test_a_file_over_the_budget_is_a_skip_and_its_plain_hosts_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fold, "_MAX_TOTAL", 500)
    lines = ["from openai import OpenAI", "n0 = ''", 'far = "https://api.deepseek.com/v1"']
    for number in range(1, 300):
        lines.append(f"n{number} = n{number - 1} + n{number // 2} if n{number // 3} else n{number // 5}")
        lines.append(f"OpenAI(base_url=n{number} + '/v1')")
    (tmp_path / "app.py").write_text("\n".join(lines))
    evidence = scan(walk(tmp_path))
    assert any("too many to follow" in skip.reason for skip in evidence.skips)
    assert "api.deepseek.com" in {use["host"] for use in evidence.facts["uses"]}
