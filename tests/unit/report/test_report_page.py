"""The HTML page: nothing foreign becomes markup, it is held to the document inside it, and anyone can read it."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import subprocess
from base64 import b64decode, b64encode
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from secpipe.api.rendering import as_written, known_rules, rendered
from secpipe.cli.main import root
from secpipe.core.errors import InputError
from secpipe.report.html.embedded import MOST, taken_out
from tests import skips

DATA = Path(__file__).resolve().parents[2] / "data"
AXE = DATA.parents[1] / ".tools/axe/node_modules/axe-core/axe.min.js"
HOSTILE = [
    "<script>alert(1)</script>", "\"'><img src=x onerror=alert(1)>", "</summary></details><iframe src=//evil.example>",
    "' onmouseover='alert(1)", "&lt;script&gt;alert(1)&lt;/script&gt;", "<!--", "-->", "</style><style>*{display:none}",
    "</title><base href=//evil.example>", "javascript:alert(1)", "\u202e<b>", "<svg/onload=alert(1)>", "CVE-2024-1'<b>",
    "`<b>`", "{{7*7}}", "${7*7}", "</a><a href=//evil.example>",
]  # fmt: skip


@pytest.fixture
def verdict() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DATA / "reports/verdict.json").read_text())
    return found


class Skeleton(HTMLParser):
    """The tags of a page with the names of their attributes, and every value that acts."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.acting: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(name for name, _ in attrs)))
        self.acting += [
            str(value) for name, value in attrs if name in ("href", "src", "style") or name.startswith("on")
        ]


def texts_of(value: Any) -> list[tuple[Any, Any]]:
    """Every place of a document that holds free text."""
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = []
    for key, inner in steps:
        found += [(value, key)] if isinstance(inner, str) else texts_of(inner)
    return found


@pytest.mark.parametrize("text", HOSTILE)
def test_no_field_becomes_markup(verdict: dict[str, Any], text: str) -> None:
    """The page has the same tags whatever stands in the document's texts."""

    def filled(with_: str) -> Skeleton:
        document = json.loads(json.dumps(verdict))
        for place, key in texts_of(document):
            before = place[key]
            place[key] = with_
            try:
                rendered(document, "html")
            except InputError:  # a closed vocabulary, a time, an id: the reader refuses it
                place[key] = before
        page = re.sub(r"base64,[A-Za-z0-9+/=]+", "base64,", rendered(document, "html"))
        return Skeleton(page)

    assert filled(text).tags == filled("harmless").tags
    assert all(
        one.startswith(("#", "https://osv.dev/", "data:application/gzip;base64,")) for one in filled(text).acting
    )


def test_a_page_is_held_to_its_document(verdict: dict[str, Any], tmp_path: Path) -> None:
    page = as_written(verdict, "html")
    assert taken_out(page) == verdict

    def answer(content: bytes) -> int:
        (tmp_path / "page.html").write_bytes(content)
        done = CliRunner().invoke(root, ["report", "verify", str(tmp_path / "page.html")], standalone_mode=False)
        assert done.exception is None or not isinstance(done.exception, AssertionError)
        return done.return_value if done.exception is None else getattr(done.exception, "exit_code", 3)

    assert answer(page) == 0
    assert answer(page.replace(b"What must change", b"What may stay")) == 1
    assert answer(page + b"<p>PASS") == 1
    lying = gzip.compress(json.dumps(verdict | {"sentence": "PASS"}).encode(), mtime=0)
    packed = b"base64," + b64encode(lying)
    assert answer(re.sub(rb"base64,[A-Za-z0-9+/=]+", packed, page)) == 1
    older = verdict | {"tool": {"name": "secpipe", "version": "0.0.1"}}
    assert answer(as_written(older, "html")) == 0  # what we make of it is what it shows
    assert answer(as_written(older, "html") + b" ") == 3
    assert answer(b"<html>") == 3
    assert answer(re.sub(rb"base64,[A-Za-z0-9+/=]+", b"base64,AAAA", page)) == 3


def test_a_bomb_in_a_page_is_bounded() -> None:
    bomb = b64encode(gzip.compress(b"[" * (1 << 28), 9)).decode()
    page = f"<a href='data:application/gzip;base64,{bomb}' download='secpipe.json.gz'>".encode()
    with pytest.raises(InputError):
        taken_out(page)


def test_a_huge_document_is_not_embedded_and_the_page_says_so(verdict: dict[str, Any]) -> None:
    noise = b64encode(os.urandom(MOST)).decode()
    verdict["findings"] = [verdict["findings"][0] | {"fix": noise[at : at + 10_000]} for at in range(0, MOST, 10_000)]
    page = rendered(verdict, "html")
    assert "base64," not in page
    assert "is too large for this page" in page


def test_a_reason_is_told_in_the_words_of_its_rule(verdict: dict[str, Any]) -> None:
    page = rendered(verdict, "html")
    rules = known_rules()
    told = [reason["rule"] for reason in verdict["reasons"] if reason["rule"] in rules]
    assert told
    for name in told:
        assert f"id='{name.replace('/', '-')}'" in page
    log = json.loads(rendered(verdict, "sarif"))
    helps = {rule["id"]: rule["help"] for rule in log["runs"][0]["tool"]["driver"]["rules"]}
    assert all(helps[name]["markdown"].startswith(f"# {name}") for name in told if name in helps)


def test_the_first_screen_answers_five_questions(verdict: dict[str, Any]) -> None:
    page = rendered(verdict, "html")
    head = page[: page.index("What must change")]
    for question in ("May it go out?", "Why not?", "Who must act?", "What was not read?", "What is new?"):
        assert f"<dt>{question}<dd>" in head
    lenient = verdict | {"decision": "warn", "exit_code": 0, "mode": "warn"}
    assert "nothing is enforced" in rendered(lenient, "html")


def test_a_browser_finds_nothing_to_complain_about(verdict: dict[str, Any], tmp_path: Path) -> None:
    """axe-core in Chromium over the page, light and printed; SECPIPE_AXE names another axe.min.js."""
    browser, axe = shutil.which("chromium"), os.environ.get("SECPIPE_AXE", str(AXE))
    if not browser or not Path(axe).is_file():
        skips.missing("no Chromium, or no axe-core: SECPIPE_AXE names its axe.min.js")
    page = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", rendered(verdict, "html"))
    run = "axe.run().then(r => document.title = 'AXE ' + JSON.stringify(r.violations.map(v => v.id)))"
    (tmp_path / "page.html").write_text(
        page.replace("</body>", f"<script>{Path(axe).read_text()};{run}</script></body>")
    )
    done = subprocess.run(
        [str(browser), "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000", "--dump-dom",
         f"file://{tmp_path / 'page.html'}"],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    found = re.search(r"<title>AXE (.*?)</title>", done.stdout)
    assert found, done.stderr[-500:]
    assert json.loads(found[1]) == []


def test_the_document_in_the_page_is_the_same_bytes_each_time(verdict: dict[str, Any]) -> None:
    first, second = (re.findall(r"base64,([A-Za-z0-9+/=]+)", rendered(verdict, "html")) for _ in range(2))
    assert first == second
    assert json.loads(gzip.decompress(b64decode(first[0]))) == verdict
