"""The account: every file ends in one way, by its content; no prefix, size or name exempts what is text."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secpipe.core.evidence import Evidence
from secpipe.core.ledger import Thing
from secpipe.scan.shadow_ai.scan import scan
from secpipe.system.tree import open_tree
from tests.unit.formats.test_extents import WHOLE

CALL = 'fetch("https://api.deepseek.com/v1/chat/completions", {method: "POST"})\n'
URL = '"endpoint": "https://api.deepseek.com/v1/chat/completions"\n'


def looked(folder: Path) -> Evidence:
    return scan(open_tree(folder))


def providers(evidence: Evidence) -> set[str]:
    return {use["provider"] for use in evidence.facts["uses"]}


def test_every_file_ends_in_exactly_one_way(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import openai\nopenai.OpenAI()\n")
    (tmp_path / "plain.txt").write_text("nothing\n")
    (tmp_path / "broken.py").write_text("import openai\ndef (:\n")
    (tmp_path / "logo.png").write_bytes(WHOLE["a.png"])
    (tmp_path / "opaque.dat").write_bytes(bytes(range(256)) * 10)
    evidence = looked(tmp_path)
    assert evidence.account is not None
    files = evidence.account.of(Thing.FILE)
    assert (files.total, files.not_read) == (5, 1)
    assert dict(files.judged) == {"python-ast": 1, "search": 1}
    assert dict(files.cannot) == {"image": 1, "opaque bytes": 1}
    assert [skip.path for skip in evidence.skips] == ["broken.py"]


def test_large_text_is_read_to_its_end(tmp_path: Path) -> None:
    pad = "see the anthropic-version header\n" + "x" * 900 + "\n"
    (tmp_path / "settings.conf").write_text(pad * 2100 + ("y" * 999 + "\n") * 7500 + URL)
    evidence = looked(tmp_path)
    assert "deepseek" in providers(evidence)
    use = next(use for use in evidence.facts["uses"] if use["provider"] == "deepseek")
    assert use["line"] == 2 * 2100 + 7500 + 1
    assert evidence.account is not None
    assert [skip.path for skip in evidence.account.shallow] == ["settings.conf"]


@pytest.mark.parametrize("size", [70_000, 300_000, 1_100_000])
@pytest.mark.parametrize("quote", "'\"`")
def test_a_long_string_hides_nothing_behind_it(tmp_path: Path, size: int, quote: str) -> None:
    (tmp_path / "a.js").write_text(f"var x = {quote}{'z' * size}{quote}; {CALL}")
    assert "deepseek" in providers(looked(tmp_path))


@pytest.mark.parametrize("prefix", [b"\0", b"\0\1\2\3", b"\0" * 64, bytes(range(128)) * 40])
def test_bytes_before_a_text_exempt_nothing(tmp_path: Path, prefix: bytes) -> None:
    (tmp_path / "service.conf").write_bytes(prefix + b"\n" + URL.encode())
    assert "deepseek" in providers(looked(tmp_path))


@settings(max_examples=12, deadline=None)
@given(coding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]), big=st.booleans())
def test_text_is_text_in_every_encoding(tmp_path_factory: pytest.TempPathFactory, coding: str, big: bool) -> None:
    folder = tmp_path_factory.mktemp("coding")
    (folder / "a.conf").write_bytes((URL + "filler\n" * (1_500_000 if big else 0) + URL).encode(coding))
    assert "deepseek" in providers(looked(folder))


def test_honest_binaries_are_no_noise(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("print(1)\n")
    (tmp_path / "weights.bin").write_bytes(bytes(range(256)) * 5000)
    (tmp_path / "module.pyc").write_bytes(b"\xa7\r\r\n\0\0\0\0" + b"\xe3\0\0\0import openai\0" * 3)
    evidence = looked(tmp_path)
    assert not evidence.skips
    assert not providers(evidence)
