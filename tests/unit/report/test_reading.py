"""The reading test, kept: five strangers' questions answered on each first screen, in words that need no knowledge."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from secpipe.api.rendering import known_rules, rendered
from secpipe.report import brief, plain
from secpipe.report.text import COLUMNS, width

DATA = Path(__file__).resolve().parents[2] / "data/reports"
RULES = known_rules()
#: What people who do not code do not know; each stood in a plain sentence or could.
TECHNICAL = re.compile(
    r"\b(un)?pickl\w*|\bhash(es)?\b|\bdigests?\b|\bpin(s|ned)?\b|\bSBOMs?\b|\bBOMs?\b|\bVEX\b|\bCVEs?\b"
    r"|bill of materials"
    r"|trust root|key ?ring|\bring\b|envelope|attestation|provenance|opcode|gadget|dunder|polyglot|central directory"
    r"|interpreter|runtime|payload|bytecode|\bgraphs?\b|template|ledger|self-judged|\bindex\b|YAML|XML|JSON|repositor"
    r"|commit|branch|\bMCP\b|\bAPI\b|\bSDK\b|client|\bhosts?\b|endpoint|loader|pars(e|er|ed|ing)\b|environment|adviso"
    r"|dependenc|lock ?file|\bwheel\b|metadata|header|vulnerabilit|waive|polic(y|ies)\b|revision|algorithm|operator\b"
    r"|weights|safetensors|serialis|deserial|symlink|\broot\b|`",
    re.IGNORECASE,
)


def saved(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DATA / f"{name}.json").read_text())
    return found


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)
def test_each_rule_has_words_for_people_who_do_not_code(rule: Any) -> None:
    assert TECHNICAL.findall(rule.plain) == []
    assert rule.plain.endswith(".")
    assert max(len(one.split()) for one in re.split(r"(?<=[.:,]) ", rule.plain)) <= 24
    assert len(rule.plain) <= 230


def test_plain_says_first_who_acts_and_what_nobody_looked_at() -> None:
    said = plain.render(saved("verdict"), rules=RULES)
    head = said.split(" 1. ")[0]
    assert re.search(r"^Who must act: +\S", head, re.M)
    assert re.search(r"^Not looked at: +\S", head, re.M)
    assert re.search(r"^What is new: +\S", head, re.M)
    one = saved("verdict")
    one["skipped"] = [{"path": "data/train.zip", "reason": "too large", "check": "models"}]
    assert "data/train.zip" in plain.render(one, rules=RULES).split(" 1. ")[0]
    whole = saved("verdict") | {"skipped": [], "left_out": [], "accepted": []}
    assert "Not looked at: nothing" in re.sub(" +", " ", plain.render(whole, rules=RULES))


def test_plain_leads_each_reason_with_its_plain_words() -> None:
    document = saved("verdict")
    said = " ".join(plain.render(document, rules=RULES).split())
    against = [one for one in document["reasons"] if one["effect"] != "warn"]
    told = [one for one in against if RULES[one["rule"]].plain in said]
    assert told
    for one in told:
        assert f"{RULES[one['rule']].plain} What was found: " in said


@pytest.mark.parametrize("count", [1, 3, 40, 4000])
def test_plain_fits_a_screen_and_counts_the_rest(count: int) -> None:
    document = saved("verdict")
    one = next(reason for reason in document["reasons"] if reason["effect"] == "deny")
    document["reasons"] = [one | {"what": f"{one['what']} {number}"} for number in range(count)]
    lines = plain.render(document, rules=RULES).splitlines()
    assert len(lines) <= brief.SCREEN
    assert max(map(width, lines)) <= COLUMNS
    shown = sum(bool(re.match(r" +\d+\. ", line)) for line in lines)
    left = re.search(r"And ([\d,]+) more things?: ", "\n".join(lines))
    assert shown >= 1
    assert shown + (int(left[1].replace(",", "")) if left else 0) == count


def test_an_exception_is_never_the_first_advice_for_what_can_be_mended() -> None:
    """A damaged archive is brought whole; that somebody could answer for it is said after that."""
    document = saved("verdict")
    one = next(reason for reason in document["reasons"] if reason["effect"] == "deny")
    one |= {"rule": "models/broken-archive", "do": {"kind": "fix", "command": "secpipe init shop"}}
    document["reasons"] = [one]
    said = " ".join(plain.render(document, rules=RULES).split())
    assert said.index("What to do: Get the whole file again") < said.index("secpipe init shop")


def test_brief_says_what_could_not_be_decided_apart_from_what_must_change() -> None:
    document = saved("verdict")
    for nth, reason in enumerate(document["reasons"]):
        reason["effect"] = ("deny", "undecided")[nth % 2]
    document["reasons"] = document["reasons"][:2]
    said = brief.render(document)
    assert said.index("1. ") < said.index("Could not be decided") < said.index("2. ")
    assert re.search(r"^new +not compared", said, re.M)
    assert re.search(r"^more +.*--audience engineer", said, re.M)


def test_brief_names_the_worst_results_of_checks_first() -> None:
    row = re.search(r"^checks +(.*)$", brief.render(saved("verdict")), re.M)
    assert row
    worst = ["BLOCKED", "UNDECIDED", "NOT CHECKED", "warning", "passed", "not asked for"]
    words = re.findall("|".join(worst), row[1])
    assert words == sorted(words, key=worst.index)


def test_the_page_keeps_the_case_of_a_file_and_names_what_was_not_read() -> None:
    document = saved("verdict")
    document["sentence"] = "BLOCKED for prod: 1 thing must change. First: index.html:1 holds a key."
    document["skipped"] = [{"path": "data/train.zip", "reason": "too large", "check": "models"}]
    page = rendered(document, "html")
    assert "First: index.html:1 holds a key." in page
    unread = page[page.index("What was not read?") : page.index("What is new?")]
    assert "data/train.zip" in unread
    assert "too large" in unread


def test_the_page_says_why_in_plain_words_first() -> None:
    page = rendered(saved("verdict"), "html")
    for name in {one["rule"] for one in saved("verdict")["reasons"] if one["rule"] in RULES}:
        assert page.count(RULES[name].plain.replace("'", "&#x27;")) == 1


def test_paper_is_never_dark_and_breaks_inside_a_long_reason() -> None:
    page = rendered(saved("verdict"), "html")
    assert "@media screen and (prefers-color-scheme:dark)" in page
    assert "details{break-inside:avoid}" not in page


def changed() -> dict[str, Any]:
    return saved("verdict") | {
        "schema": "secpipe.change/1",
        "sentence": "THIS CHANGE IS BLOCKED for prod: 2 new things.",
    }


def test_a_change_has_a_first_screen_too_and_says_that_it_was_compared() -> None:
    said = brief.render(changed())
    assert len(said.splitlines()) <= brief.SCREEN
    assert "not compared" not in said
    assert re.search(r"^looked at +\S", said, re.M)


def test_the_page_of_a_change_counts_what_is_new_and_does_not_say_its_sentence_twice() -> None:
    page = rendered(changed(), "html")
    new = page[page.index("What is new?") : page.index("</dl>")]
    assert "4 things" in new
    assert "THIS CHANGE IS BLOCKED" not in new
