"""The documentation site: built offline, every link leads somewhere, nothing is fetched from elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from secpipe.api.rendering import known_rules
from secpipe.cli.main import COMMANDS
from tests import skips

ROOT = Path(__file__).resolve().parents[2]
_LOADED = re.compile(
    r"<(?:script|img|iframe|source)\b[^>]*?\ssrc=\"((?:https?:)?//[^\"]*)|<link\b[^>]*?href=\"((?:https?:)?//[^\"]*)"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = ROOT / ".site/venv/bin/mkdocs"
    if not program.exists():
        skips.missing("the site's generator is not here (make site)")
    made = tmp_path_factory.mktemp("site")
    offline = (
        ["unshare", "-n"] if hasattr(os, "geteuid") and os.geteuid() == 0 and Path("/usr/bin/unshare").exists() else []
    )
    done = subprocess.run(
        [*offline, str(program), "build", "--strict", "--site-dir", str(made)], cwd=ROOT, capture_output=True, text=True
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return made


def test_it_holds_a_page_for_each_command_rule_and_way(site: Path) -> None:
    for name in COMMANDS:
        assert (site / f"commands/{name}.html").is_file(), name
    for rule in known_rules():
        assert (site / f"rules/{rule}.html").is_file(), rule
    for name in (
        "github",
        "gitlab",
        "jenkins",
        "pre-commit",
        "air-gapped",
        "kserve",
        "vllm",
        "assistant",
        "incident",
        "settings",
    ):
        assert (site / f"how-to/{name}.html").is_file(), name
    assert len(list((site / "adr").glob("0*.html"))) == len(list((ROOT / "docs/adr").glob("0*.md")))


def test_a_page_fetches_nothing_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        assert _LOADED.findall(page.read_text(encoding="utf-8")) == [], page.name


def test_it_brings_no_program_and_no_data_of_ours(site: Path) -> None:
    assert not [path for path in site.rglob("*") if path.suffix in {".py", ".toml", ".1"}]


def test_a_link_that_leads_nowhere_fails_the_build(site: Path, tmp_path: Path) -> None:
    broken = tmp_path / "docs"
    subprocess.run(["cp", "-R", str(ROOT / "docs"), str(broken)], check=True)
    page = broken / "concepts.md"
    page.write_text(page.read_text() + "\n[gone](nowhere.md) [gone](index.md#nowhere)\n")
    (tmp_path / "mkdocs.yml").write_text((ROOT / "mkdocs.yml").read_text())
    done = subprocess.run(
        [str(ROOT / ".site/venv/bin/mkdocs"), "build", "--strict", "--site-dir", str(tmp_path / "out")], cwd=tmp_path,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode != 0
    assert "nowhere.md" in done.stderr
    assert "index.md#nowhere" in done.stderr
