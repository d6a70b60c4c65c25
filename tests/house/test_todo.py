"""Every rule ends in something to do: a command that click takes as it stands, or one sentence for a person."""

from __future__ import annotations

import dataclasses
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import click
import pytest

from secpipe.core.do import Do, Kind
from secpipe.core.evidence import Evidence, State, skipped
from secpipe.core.finding import Finding, Severity
from secpipe.core.verdict import Effect, Reason
from secpipe.gate.doing.call import Call
from secpipe.gate.doing.sentences import SENTENCES
from secpipe.gate.doing.todo import MAKERS, told
from secpipe.gate.policies.policy import Policy, Sbom, Waivers
from secpipe.gate.policies.waivers import NEVER
from tests.house.test_commands_in_documents import resolve
from tests.unit.gate_builders import clean, situation

ROOT = Path(__file__).resolve().parents[2]
RULES = [
    rule["id"]
    for path in sorted((ROOT / "policies/rules").glob("*.toml"))
    for rule in tomllib.loads(path.read_text())["rule"]
]
MANAGERS = {"uv", "poetry", "pdm", "env", "npm", "pnpm", "yarn", "cargo", "go"}
DIGEST = "sha256:" + "ab" * 32
CALLS = [
    Call(),
    Call(known=True, policy_pin=DIGEST),
    Call(known=True, path="shop", policy="rules/my policy.toml", policy_pin=DIGEST, trust="trust", trust_pin=DIGEST),
    Call(known=True, path="-x", policy="", trust="-x/keys"),
    Call(known=True, path="/srv/a b", policy="builtin:strict", trust="/t", trust_there=True, signers=("ann", "bob")),
    Call(known=True, policy="p.toml", policy_ref="git:origin/main:p.toml", policy_pin=DIGEST),
    Call(known=True, policy="p.toml", policy_ref="signed", policy_pin=DIGEST, options=("--env", "dev")),
]
#: Where a rule's text is meant for a reader who must look something up; nobody fills it in.
_PLACEHOLDER = re.compile(r"(?<![\w-])[A-Z]{3,}(?![\w-])|\.\.\.|<[a-z]+>|sha256:(?![0-9a-f]{64})")


def found(rule: str, **details: Any) -> Finding:
    facts = {"provider": "openai", "host": "", "package": "jinja2", "version": "3.1.4", "ecosystem": "PyPI",
             "fixed": ["3.1.6"], "outcome": "review", **details}  # fmt: skip
    return Finding(rule, "something is wrong", Severity.HIGH, path="a dir/uv.lock", subject="x", details=facts)


def dos(rule: str, call: Call, policy: Policy, *, trust: bool) -> list[Do]:
    evidence = clean() if trust else clean(trust=skipped("trust", "there is no trust root"))
    evidence["sbom"] = Evidence("sbom", State.OK, facts={"shipped": []})
    now = situation(evidence, policy, call=call)
    made = []
    for check in ("sbom", "attestations", "provenance", "trust", "promotion"):
        for findings in ((found(rule),), (found(rule, outcome="malicious"),), ()):
            ids = tuple(one.id for one in findings)
            reason = Reason(rule, Effect.DENY, "it is so", check, "ann", "a dir/uv.lock", ids, "look at it")
            made += [each.do for each in told([reason], {one.id: one for one in findings}, now) if each.do]
    return made


def mistake(do: Do) -> str:
    """Return why a command is none, or ""."""
    words = shlex.split(do.text)
    if placeholder := _PLACEHOLDER.search(do.text):
        return f"{placeholder[0]} is a placeholder"
    if words[0] != "secpipe":
        return "" if words[0] in MANAGERS else f"{words[0]} is no package manager that is known here"
    command, rest = resolve(words[1:])
    if isinstance(command, click.Group):
        return "no such command"
    try:
        command.make_context("secpipe", list(rest), help_option_names=["-h", "--help"])  # click keeps them
    except click.UsageError as error:
        return "" if "does not exist" in error.format_message() else error.format_message()
    return ""


POLICIES = [
    dataclasses.replace(Policy(), name="p", owner="ann", sbom=Sbom(shipped=True)),
    dataclasses.replace(Policy(), name="p", owner="ann", waivers=Waivers(signed=True)),
]


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_has_something_to_do(rule: str) -> None:
    wrong = []
    for call in CALLS:
        for policy in POLICIES:
            for trust in (True, False):
                made = dos(rule, call, policy, trust=trust)
                assert len(made) == 15
                for do in made:
                    assert do.text
                    assert do.text.isprintable()
                    if do.kind is Kind.PERSON:
                        wrong += [do.text] if not re.fullmatch(r"[^a-z].*[^.]\.", do.text) or "{" in do.text else []
                    elif problem := mistake(do):
                        wrong.append(f"{do.text}: {problem}")
    assert sorted(set(wrong)) == []


@pytest.mark.parametrize("rule", [rule for rule in RULES if not rule.startswith("gate/")])
def test_what_is_malicious_is_never_offered_for_acceptance(rule: str) -> None:
    for call in CALLS:
        now = situation(clean(), POLICIES[0], call=call)
        bad = found(rule, outcome="malicious")
        reason = Reason(rule, Effect.DENY, "it is so", "models", "ann", bad.path, (bad.id,))
        (made,) = told([reason], {bad.id: bad}, now)
        assert made.do is not None
        assert made.do.kind is Kind.PERSON or rule == "audit/known-vulnerability"


def test_the_tables_name_rules_that_exist() -> None:
    named = {name.partition(":")[0] for name in SENTENCES} | set(MAKERS)
    assert named - set(RULES) == set()
    assert set(NEVER) - set(SENTENCES) == set()


def test_a_mistake_would_be_found() -> None:
    assert mistake(Do(Kind.FIX, "secpipe check --policy FILE")) == "FILE is a placeholder"
    assert mistake(Do(Kind.FIX, "secpipe check --polcy x")) != ""
    assert mistake(Do(Kind.FIX, "secpipe sign --trust keys")) != ""
    assert mistake(Do(Kind.FIX, "rm -rf x")) != ""
