"""Every rule is described as data, explained by the command, and has an up-to-date page."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from secpipe.api.rendering import known_rules
from secpipe.core.errors import InputError
from secpipe.report.rules import page, parse, plain

ROOT = Path(__file__).resolve().parents[3]
RULES = known_rules()
FILES = sorted((ROOT / "policies/rules").glob("*.toml"))
_ID_IN_CODE = re.compile(r"(?:gate|models|shadow-ai|audit|signatures|sbom)/[a-z][a-z0-9]*(?:-[a-z0-9]+)*")


def explain(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "secpipe", "explain", *arguments], cwd=ROOT, capture_output=True, text=True
    )


def test_pages_are_up_to_date() -> None:
    """In a process of its own: click keeps the help option of a command's first context, whoever made it."""
    done = subprocess.run([sys.executable, "docs/generate.py", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, ""), "run: python docs/generate.py"


def test_every_rule_in_the_data_is_known_once() -> None:
    listed = [rule["id"] for file in FILES for rule in tomllib.loads(file.read_text())["rule"]]
    assert sorted(listed) == sorted(RULES)


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)
def test_a_rule_says_what_why_bad_good_and_fix(rule: object) -> None:
    known = RULES[rule.id]  # type: ignore[attr-defined]
    texts = [known.title, known.plain, known.what, known.why, known.bad, known.good, known.fix]
    assert all(texts)
    assert known.bad != known.good
    assert not known.title.endswith(".")
    for text in texts:
        assert text in page(known)
        assert "".join(text.split()) in "".join(plain(known).split())
    examples = {f"  {line}" for line in (known.bad + "\n" + known.good).splitlines()}
    assert max(len(line) for line in plain(known).splitlines() if line not in examples) <= 100


def test_every_rule_that_the_code_can_report_is_described() -> None:
    """A finding whose rule nobody can look up is worth little."""
    used = {
        (node.value, file.relative_to(ROOT).as_posix())
        for file in (ROOT / "secpipe").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _ID_IN_CODE.fullmatch(node.value)
    }
    assert not sorted(name for name in used if name[0] not in RULES)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ('id = "gate/x"', "no rule"),
        ('id = "models/x"', "not gate/kebab-name"),
        ('id = "gate/X"', "not gate/kebab-name"),
        ("surprise = 1", "is no key of a rule"),
        ('why = ""', "why is missing"),
        ('severity = "awful"', "none of"),
    ],
)
def test_a_broken_rule_file_is_refused(change: str, message: str) -> None:
    fields = {key: f'{key} = "text"' for key in ("title", "plain", "what", "why", "bad", "good", "fix")}
    fields |= {"id": 'id = "gate/a"', "severity": 'severity = "low"'}
    fields[change.partition(" ")[0]] = change
    data = ("[[rule]]\n" + "\n".join(fields.values())).encode()
    if message == "no rule":
        assert [rule.id for rule in parse(data, "gate")] == ["gate/x"]
        with pytest.raises(InputError, match="stands twice"):
            parse(data + b"\n" + data, "gate")
    else:
        with pytest.raises(InputError, match=message):
            parse(data, "gate")


def test_explain_prints_one_or_all() -> None:
    one = explain("gate/self-judged", "signatures/invalid")
    assert one.returncode == 0
    for heading in ("What it looks at", "Why it matters", "Bad", "Good", "How to mend it", "How to waive it"):
        assert one.stdout.count(f"\n{heading}\n") == 2
    every = explain("--all")
    assert every.returncode == 0
    assert [line.split()[0] for line in every.stdout.splitlines()[: len(RULES)]] == list(RULES)
    data = json.loads(explain("--all", "-f", "json").stdout)
    assert [rule["id"] for rule in data["rules"]] == list(RULES)
    assert explain("gate/clock", "-f", "markdown").stdout == page(RULES["gate/clock"])


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["gate/self-judge"], 'did you mean "gate/self-judged"?'),
        (["stripped-half"], 'did you mean "signatures/stripped-half"?'),
        (["\x1b[2J"], "secpipe explain --all"),
        ([], "secpipe explain --all"),
        (["--all", "gate/clock"], "secpipe explain --all"),
    ],
)
def test_explain_helps_whoever_mistypes(arguments: list[str], hint: str) -> None:
    done = explain(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"hint: {hint}" in done.stderr
    assert "\x1b" not in done.stderr
