"""Each format, rendered from the same saved verdict and scan."""

from __future__ import annotations

import copy
import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from secpipe.core.registry import load
from secpipe.core.text import printable
from secpipe.report import WRITERS, github, gitlab, html, junit, markdown, sarif, terminal
from secpipe.report.text import clip, width, wrap
from tests import skips

DATA = Path(__file__).resolve().parents[2] / "data"
SARIF = Draft7Validator(
    json.loads((DATA / "schemas/sarif-2.1.0.json").read_text()), format_checker=Draft7Validator.FORMAT_CHECKER
)


@pytest.fixture
def verdict() -> dict[str, Any]:
    value: dict[str, Any] = json.loads((DATA / "reports/verdict.json").read_text())
    return value


@pytest.fixture
def scan() -> dict[str, Any]:
    value: dict[str, Any] = json.loads((DATA / "reports/scan.json").read_text())
    return value


@pytest.mark.parametrize("format_", WRITERS)
def test_every_writer_renders_both_documents_and_does_not_change_them(
    format_: str, verdict: dict[str, Any], scan: dict[str, Any]
) -> None:
    for document in (verdict, scan):
        before = copy.deepcopy(document)
        text = load(WRITERS, format_, "format")(document, color=False)
        assert text.endswith("\n")
        assert document == before
        assert text == load(WRITERS, format_, "format")(document, color=False)


@pytest.mark.parametrize("name", ["verdict", "pass", "scan"])
@pytest.mark.parametrize(("format_", "ending"), [("terminal", "txt"), ("markdown", "md")])
def test_text_for_people_reads_as_it_was_agreed(name: str, format_: str, ending: str) -> None:
    document = json.loads((DATA / f"reports/{name}.json").read_text())
    assert load(WRITERS, format_, "format")(document) == (DATA / f"reports/{name}.{ending}").read_text()


def test_terminal_says_first_what_anyone_understands_and_never_paints_the_unknown_green(
    verdict: dict[str, Any],
) -> None:
    text = terminal.render(verdict, color=True)
    assert text.startswith("\x1b[1;31mBLOCKED for prod")
    row = next(line for line in text.splitlines() if "Models are signed by" in line)
    assert "NOT CHECKED" in row
    assert "\x1b[32m" not in row
    plain = terminal.render(verdict)
    assert "\x1b" not in plain
    assert max(map(len, plain.splitlines())) <= 100


def test_terminal_lists_the_worst_file_first(scan: dict[str, Any]) -> None:
    scan["findings"].reverse()
    lines = terminal.render(scan).splitlines()
    heads = [line for line in lines if line in {"weights/legacy.pt", "requirements.lock", "app/client.ts"}]
    assert heads == ["weights/legacy.pt", "requirements.lock", "app/client.ts"]


def test_sarif_is_valid_and_names_everything(verdict: dict[str, Any], scan: dict[str, Any]) -> None:
    for document in (verdict, scan):
        SARIF.validate(json.loads(sarif.render(document)))
    run = json.loads(sarif.render(verdict))["runs"][0]
    results = {result["ruleId"] for result in run["results"]}
    assert {"models/unlisted-call", "gate/not-checked", "gate/self-judged"} <= results
    waived = [result for result in run["results"] if "suppressions" in result]
    assert [result["suppressions"][0]["justification"] for result in waived] == ["waiver W-1"]
    assert run["results"][0]["partialFingerprints"] == {"secpipe/v1": "0" * 20}
    notes = [note["message"]["text"] for note in run["invocations"][0]["toolExecutionNotifications"]]
    assert any("Models are signed by someone we trust" in note for note in notes)
    assert any("weights/base.gguf" in note for note in notes)
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["locations"]


def test_sarif_of_an_undecided_verdict_is_no_successful_execution(verdict: dict[str, Any]) -> None:
    verdict |= {"decision": "undecided", "exit_code": 3}
    assert json.loads(sarif.render(verdict))["runs"][0]["invocations"][0]["executionSuccessful"] is False


def test_sarif_keeps_the_worst_and_says_what_was_cut(scan: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sarif, "MAX_RESULTS", 2)
    scan["findings"].reverse()
    run = json.loads(sarif.render(scan))["runs"][0]
    assert [result["properties"]["severity"] for result in run["results"]] == ["critical", "high"]
    assert "3 results" in run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"]
    assert sarif.MAX_RESULTS <= 25_000


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a/b.py", "a/b.py"),
        ("my model/ü#?.pt", "my%20model/%C3%BC%23%3F.pt"),
        ("a:b", "a%3Ab"),
        ("100%", "100%25"),
        ("javascript:alert(1)", "javascript%3Aalert%281%29"),
        ("/etc/passwd", "the%20project%20as%20a%20whole"),
        ("//host/share", "the%20project%20as%20a%20whole"),
        ("a/../../b", "the%20project%20as%20a%20whole"),
        ("", "the%20project%20as%20a%20whole"),
    ],
)
def test_sarif_locations_are_relative_and_stay_in_the_project(path: str, expected: str) -> None:
    assert sarif.uri(path) == expected


