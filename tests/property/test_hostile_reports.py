"""Whatever strings an attacker puts into a document, every format stays what it is and shows them as text."""

from __future__ import annotations

import copy
import json
import re
import unicodedata
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator, Draft202012Validator

from secpipe.core.errors import InputError
from secpipe.core.evidence import State
from secpipe.core.finding import Confidence, Finding, Severity
from secpipe.core.registry import load as load_writer
from secpipe.core.text import printable
from secpipe.report import WRITERS, github, gitlab, html, junit, markdown, sarif, terminal, vex
from secpipe.report import json as json_writer
from secpipe.report.read import load, read
from tests import skips

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests/data"
VERDICT = json.loads((DATA / "reports/verdict.json").read_text())
SCAN = json.loads((DATA / "reports/scan.json").read_text())
SARIF = Draft7Validator(
    json.loads((DATA / "schemas/sarif-2.1.0.json").read_text()), format_checker=Draft7Validator.FORMAT_CHECKER
)
FINDINGS = Draft202012Validator(json.loads((ROOT / "policies/schema/findings.schema.json").read_text()))

ATTACKS = [
    "<script>alert(1)</script>", "</style><script>", "]]>", "<!--", "--><b>", "&lt;", "\" onload=\"x", "' style='x",
    "::error::forged", "\n::stop-commands::x", "\r\n::set-output name=a::b", "%0A::error::x", "##[error]x",
    "\x1b[2J\x1b[31mPASS\x1b[0m", "\x1b]8;;http://evil\x07x\x1b]8;;\x07", "\x9b31m", "\u202egnp.exe", "\u2066x\u2069",
    "a|b|c", "`x`", "[x](javascript:alert(1))", "![](https://evil/x.png)", "@everyone", "| --- |", "\\", "\\|",
    "\ud800", "\udcff", "\x00", "\x7f", "\ufffe", "\U000e0041", "\u2028", "e\u0301" * 40, "模型" * 60, "x" * 5000, "%",
    "=cmd|' /C calc'!A0", "javascript:alert(1)", "//evil.example/x", "../../../etc/passwd", "C:\\x", "file:///etc/passwd",
    " ", "",
]  # fmt: skip
HOSTILE = st.one_of(
    st.sampled_from(ATTACKS),
    st.text(st.characters(codec=None, exclude_categories=()), max_size=40),
    st.lists(st.sampled_from(ATTACKS), min_size=2, max_size=3).map("".join),
)
QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
SLOW = settings(max_examples=3000, deadline=None, suppress_health_check=[HealthCheck.too_slow])

_STRINGS = {
    "sentence", "environment", "what", "fix", "owner", "path", "title", "summary", "reason", "producer", "message",
    "subject", "name", "waiver", "version", "command", "expires", "source",
}  # fmt: skip


@st.composite
def documents(draw: st.DrawFn, base: dict[str, Any], words: st.SearchStrategy[str] = HOSTILE) -> dict[str, Any]:
    """A saved document of the right shape whose free strings are all an attacker's `words`."""

    def fill(value: Any, key: str) -> Any:
        if isinstance(value, dict):
            return {inner: fill(item, inner) for inner, item in value.items()}
        if isinstance(value, list):
            return [fill(item, "") for item in value]
        return draw(words) if isinstance(value, str) and key in _STRINGS else value

    document = fill(copy.deepcopy(base), "")
    for item in [*document["findings"], *document.get("reasons", [])]:
        item["line"] = draw(st.integers(0, 2**53 - 1))
    return document  # type: ignore[no-any-return]


ANY = st.one_of(documents(VERDICT), documents(SCAN))


def unsafe(text: str) -> set[str]:
    return {
        char
        for char in text
        if char != "\n" and unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    }


def check_every_format(document: dict[str, Any]) -> None:
    report = read(document)
    live = [item for item in report.entries if item.effect != "waived"]
    _terminal(document)
    _json(document)
    _sarif(document, len(report.entries))
    _github(document, 1 + bool(report.accounts) + len(live) + len(report.skipped))
    _gitlab(document, len(live) + bool(report.skipped) + bool(report.accounts))
    _junit(document)
    _html(document)
    _markdown(document)
    _packages(document)


def _packages(document: dict[str, Any]) -> None:
    for write in (vex.vex, vex.vdr):
        assert not unsafe(write(document))


def _terminal(document: dict[str, Any]) -> None:
    plain = terminal.render(document)
    assert not unsafe(plain)
    painted = terminal.render(document, color=True)
    assert re.sub(r"\x1b\[[0-9;]*m", "", painted) == plain


def _json(document: dict[str, Any]) -> None:
    text = json_writer.render(document)
    # Two lone surrogates side by side are one character to JSON.
    assert json.loads(text) == json.loads(json.dumps(document))
    assert not unsafe(text)
    assert text.encode() == text.encode("utf-8", "backslashreplace")


def _sarif(document: dict[str, Any], count: int) -> None:
    text = sarif.render(document)
    assert not unsafe(text)
    log = json.loads(text)
    SARIF.validate(log)
    assert len(log["runs"][0]["results"]) == count
    for result in log["runs"][0]["results"]:
        uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert re.fullmatch(r"(?!/)(?:[A-Za-z0-9._~/-]|%[0-9A-F]{2})+", uri)
        assert ".." not in uri.split("/")


def _github(document: dict[str, Any], count: int) -> None:
    lines = github.render(document).removesuffix("\n").split("\n")
    assert len(lines) == count
    for line in lines:
        assert re.fullmatch(
            r"::(error|warning|notice)( (file|line|col|title)=[^:,]*(,(file|line|col|title)=[^:,]*)*)?::.*", line
        )
        assert not unsafe(line)


