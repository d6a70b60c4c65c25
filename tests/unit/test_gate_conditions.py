"""Conditions under attack: errors that look true, errors that vanish, values nobody knows, items made to hurt."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from secpipe.cli.main import run
from secpipe.core.artifact import Skip
from secpipe.core.errors import ConfigError
from secpipe.core.evidence import Evidence, State
from secpipe.core.finding import Finding, Severity
from secpipe.core.inventory import Component, ComponentKind
from secpipe.core.limits import DEFAULT
from secpipe.core.verdict import Decision, Effect, Judgement
from secpipe.gate.conditions import cel, prepare
from secpipe.gate.conditions.fields import FIELDS
from secpipe.gate.decide import decide
from secpipe.gate.policies import policy_file
from secpipe.gate.policies.policy import ITEMS, Condition, Policy, Waiver
from secpipe.gate.record import decode
from secpipe.gate.rules import conditions as rule
from tests import skips
from tests.unit.gate_builders import clean, finding, ok, situation

needs_cel = skips.unless_installed(cel.available(), "secpipe[cel] is not installed")

ONE = '[[condition]]\nid = "a"\non = "model"\nwhen = "true"'
HEAD = 'schema = "secpipe.policy/1"\nname = "t"\nowner = "o"\nexpires = 2027-06-30\n'


def vulnerability(severity: Severity = Severity.LOW, **details: Any) -> Finding:
    values = {
        "id": "GHSA-1", "aliases": ["CVE-2025-1"], "package": "torch", "version": "2.5.0", "ecosystem": "PyPI",
        "fixed": ["2.6.0"], "kev": "", "epss": None, "cvss": 5.0, "vector": "", "direct": True, "imported": None,
        "weaknesses": [],
    }  # fmt: skip
    subject = f"pkg:pypi/torch@2.5.0 {details.get('id', 'GHSA-1')}"
    rule_id = details.pop("rule", "audit/known-vulnerability")
    return Finding(rule_id, "torch is vulnerable", severity, path="uv.lock", subject=subject, details=values | details)


def judge(
    when: str,
    *found: Finding,
    on: str = "vulnerability",
    effect: str = "deny",
    policy: Policy | None = None,
    **rest: Any,
) -> Judgement:
    base = policy or replace(Policy(), name="t", owner="sec")
    wanted = replace(base, condition=(Condition("stop", on, when, effect, "must not be"),))
    evidence = rest.pop("evidence", None) or clean(audit=replace(ok("audit"), findings=found))
    return decide(situation(evidence, wanted, **rest))


def said(judgement: Judgement) -> list[str]:
    return [reason.what for reason in judgement.reasons if reason.check == "conditions"]


@needs_cel
def test_exactly_true_denies_exactly_false_does_not() -> None:
    assert judge('vulnerability.package == "torch"', vulnerability()).decision is Decision.DENY
    assert judge('vulnerability.package == "numpy"', vulnerability()).decision is Decision.WARN  # low severity warns
    warned = judge('vulnerability.package == "torch"', vulnerability(), effect="warn")
    assert warned.decision is Decision.WARN
    assert said(warned) == ["uv.lock: must not be: GHSA-1 in torch 2.5.0"]


@needs_cel
@pytest.mark.parametrize(
    "when",
    [
        "vulnerability.epss > 0.5",  # null compared
        "vulnerability.epss == 0.5",  # null is not "another number"
        "vulnerability.epss != 0.5",
        "vulnerability.epss in [0.5, 0.6]",
        'vulnerability.kev == "2026-01-01"',
        'vulnerability.kev < "2026-01-01"',
        "vulnerability.imported",
        "!vulnerability.imported",
        'vulnerability.vector.contains("AV:N")',
        "[vulnerability.kev] == [vulnerability.vector]",
        "vulnerability.imported ? false : false",
    ],
)
def test_what_is_not_known_is_no_no(when: str) -> None:
    judgement = judge(when, vulnerability())
    assert judgement.decision is Decision.UNDECIDED
    assert judgement.reasons[0].rule == "gate/condition-unknown"
    assert "is not known" in judgement.reasons[0].what
    assert judge(when, vulnerability(), effect="warn").decision is Decision.WARN


@needs_cel
@pytest.mark.parametrize(
    ("when", "decision"),
    [
        ("vulnerability.epss != null && vulnerability.epss > 0.5", Decision.WARN),
        ("vulnerability.epss == null || vulnerability.epss > 0.5", Decision.DENY),
        ("null == vulnerability.epss", Decision.DENY),
        ("vulnerability.kev != null", Decision.WARN),
        # whatever the value is, the answer is the same: this is no error that vanished
        ('vulnerability.epss > 0.5 && vulnerability.package == "numpy"', Decision.WARN),
        ('vulnerability.epss > 0.5 || vulnerability.package == "torch"', Decision.DENY),
        # asking about one field says nothing about another
        ("vulnerability.epss == null && vulnerability.imported", Decision.UNDECIDED),
        # nor does a text that only looks like the question
        ('vulnerability.epss > 0.5 && "vulnerability.epss != null" != ""', Decision.UNDECIDED),
    ],
)
def test_a_condition_may_ask_whether_a_value_is_known(when: str, decision: Decision) -> None:
    assert judge(when, vulnerability()).decision is decision


@needs_cel
@pytest.mark.parametrize(
    "when",
    [
        "vulnerability.typo > 1 && false",  # CEL absorbs the error: false
        "finding.level > 1 && false",  # a field of another item
        "vulnerability.severity",  # a string is true in Python
        "vulnerability.level",
        "vulnerability.aliases",
        "null",
        "'true'",
        "1",
        "dyn(1) == 1",
        "has(vulnerability.kev)",
        "vulnerability.severity > 3",
        "vulnerability.score > 4",
        "vulnerability == vulnerability",
        "[vulnerability] == []",
        'vulnerability["severity"] == "low"',
        ".vulnerability.severity == 'low'",
        "vulnerability.severity.size.x == 1",
        "a.vulnerability.severity == 'low'",
        "vulnerability.`severity` == 'low'",
        "vulnerability.message.matches('(a+)+$')",
        "vulnerability.aliases.map(a, a + a).size() > 0",
        "vulnerability.message + vulnerability.message == ''",
        "vulnerability.aliases.all(a, vulnerability.aliases.all(b, a == b))",
        "vulnerability.aliases.exists(vulnerability, vulnerability.kev == null)",
        "{'a': 1}.a == 1",
        "r'\\' == 'a'",
        "'''a''' == 'a'",
        "vulnerability.severity == 'low' // no comments",
        "size(1) == 1",
        "",
        "   ",
        "true)",
        "(" * 400 + "true" + ")" * 400,
        "true" + " || true" * 200,
        "duration('1h') > duration('2h')",
        "type(vulnerability.severity) == string",
        "vulnerability.severity ==",
        "\ud800",
        "vulnerability.level > 99999999999999999999",
        "true ? 1 : 'a'",
    ],
)
def test_an_expression_that_is_not_allowed_is_refused_at_load_and_never_a_no(when: str) -> None:
    condition = Condition("stop", "vulnerability", when, "deny")
    wrong = prepare.problem(condition)
    assert wrong is not None
    assert wrong.message
    assert wrong.column >= 0
    assert judge(when, vulnerability()).decision is Decision.UNDECIDED
    assert judge(when, vulnerability(), effect="warn").decision is Decision.WARN


@needs_cel
@pytest.mark.parametrize("effect", ["deny", "warn"])
def test_evidence_that_is_not_there_leaves_a_condition_on_it_undecided(effect: str) -> None:
    policy = replace(Policy(), name="t", vulnerabilities=replace(Policy().vulnerabilities, required=False))
    evidence = clean(audit=Evidence("audit", State.SKIPPED, "no advisory data"))
    judgement = judge("vulnerability.kev != null", effect=effect, policy=policy, evidence=evidence)
    assert judgement.decision is (Decision.UNDECIDED if effect == "deny" else Decision.WARN)
    assert "no advisory data" in said(judgement)[0]
    skips = clean(models=replace(ok("models"), skips=(Skip("m/x.pt", "a link"),)))
    policy = replace(Policy(), name="t", models=replace(Policy().models, required=False))
    judgement = judge('model.format == "pickle"', on="model", effect=effect, policy=policy, evidence=skips)
    assert judgement.decision is (Decision.UNDECIDED if effect == "deny" else Decision.WARN)
    assert any("m/x.pt" in text for text in said(judgement))


HOSTILE: list[dict[str, Any]] = [
    {"package": None}, {"package": 5}, {"package": "x" * 100_000}, {"package": "\ud800"}, {"package": ["torch"]},
    {"package": b"torch"}, {"package": {"torch": 1}}, {"package": True},
]  # fmt: skip


@needs_cel
@pytest.mark.parametrize("changes", HOSTILE, ids=lambda changes: str(changes)[:30])
def test_a_value_of_another_type_or_size_is_not_known(changes: dict[str, Any]) -> None:
    for when in ('vulnerability.package == "torch"', 'vulnerability.package != "torch" && false || false'):
        judgement = judge(when, vulnerability(**changes))
        decided = "&& false" in when  # the answer does not hang on the value
        assert (judgement.decision is Decision.WARN) == decided, said(judgement)


@needs_cel
@pytest.mark.parametrize("score", [float("nan"), float("inf"), "9.9", True, 10**400, [9.9]])
def test_a_score_that_is_no_number_is_not_known(score: Any) -> None:
    assert judge("vulnerability.score >= 9.0", vulnerability(cvss=score)).decision is Decision.UNDECIDED
    asked = judge("vulnerability.score != null && vulnerability.score >= 9.0", vulnerability(cvss=score))
    assert asked.decision is Decision.UNDECIDED  # it is not null either: nobody can tell what it is


@needs_cel
def test_a_list_that_is_too_long_or_holds_something_else_is_not_known() -> None:
    when = 'vulnerability.aliases.exists(one, one == "CVE-2025-1")'
    assert judge(when, vulnerability()).decision is Decision.DENY
    for aliases in (["x"] * 5000, ["CVE-2025-1", 5], "CVE-2025-1", None, [["CVE-2025-1"]]):
        assert judge(when, vulnerability(aliases=aliases)).decision is Decision.UNDECIDED


@needs_cel
def test_what_costs_too_much_is_left_undecided_not_left_out() -> None:
    long = [vulnerability(id=f"GHSA-{number}", aliases=["a" * 2000 + "b"] * 900) for number in range(40)]
    long = [replace(one, message="a" * 4096) for one in long]
    judgement = judge("vulnerability.aliases.exists(one, vulnerability.message.contains(one))", *long)
    assert judgement.decision is Decision.UNDECIDED
    assert any("too much to look at" in text for text in said(judgement))


@needs_cel
def test_more_items_than_are_listed_still_block() -> None:
    limits = replace(DEFAULT, findings=3)
    found = [vulnerability(id=f"GHSA-{number}") for number in range(9)]
    policy = replace(
        Policy(),
        condition=(Condition("stop", "vulnerability", "true", "deny"),),
        waiver=(waiver(subjects=("stop *",)),),
    )
    made = rule.conditions(situation(clean(audit=replace(ok("audit"), findings=tuple(found))), policy), (), limits)
    assert [reason.effect for reason in made.reasons] == [Effect.UNDECIDED]
    many = replace(policy, condition=tuple(Condition(f"c{n}", "model", "false") for n in range(65)))
    assert decide(situation(policy=many)).decision is Decision.UNDECIDED


def waiver(**rest: Any) -> Waiver:
    values = {"id": "W", "owner": "raj", "reason": "r", "rule": "gate/condition", "expires": date(2026, 12, 1)} | rest
    return Waiver(**values)


@needs_cel
@pytest.mark.parametrize(
    ("changes", "decision"),
    [
        ({}, Decision.WARN),
        ({"subjects": ("stop *",)}, Decision.WARN),
        ({"subjects": ("stop pkg:pypi/torch@2.5.0 GHSA-1",)}, Decision.WARN),
        ({"subjects": ("sto *",)}, Decision.DENY),
        ({"subjects": ("other *",)}, Decision.DENY),
        ({"rule": "gate/condition-unknown"}, Decision.DENY),
        ({"rule": "audit/*"}, Decision.DENY),  # a waiver for the finding is none for the condition
        ({"expires": date(2026, 11, 20)}, Decision.DENY),
    ],
)
def test_a_waiver_names_the_rule_and_the_condition(changes: dict[str, Any], decision: Decision) -> None:
    policy = replace(Policy(), waiver=(waiver(**changes),))
    judgement = judge('vulnerability.package == "torch"', vulnerability(), policy=policy)
    assert judgement.decision is decision
    if decision is Decision.WARN:
        assert judgement.waivers[0].used == 1


@needs_cel
def test_what_is_not_known_can_be_waived_by_name() -> None:
    policy = replace(Policy(), waiver=(waiver(rule="gate/condition-unknown", subjects=("stop *GHSA-1",)),))
    when = "vulnerability.epss > 0.5"
    assert judge(when, vulnerability(), policy=policy).decision is Decision.WARN
    assert judge(when, vulnerability(), vulnerability(id="GHSA-2"), policy=policy).decision is Decision.UNDECIDED


@needs_cel
def test_a_condition_may_spare_what_is_waived() -> None:
    policy = replace(Policy(), waiver=(waiver(rule="audit/*"),))
    found = vulnerability(Severity.HIGH)
    assert judge("vulnerability.level >= 3", found, policy=policy).decision is Decision.DENY
    assert judge("vulnerability.level >= 3 && !vulnerability.waived", found, policy=policy).decision is Decision.PASS


@needs_cel
def test_each_kind_of_item() -> None:
    parts = (
        Component("a", ComponentKind.LIBRARY, "left-pad", "1.0", purl="pkg:npm/left-pad@1.0", licenses=("WTFPL",)),
        Component("b", ComponentKind.LIBRARY, "unlicensed"),
    )
    use = {
        "id": "u", "provider": "openai", "name": "OpenAI", "kind": "model-api", "host": "api.openai.com",
        "mechanism": "sdk", "model": "", "path": "a.py", "line": 3, "region": "test", "confidence": "high",
        "evidence": [], "jurisdiction": "US", "sdk": "openai", "local": False, "basis": "use",
        "context": False, "waiver": None,
    }  # fmt: skip
    artifact = {"path": "m", "kind": "model", "verified": True, "require_met": True, "identity": "builder"}
    evidence = clean(
        shadow_ai=ok("shadow-ai", uses=[use]),
        signatures=ok("signatures", artifacts=[artifact], covered={"m/a.safetensors": "builder"}),
        models=replace(ok("models"), findings=(finding("models", Severity.INFO, path="m/a.safetensors"),)),
    )
    wanted = {
        "finding": 'finding.rule == "models/a-rule" && finding.level == 0',
        "component": 'component.kind == "library" && (!component.licensed || component.licenses.exists(l, l == "MIT"))',
        "model": 'model.format == "safetensors" && size(model.holds) == 0',
        "ai_use": 'ai_use.jurisdiction in ["US"] && ai_use.region == "test"',
        "artifact": 'artifact.verified && artifact.identity != "release"',
        "vulnerability": "true",
    }
    assert set(wanted) == set(ITEMS) == set(FIELDS)
    evidence["models"] = replace(
        evidence["models"],
        facts={"files": {"m/a.safetensors": {"format": "safetensors", "outcome": "ok", "holds": []}}},
    )
    for on, when in wanted.items():
        judgement = judge(when, on=on, evidence=evidence, components=parts)
        expected = Decision.PASS if on == "vulnerability" else Decision.DENY
        assert judgement.decision is expected, (on, said(judgement))
    labels = said(judge(wanted["component"], on="component", evidence=evidence, components=parts))
    assert labels == ["must not be: unlicensed"]


@needs_cel
def test_many_items_of_one_condition_are_one_thing_to_do() -> None:
    judgement = judge("true", *[vulnerability(id=f"GHSA-{number}") for number in range(7)])
    assert len([reason for reason in judgement.reasons if reason.check == "conditions"]) == 1
    assert "and 4 more" in said(judgement)[0]
    assert next(row for row in judgement.checks if row.check == "conditions").findings == 7


@needs_cel
def test_a_policy_from_the_tree_can_only_add_to_what_denies() -> None:
    base = situation(clean(audit=replace(ok("audit"), findings=(vulnerability(),))))
    before = decide(base).decision
    for when in ("true", "false", "vulnerability.epss > 0.5", "broken("):
        theirs = replace(base, policy=replace(Policy(), condition=(Condition("own", "vulnerability", when),)))
        after = decide(base, decide(theirs)).decision
        order = [Decision.PASS, Decision.WARN, Decision.UNDECIDED, Decision.DENY]
        assert order.index(after) >= order.index(before)


def test_without_the_extra_a_policy_with_conditions_is_undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cel, "available", lambda: False)
    for effect in ("deny", "warn"):
        judgement = judge('vulnerability.package == "numpy"', vulnerability(), effect=effect)
        assert judgement.decision is Decision.UNDECIDED
        assert "needs secpipe[cel]" in said(judgement)[0]
    assert prepare.problem(Condition("a", "finding", "finding.rule == 1")) is None  # types need the library
    assert prepare.problem(Condition("a", "finding", "finding.rul == 1")) is not None


def test_without_the_package_nothing_else_breaks() -> None:
    code = (
        "import sys; sys.modules['cel_expr_python'] = None\n"
        "from secpipe.gate.decide import decide\n"
        "from secpipe.gate.policies.policy import Condition, Policy\n"
        "from tests.unit.gate_builders import situation\n"
        "print(decide(situation(policy=Policy(condition=(Condition('c', 'model', 'true'),)))).decision)\n"
        "print(decide(situation()).decision)\n"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=False)
    assert done.stdout.split() == ["undecided", "pass"], done.stderr


def test_a_policy_without_conditions_never_loads_the_library() -> None:
    code = (
        "import sys\nfrom secpipe.gate.decide import decide\nfrom tests.unit.gate_builders import situation\n"
        "from secpipe.gate.policies import policy_file\npolicy_file.load('builtin:strict').resolve('prod')\n"
        "decide(situation())\nsys.exit('cel_expr_python' in sys.modules)\n"
    )
    root = Path(__file__).resolve().parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


def test_there_is_a_row_only_where_there_are_conditions() -> None:
    assert "conditions" not in {row.check for row in decide(situation()).checks}


@needs_cel
@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        (ONE + '\n[[condition]]\nid = "b"\non = "model"\n  when = "model.fromat == \'x\'"', "t.toml:12:3", '"format"?'),
        (ONE.replace("true", "finding.rule == 'x'"), "t.toml:8:1", "sees model and nothing else"),
        (ONE.replace("true", "model.format"), "t.toml:8:1", "not true or false"),
        (ONE.replace('"model"', '"modell"'), "t.toml:7:1", 'did you mean "model"?'),
        (ONE.replace('"a"', '"a b"'), "t.toml:6:1", "an id of its own"),
        (f"{ONE}\n{ONE}", "t.toml:10:1", "an id of its own"),
        (ONE.replace("[[", "[[env.prod.").replace("true", "nope"), "t.toml:8:1", "not known here"),
        (ONE.replace("when", "message"), "t.toml:5:1", "is empty"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place(text: str, place: str, words: str) -> None:
    with pytest.raises(ConfigError) as told:
        policy_file.parse(f"{HEAD}{text}\n".encode(), "t.toml")
    assert told.value.message.startswith(place), told.value.message
    assert words in f"{told.value.message} {told.value.hint}"


@needs_cel
def test_a_result_that_is_not_a_boolean_is_neither() -> None:
    class Result:
        def __init__(self, value: Any, kind: str) -> None:
            self._value, self._kind = value, kind

        def value(self) -> Any:
            return self._value

        def type(self) -> Any:
            class Kind(str):
                def name(self) -> str:
                    return str(self)

            return Kind(self._kind)

    class Compiled:
        def __init__(self, result: Any) -> None:
            self.result = result

        def eval(self, data: Any) -> Any:
            if isinstance(self.result, BaseException):
                raise self.result
            return self.result

    for result in (
        Result("NOT_FOUND: no such key", "ERROR"), Result(True, "ERROR"), Result("true", "BOOL"), Result(1, "BOOL"),
        Result(None, "NULL"), Result("x", "UNKNOWN"), RuntimeError("Iteration budget exceeded"), MemoryError("much"),
    ):  # fmt: skip
        held, why = cel.Program(Compiled(result), "BOOL").evaluate({})
        assert held is None
        assert why
    assert cel.Program(Compiled(Result(False, "BOOL")), "BOOL").evaluate({}) == (False, "")


@needs_cel
def test_check_judges_by_a_condition_and_replays_it(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """From a policy file to the exit code, and the same from the recorded evidence: components travel with it."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "requirements.txt").write_text("left-pad==1.0\n")
    policy = tmp_path / "policy.toml"
    when = 'component.ecosystem == "PyPI" && component.name == "left-pad"'
    policy.write_text(f'{HEAD}[[condition]]\nid = "no-left-pad"\non = "component"\nwhen = \'{when}\'\nmessage = "no"\n')
    pin = f"sha256:{policy_file.load(str(policy)).digest}"
    evidence = tmp_path / "evidence.json"
    argv = ["check", str(project), "--policy", str(policy), "--policy-ref", pin, "-q", "-f", "json"]
    code = run([*argv, "--emit-input", str(evidence), "--explain"])
    document = json.loads(capsysbinary.readouterr().out)
    told = [reason for reason in document["reasons"] if reason["rule"] == "gate/condition"]
    assert code == 1
    assert [reason["what"] for reason in told] == ["requirements.txt: no: left-pad 1.0"]
    why = next(one for one in document["explanation"]["reasons"] if one["rule"] == "gate/condition")
    assert why["demanded"] == [{"key": "condition.no-left-pad.when", "value": json.dumps(when), "from": str(policy)}]
    record = decode(evidence.read_bytes(), "evidence")
    again = decide(record.situation(policy_file.load(str(policy)).resolve("prod")))
    assert [reason.what for reason in again.reasons if reason.rule == "gate/condition"] == [told[0]["what"]]
    policy.write_text(policy.read_text().replace("component.name", "component.nmae"))
    assert run(["check", str(project), "--policy", str(policy), "-q"]) == 2