def test_github_commands_are_escaped_exactly() -> None:
    line = github.command("error", "50%\r\nx: a,b", file="a,b:c%\n", line=3, title="")
    assert line == "::error file=a%2Cb%3Ac%25%0A,line=3::50%25%0D%0Ax: a,b"
    assert github.command("notice", "x") == "::notice::x"


def test_github_annotates_every_live_entry(verdict: dict[str, Any]) -> None:
    lines = github.render(verdict).splitlines()
    # the sentence, what was looked at, two reasons without findings, four live findings, one place not looked at
    assert len(lines) == 1 + 1 + 2 + 4 + 1
    assert lines[0].startswith("::error title=secpipe::BLOCKED")
    assert sum(line.startswith("::error") for line in lines) == 6
    assert not any("W-1" in line or "idna" in line for line in lines)


def test_github_only_warns_where_nothing_blocks(verdict: dict[str, Any]) -> None:
    verdict |= {"mode": "warn", "decision": "warn", "exit_code": 0}
    assert "::error" not in github.render(verdict)


def test_gitlab_issues_have_what_its_widget_requires(verdict: dict[str, Any]) -> None:
    issues = json.loads(gitlab.render(verdict))
    for issue in issues:
        assert set(issue) == {"description", "check_name", "fingerprint", "severity", "location"}
        assert issue["severity"] in {"info", "minor", "major", "critical", "blocker"}
        assert issue["location"]["path"]
        assert issue["location"]["lines"]["begin"] >= 1
    assert {issue["fingerprint"] for issue in issues} >= {"0" * 20, "1" * 20}
    assert issues[0]["check_name"] == "gate/incomplete"


def test_gitlab_fingerprints_stay_unique(scan: dict[str, Any]) -> None:
    scan["findings"] = [scan["findings"][1]] * 3
    prints = [issue["fingerprint"] for issue in json.loads(gitlab.render(scan))]
    assert len(set(prints)) == 4


def test_junit_has_no_green_case_for_what_was_not_checked(verdict: dict[str, Any]) -> None:
    root = ET.fromstring(junit.render(verdict))
    cases = {case.get("name"): [child.tag for child in case] for case in root.iter("testcase")}
    assert cases["Models hold no code"] == ["failure"]
    assert cases["Models are signed by someone we trust"] == ["error"]
    assert cases["No unauthorised AI use"] == ["system-out"]
    assert cases["Evaluation is attested"] == ["skipped"]
    suite = next(root.iter("testsuite"))
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors"), suite.get("skipped")) == (
        "7",
        "2",
        "2",
        "1",
    )
    assert "weights/base.gguf" in "".join(suite.itertext())


def test_junit_gives_a_reason_of_no_check_a_case_of_its_own(verdict: dict[str, Any]) -> None:
    verdict["reasons"][3]["check"] = "nothing that is listed"
    names = [case.get("name") for case in ET.fromstring(junit.render(verdict)).iter("testcase")]
    assert "gate/self-judged" in names


@pytest.mark.parametrize(("state", "tag"), [("ok", "failure"), ("skipped", "error"), ("failed", "failure")])
def test_junit_of_a_scan(scan: dict[str, Any], state: str, tag: str) -> None:
    scan["evidence"] |= {"state": state, "reason": "no engine"}
    case = next(ET.fromstring(junit.render(scan)).iter("testcase"))
    assert [child.tag for child in case] == [tag]


def without_document(page: str) -> str:
    """The page without the document inside it, which has a bound of its own."""
    return re.sub(r"base64,[A-Za-z0-9+/=]+", "", page)


def test_html_fits_into_a_mail_and_says_what_did_not_fit(scan: dict[str, Any]) -> None:
    finding = scan["findings"][1]
    scan["findings"] = [
        finding
        | {"line": n, "path": f"services/s{n % 50}/requirements.txt", "message": f"torch 2.{n}.0 has a known hole."}
        for n in range(5_000)
    ]
    text = html.render(scan)
    assert len(text.encode()) < 3_000_000
    assert len(without_document(text).encode()) < 700_000
    assert "did not fit" not in text
    assert text.count("known hole.") == 5_000
    for finding in scan["findings"]:
        finding["message"] += "x" * 200
    text = without_document(html.render(scan))
    assert len(text.encode()) < 700_000
    assert f"{5_000 - text.count('xxx' * 60):,} further findings</b> did not fit" in text


def test_html_has_no_script_and_forbids_all_fetching(verdict: dict[str, Any]) -> None:
    text = html.render(verdict)
    assert "<script" not in text
    assert "default-src &#x27;none&#x27;" in text
    addresses = re.findall(
        r"""(\w+)=["']?(?:https?:|//)""", text
    )  # a link waits for a click, nothing else may ask for it
    assert set(addresses) <= {"href"}
    assert "<link" not in text