def _gitlab(document: dict[str, Any], count: int) -> None:
    issues = json.loads(gitlab.render(document))
    assert len(issues) == count == len({issue["fingerprint"] for issue in issues})


def _junit(document: dict[str, Any]) -> None:
    text = junit.render(document)
    assert not unsafe(text)
    root = ET.fromstring(text.encode())
    assert {element.tag for element in root.iter()} <= {
        "testsuites", "testsuite", "testcase", "failure", "error", "skipped", "system-out",
    }  # fmt: skip
    suite = next(root.iter("testsuite"))
    for attribute, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert int(suite.get(attribute, "")) == len(list(root.iter(tag)))


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")


def _html(document: dict[str, Any]) -> None:
    text = html.render(document)
    assert not unsafe(text)
    parser = _Tags()
    parser.feed(text)
    parser.close()
    assert parser.tags <= {
        "html", "head", "meta", "title", "style", "body", "h1", "h2", "h3", "ol", "ul", "li", "b", "i", "br", "p",
        "code", "table", "thead", "tbody", "tr", "th", "td", "header", "main", "section", "nav", "dl", "dt", "dd",
        "details", "summary", "div", "a", "svg", "line", "circle", "text", "g", "rect", "path",
    }  # fmt: skip
    assert not [
        name for name in parser.attributes if name.startswith("on") or name in {"style", "src", "action", "srcdoc"}
    ]
    assert "<script" not in text.lower()
    assert " ".join(read(document).sentence.split()) in " ".join("".join(parser.words).split())


def _markdown(document: dict[str, Any]) -> None:
    text = markdown.render(document)
    assert not unsafe(text)
    markdown_it = skips.module("markdown_it")
    parser = _Tags()
    parser.feed(markdown_it.MarkdownIt("gfm-like", {"linkify": False}).render(text))
    parser.close()
    assert parser.tags <= {
        "h3", "h4", "ol", "ul", "li", "p", "br", "strong", "em", "code", "sub", "details", "summary", "table", "thead",
        "tbody", "tr", "th", "td",
    }  # fmt: skip
    assert parser.attributes <= {"start"}
    shown = " ".join("".join(parser.words).replace("\u200b", "").split())
    assert " ".join(read(document).sentence.split()) in shown


@QUICK
@given(ANY)
def test_hostile_documents_break_no_format(document: dict[str, Any]) -> None:
    check_every_format(document)


@pytest.mark.slow
@SLOW
@given(ANY)
def test_hostile_documents_break_no_format_for_long(document: dict[str, Any]) -> None:
    check_every_format(document)


@QUICK
@given(st.lists(st.tuples(HOSTILE, HOSTILE, HOSTILE, st.sampled_from(list(Severity))), max_size=5))
def test_findings_as_scanners_make_them_keep_the_published_schema(parts: list[tuple[str, str, str, Severity]]) -> None:
    findings = [
        Finding("models/unlisted-call", message or "x", severity, Confidence.LOW, path, 1, subject=subject).to_dict()
        for message, path, subject, severity in parts
    ]
    document = SCAN | {"findings": findings}
    FINDINGS.validate(document)
    check_every_format(document)


@QUICK
@given(HOSTILE)
def test_safe_is_idempotent_and_printable(text: str) -> None:
    once = printable(text)
    assert not unsafe(once + "")
    assert "\n" not in once
    assert printable(once, 100_000) == once


JUNK: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, -1, 0, 1.5, "", "x", "\x1b", [], {}, [[]], {"a": 1}, 10**30]
)


@st.composite
def broken(draw: st.DrawFn) -> dict[str, Any]:
    """A document with one to three values replaced or removed, anywhere."""
    document = copy.deepcopy(draw(st.sampled_from([VERDICT, SCAN])))
    for _ in range(draw(st.integers(1, 3))):
        target: Any = document
        while True:
            if not target:
                break
            key = draw(st.sampled_from(sorted(target) if isinstance(target, dict) else range(len(target))))
            inner = target[key]
            if isinstance(inner, dict | list) and draw(st.integers(0, 3)):
                target = inner
                continue
            if draw(st.booleans()):
                target[key] = copy.deepcopy(draw(JUNK))
            else:
                del target[key]
            break
    return document


@settings(QUICK, max_examples=150)
@given(broken())
def test_a_broken_document_is_refused_or_rendered_by_every_writer(document: dict[str, Any]) -> None:
    try:
        load(json.dumps(document).encode())
    except InputError:
        for name in WRITERS.keys() - {"json"}:
            with pytest.raises(InputError):
                load_writer(WRITERS, name, "format")(document)
        return
    for name in WRITERS:
        assert load_writer(WRITERS, name, "format")(document)


@settings(QUICK, max_examples=150)
@given(st.data())
def test_truncated_or_flipped_bytes_are_refused_or_read(data: st.DataObject) -> None:
    raw = bytearray(json.dumps(data.draw(st.sampled_from([VERDICT, SCAN]))).encode())
    for _ in range(data.draw(st.integers(0, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(raw)))
    try:
        load(bytes(raw[:cut]))
    except InputError:
        return


@pytest.mark.parametrize("state", list(State))
def test_no_state_but_ok_renders_as_clean(state: State) -> None:
    document = SCAN | {"findings": [], "skipped": []}
    document["evidence"] = SCAN["evidence"] | {"state": str(state), "reason": "why"}
    clean = state is State.OK
    assert (json.loads(gitlab.render(document)) == []) is clean
    assert (json.loads(sarif.render(document))["runs"][0]["results"] == []) is clean
    assert ("Nothing found." in terminal.render(document).splitlines()[0]) is (state in {State.OK, State.STALE})