@pytest.mark.parametrize(
    "text",
    [
        "@team look", "#12", "https://evil.example", "www.evil.example", "a@evil.example", "[x](javascript:1)",
        "![x](y)", "<b>", "`code`", "``", "a|b", "| --- |", "\\| x", "# title", "1. one", "- item", "+ item", "===",
        "$x$", ":boom:", "**b**", "_i_", "~~s~~", "&amp;", "<!-- ", "    code", "[x]: http://y", "> quote",
        "1) x", "\\`",
    ],
)  # fmt: skip
def test_markdown_shows_hostile_text_as_it_stands(text: str) -> None:
    parser = skips.module("markdown_it").MarkdownIt("gfm-like", {"linkify": False})
    for shown in (markdown.escape(text), markdown.code(text)):
        for frame in (f"- {shown}", f"| a | b |\n|---|---|\n| x | {shown} |", f"### {shown}"):
            rendered = parser.render(frame)
            tags = set(ET.fromstring(f"<x>{rendered}</x>").itertext())
            assert text.strip() in "".join(tags).replace("\u200b", ""), rendered
            names = {element.tag for element in ET.fromstring(f"<x>{rendered}</x>").iter()}
            assert names <= {"x", "ul", "li", "table", "thead", "tbody", "tr", "th", "td", "h3", "code"}


def test_markdown_breaks_what_hosts_turn_into_links() -> None:
    assert markdown.escape("@team") == "&#64;&#8203;team"
    assert "&#58;&#8203;//" in markdown.escape("https://evil.example")
    assert markdown.escape("www.evil.example") == "www&#8203;.evil.example"


def test_safe_may_be_applied_twice_and_keeps_backslashes() -> None:
    hostile = "a\\b\n\x1b[31m\u202e\udc80\x9b"
    once = printable(hostile)
    assert once == "a\\b\\n\\u001b[31m\\u202e\\x80\\u009b"
    assert printable(once) == once


def test_columns_count_wide_and_combining_characters() -> None:
    assert (width("abc"), width("模型"), width("e\u0301")) == (3, 4, 1)
    assert clip("模型模型", 5) == "模型…"
    assert wrap("aa bb cc", 5) == ["aa bb", "cc"]
    assert wrap("", 5, "  ") == ["  "]


def test_a_huge_verdict_stays_readable_and_says_how_much_is_left_out(verdict: dict[str, Any]) -> None:
    verdict["reasons"] = [verdict["reasons"][0] | {"what": f"thing {n} must change"} for n in range(20_000)]
    verdict["skipped"] = [verdict["skipped"][0] | {"path": f"file-{n}"} for n in range(20_000)]
    verdict["findings"] = [verdict["findings"][0] | {"path": f"file-{n}"} for n in range(20_000)]
    text = terminal.render(verdict)
    assert text.count("\n") < 400
    assert "and 19,950 more" in text
    text = markdown.render(verdict)
    assert len(text.encode()) < 1_000_000
    assert "and 19,900 more in the JSON" in text
    assert len(without_document(html.render(verdict)).encode()) < 700_000


@pytest.mark.parametrize("format_", WRITERS)
def test_many_rules_checks_and_reasons_do_not_multiply(format_: str, verdict: dict[str, Any]) -> None:
    """20,000 of each: what is done for one must not look at all the others (this ends in seconds, or never)."""
    count = 20_000
    verdict["findings"] = [verdict["findings"][0] | {"id": f"{n:020x}", "rule": f"models/r{n}"} for n in range(count)]
    verdict["checks"] = [verdict["checks"][1] | {"check": f"c{n}"} for n in range(count)]
    verdict["reasons"] = [verdict["reasons"][0] | {"check": f"c{n}", "findings": [f"{n:020x}"]} for n in range(count)]
    assert load(WRITERS, format_, "format")(verdict)


def test_a_pass_is_green_in_every_format_and_still_shows_its_waivers() -> None:
    document = json.loads((DATA / "reports/pass.json").read_text())
    assert terminal.render(document, color=True).startswith("\x1b[1;32mPASS for prod")
    first, second = github.render(document).splitlines()
    assert first == "::notice title=secpipe::PASS for prod: 41 files checked, nothing stands against it."
    assert second.startswith("::notice title=secpipe%3A looked at::models: 40 files: 6 judged,")
    assert [issue["check_name"] for issue in json.loads(gitlab.render(document))] == ["gate/account"]
    root = ET.fromstring(junit.render(document))
    assert {child.tag for case in root.iter("testcase") for child in case} <= {"skipped"}
    results = json.loads(sarif.render(document))["runs"][0]["results"]
    assert [result["suppressions"][0]["status"] for result in results] == ["accepted"]
    for shown in (terminal.render(document), markdown.render(document), html.render(document)):
        assert "W-1" in shown
        assert "not reachable" in shown


@pytest.mark.parametrize("format_", ["terminal", "markdown", "html"])
def test_a_scan_says_what_data_it_was_judged_by(scan: dict[str, Any], format_: str) -> None:
    scan["evidence"]["producer"] = "secpipe 0.1.0, OSV mirror of 2026-11-20, 48,112 records"
    assert "OSV mirror of 2026-11-20, 48,112 records" in load(WRITERS, format_, "format")(scan)
    scan["evidence"]["producer"] = "secpipe 0.1.0"
    assert "judged by" not in load(WRITERS, format_, "format")(scan)
