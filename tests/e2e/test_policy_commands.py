"""`secpipe policy show --resolved | diff | lint | test | pin | schema`, as people use them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from secpipe.core.errors import ConfigError
from secpipe.gate.policies import policy_file
from secpipe.system import places
from tests.e2e.transcript import Shell

HEAD = """schema = "secpipe.policy/1"
name = "acme"
owner = "sec@acme.example"
expires = 2027-06-30
"""
POLICY = (
    HEAD
    + """profile = ["baseline", "strict"]
overridable = ["mode", "models.block"]

[models]
formats = ["safetensors"]

[[waiver]]
id = "W-1"
rule = "models/*"
owner = "raj"
approved_by = "jane"
reason = "converted next week"
expires = 2026-12-01

[env.dev]
mode = "warn"
[env.dev.models]
block = "high"
"""
)


@pytest.fixture
def run(shell: Shell) -> Any:
    def ask(command: str, expected: int = 0) -> str:
        code, out, err = shell(command)
        assert code == expected, f"{command}\n{out}{err}"
        return out + err

    ask.write = lambda name, text: (shell.cwd / name).write_text(text)  # type: ignore[attr-defined]
    return ask


def origins(run: Any, options: str = "") -> dict[str, dict[str, Any]]:
    document = json.loads(run(f"secpipe policy show policy.toml --resolved -f json {options}"))
    assert document["schema"] == "secpipe.policy-resolved/1"
    return {row["key"]: row for row in document["values"]}


def test_show_says_where_each_value_comes_from(run: Any) -> None:
    run.write("policy.toml", POLICY)
    rows = origins(run)
    assert rows["expires"] == {"key": "expires", "value": "2027-06-30", "origin": "policy.toml:4", "note": ""}
    assert rows["models.formats"]["origin"] == "policy.toml:9"
    assert rows["models.formats"]["note"] == 'instead of ["safetensors", "gguf", "onnx"], builtin:strict'
    assert rows["models.block"]["origin"] == "builtin:strict"
    assert rows["models.block"]["note"] == "tighter than builtin:baseline"
    assert rows["signatures.require"]["origin"] == "builtin:baseline, builtin:strict"
    assert rows["keys.max_age_days"]["origin"] == "default"
    assert rows["waiver[1]"]["origin"] == "policy.toml:11"
    assert rows["shadow_ai.default"]["origin"] == "builtin:baseline, builtin:strict"
    dev = origins(run, "--env dev")
    assert dev["mode"]["origin"] == "policy.toml:20 [env.dev]"
    assert dev["models.block"] == {
        "key": "models.block",
        "value": "high",
        "origin": "policy.toml:22 [env.dev]",
        "note": 'instead of "low", builtin:strict',
    }


def test_show_lists_every_key_and_its_columns_are_aligned(run: Any) -> None:
    run.write("policy.toml", POLICY)
    text = run("secpipe policy show policy.toml --resolved --env dev")
    lines = [line for line in text.splitlines() if line.endswith("  default")]
    assert len(lines) > 20
    assert len({line.rindex("  default") for line in lines}) == 1
    plain = json.loads(run("secpipe policy show policy.toml -f json"))
    keys = {
        f"{a}.{b}" if isinstance(v, dict) else a for a, v in plain.items() for b in (v if isinstance(v, dict) else [0])
    }
    shown = {key.partition("[")[0] for key in origins(run)}
    assert {key for key in keys if not key.startswith("shadow_ai")} <= shown
    assert "sha256:" + policy_file.load("policy.toml").digest in text


def test_show_names_the_resolved_digest_that_the_verdict_has(run: Any, shell: Shell) -> None:
    run.write("policy.toml", POLICY)
    (shell.cwd / "repo").mkdir()
    (shell.cwd / "repo/app.py").write_text("print(1)\n")
    document = json.loads(shell("secpipe check repo --policy policy.toml --env dev -f json")[1])
    shown = json.loads(run("secpipe policy show policy.toml --resolved --env dev -f json"))
    assert document["policy"]["resolved"] == shown["resolved"]
    assert document["policy"]["digest"] == shown["digest"]
    assert document["policy"]["pin"] == ""


def test_hostile_text_in_a_policy_is_escaped(run: Any) -> None:
    run.write(
        "policy.toml", HEAD.replace("acme.example", "x\\u001b[31m\\u202e") + "[env.\"\\u001b[2J\"]\nmode='enforce'\n"
    )
    for command in ("show policy.toml --resolved", "show policy.toml", "lint policy.toml"):
        text = run(f"secpipe policy {command}")
        assert "\x1b" not in text
        assert "\u202e" not in text


def test_diff_says_which_way_each_change_goes(run: Any) -> None:
    run.write("old.toml", POLICY)
    run.write(
        "new.toml",
        POLICY.replace("2027-06-30", "2027-12-31")
        .replace('["safetensors"]', '["safetensors", "gguf"]')
        .replace("W-1", "W-2")
        + "[vulnerabilities]\nblock = 'low'\n[provenance]\nbuilders = ['b']\n[env.prod.sbom]\nprofiles = {ntia = 90}\n",
    )
    document = json.loads(run("secpipe policy diff old.toml new.toml -f json"))
    changes = {(item["environment"], item["key"]): item["change"] for item in document["changes"]}
    assert changes == {
        ("", "expires"): "looser",
        ("", "models.formats"): "looser",
        ("", "waiver"): "different",
        ("", "vulnerabilities.block"): "tighter",
        ("", "provenance.builders"): "tighter",
        ("prod", "sbom.profiles"): "tighter",
    }
    assert document["counts"] == {"looser": 2, "different": 1, "tighter": 3}
    text = run("secpipe policy diff old.toml new.toml")
    assert "everywhere" in text
    assert "[env.prod]" in text
    assert text.endswith("6 changes: 2 looser, 1 different, 3 tighter\n")
    run("secpipe policy diff old.toml new.toml --fail-on-looser", 1)


def test_diff_of_what_is_the_same(run: Any) -> None:
    run.write("old.toml", POLICY)
    run.write("new.toml", "# the same\n" + POLICY.replace('["baseline", "strict"]', '[ "baseline","strict" ]'))
    assert run("secpipe policy diff old.toml new.toml --fail-on-looser") == "the same policy\n"
    run.write("new.toml", POLICY.replace('["baseline", "strict"]', '["strict", "baseline"]'))
    assert "nothing that decides changes" in run("secpipe policy diff old.toml new.toml --fail-on-looser")


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("", "[models]\nblock = 'low'\n", 0),
        ("[models]\nblock = 'low'\n", "", 1),
        ("[signatures]\nrequire = 'classical'\n", "[signatures]\nrequire = 'pq'\n", 1),
        ("[shadow_ai]\ndefault = 'deny'\n", "[shadow_ai]\ndefault = 'allow'\n", 1),
        ("[shadow_ai]\ngateway = ['a']\n", "[shadow_ai]\ngateway = ['b']\n", 1),
        ("overridable = ['mode']\n", "overridable = ['mode']\n[env.prod]\nmode = 'warn'\n", 1),
        ("overridable = ['mode']\n[env.prod]\nmode = 'warn'\n", "", 0),
        ("[waivers]\nhorizon_days = 30\n", "[waivers]\nhorizon_days = 0\n", 1),
        ("", "[waivers]\nnever = ['models/*']\n", 0),
    ],
)
def test_fail_on_looser(run: Any, old: str, new: str, code: int) -> None:
    run.write("old.toml", HEAD + old)
    run.write("new.toml", HEAD + new)
    run("secpipe policy diff old.toml new.toml --fail-on-looser", code)


LINT = {
    "[licenses]\nallow = ['MIT', 'AGPL-3.0-only']\ndeny = ['agpl-*']\n": ':6:1: warning: "AGPL-3.0-only" is allowed',
    "overridable = ['modles']\n": '"modles" is no key that could be loosened; did you mean "models"?',
    "overridable = ['*']\n": "every environment may loosen everything",
    "[signatures]\ncover = []\n": "nothing is covered",
    "[[attestations.require]]\nmax_age_days = 3\n": 'names no "type"',
    "overridable = ['mode']\n[env.prod]\nmode = 'warn'\n": "prod only warns",
    "overridable = ['models']\n[env.prod.models]\nblock = 'never'\n": ":7:1: warning: prod loosens models.block",
    "[env.prod.promotion]\nafter = ['prod']\n": "prod must come after itself",
    "[env.prod.promotion]\nafter = ['stagin']\n[env.staging]\n": 'no environment "stagin"; did you mean "staging"?',
    "[env.a.promotion]\nafter = ['b']\n[env.b.promotion]\nafter = ['a']\n": "a waits for itself",
    "[promotion]\nafter = ['qa']\n": 'no environment "qa"',
    "[[shadow_ai.allow]]\nhost='a.b'\nowner='a'\nreason='r'\nexpires=2026-01-01\n": "approval expired on 2026-01-01",
}  # fmt: skip
WAIVER = "[[waiver]]\nid='W'\nowner='raj'\nreason='r'\n"
LINT |= {
    WAIVER + "rule='models/x'\nexpires=2026-11-20\n": "waiver W expired on 2026-11-20",
    WAIVER + "rule='models/unlisted-cal'\nexpires=2026-12-01\n": 'did you mean "models/unlisted-call"?',
    WAIVER + "rule='signatures/invalid'\nexpires=2026-12-01\n": "nothing waives signatures/invalid",
    WAIVER + "finding='xyz'\nexpires=2026-12-01\n": "a finding's id is 20 hex digits",
    WAIVER + "rule='audit/*'\nexpires=2026-12-01\nenv=['prd']\n[env.prod]\n": 'for "prd"',
    WAIVER + "rule='audit/*'\nexpires=2027-12-01\n[waivers]\nhorizon_days=90\n": "allows 90 days ahead",
    WAIVER + "rule='audit/*'\nexpires=2026-12-01\n[waivers]\napproved=true\n": "nobody approved it",
    (WAIVER + "rule='audit/*'\nexpires=2026-12-01\n") * 2: 'two waivers are called "W"',
}


@pytest.mark.parametrize("text", list(LINT))
def test_lint_warns_of_what_surely_is_a_mistake(run: Any, text: str) -> None:
    run.write("policy.toml", HEAD + text)
    said = run("secpipe policy lint policy.toml")
    assert LINT[text] in said
    assert "warning: " in said
    run("secpipe policy lint policy.toml --strict", 1)


def test_lint_of_expiry_and_of_a_good_policy(run: Any) -> None:
    run.write("policy.toml", POLICY)
    said = run("secpipe policy lint policy.toml --strict")
    assert "note: dev loosens mode" in said
    assert said.endswith(f"policy.toml: ok, sha256:{policy_file.load('policy.toml').digest}\n")
    assert "expires on 2027-06-30" in run("secpipe policy lint policy.toml --strict --at 2027-06-15", 1)
    assert "expired on 2027-06-30" in run("secpipe policy lint policy.toml --strict --at 2027-07-01", 1)
    document = json.loads(run("secpipe policy lint policy.toml -f json"))
    assert document["policies"][0]["remarks"][0]["level"] == "note"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[env.dev.models]\nblock = 'never'\n", 'policy.toml:6:1: an overlay loosens "models.block"'),
        ("[break_glass]\nholders = 1\n", 'policy.toml:6:1: "break_glass.holders" cannot be below 2'),
        ("[waiver]\nid = 3\n", 'policy.toml:5:1: "waiver" must be an array of tables'),
        ("[minimum]\nroot = 9999999\n", 'policy.toml:6:1: "minimum.root" cannot be above 1,000,000'),
        (WAIVER + "rule='x'\nexpires=2026-12-01\n" + WAIVER + "rule='x'\n", "policy.toml:11:1: a waiver lacks expires"),
    ],
)
def test_lint_ends_with_2_for_what_is_broken(run: Any, text: str, words: str) -> None:
    run.write("policy.toml", HEAD + text)
    assert words in run("secpipe policy lint policy.toml", 2)


CASES = """schema = "secpipe.policy-cases/1"
at = 2026-11-21T12:00:00Z
[[case]]
name = "clean"
expect = { decision = "pass", rules = [], warnings = [] }
[[case]]
name = "a bad model is waived"
finding = [{ check = "models", rule = "models/unlisted-call", severity = "critical", path = "a.safetensors" }]
expect = { decision = "pass", waived = ["W-1"] }
[[case]]
name = "and stands again later"
at = 2026-12-02
finding = [{ check = "models", rule = "models/unlisted-call", severity = "critical", path = "a.safetensors" }]
[case.expect]
decision = "deny"
rules = ["models/unlisted-call", "gate/waiver-expired"]
waived = []
[[case]]
name = "dev only warns"
env = "dev"
checks.audit = { state = "skipped", reason = "no data" }
expect = { decision = "warn" }
"""


def test_cases_beside_a_policy(run: Any) -> None:
    run.write("policy.toml", POLICY)
    run.write("policy.cases.toml", CASES)
    for words in ("policy.toml", "policy.cases.toml", ""):
        said = run(f"secpipe policy test {words}".strip())
        assert "PASS  policy.cases.toml: a bad model is waived (prod)" in said
        assert said.endswith("4 cases: 4 passed, 0 failed\n")


def test_a_case_that_fails_says_what_is_different(run: Any) -> None:
    run.write("policy.toml", POLICY)
    run.write(
        "policy.test.toml",
        CASES.replace('"models/unlisted-call", "gate/waiver-expired"]', '"models/unlisted-call"]').replace(
            'expect = { decision = "pass", rules = []', 'expect = { decision = "deny", rules = ["gate/x"]'
        ),
    )
    said = run("secpipe policy test policy.toml", 1)
    assert "FAIL  policy.test.toml: clean (prod)\n        decision: expected deny, got pass\n" in said
    assert "        rule gate/x: expected, and it does not stand\n" in said
    assert "rule gate/waiver-expired: not expected (deny: waiver W-1 (raj) expired on 2026-12-01" in said
    assert said.endswith("4 cases: 2 passed, 2 failed\n")
    document = json.loads(run("secpipe policy test policy.toml -f json", 1))
    assert [case["passed"] for case in document["cases"]] == [False, True, False, True]


def test_a_case_over_recorded_evidence(run: Any, shell: Shell) -> None:
    run.write("policy.toml", POLICY)
    (shell.cwd / "repo").mkdir()
    (shell.cwd / "repo/app.py").write_text("from openai import OpenAI\nclient = OpenAI()\n")
    shell("secpipe check repo --emit-input evidence.json -f json")
    case = '[[case]]\nname = "recorded"\nevidence = "evidence.json"\nexpect = { decision = "deny" }\n'
    run.write("policy.cases.toml", 'schema = "secpipe.policy-cases/1"\n' + case)
    assert "1 passed" in run("secpipe policy test policy.toml")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "schema must be"),
        ('schema = "secpipe.policy-cases/1"\n', "there is no case in it"),
        (CASES.replace("name = ", "nmae = ", 1), 'policy.cases.toml:4:1: unknown key "case.nmae"'),
        (CASES.replace('decision = "pass"', 'decision = "ok"', 1), 'cannot be "ok"'),
        (CASES.replace("at = 2026-11-21T12:00:00Z\n", "", 1), 'lacks "at"'),
        (CASES.replace(', reason = "no data"', ""), "is skipped for no reason"),
        (CASES.replace('check = "models", ', "", 1), "a finding names its check and its rule"),
        (
            CASES.replace('rule = "models/unlisted-call"', 'rule = "Models"', 1),
            "a finding names its check and its rule",
        ),
        (CASES + "[[case]]\nname = 'x'\n", "expects nothing"),
        (CASES + "[[case]]\nname = 'x'\nevidence = 'absent.json'\nexpect.decision = 'pass'\n", ":25:1: cannot read"),
    ],
)
def test_mistakes_in_cases_have_a_place(run: Any, text: str, words: str) -> None:
    run.write("policy.toml", POLICY)
    run.write("policy.cases.toml", text)
    assert words in run("secpipe policy test policy.toml", 2)


def test_without_cases_there_is_nothing_to_test(run: Any) -> None:
    run.write("policy.toml", POLICY)
    assert "there are no cases beside policy.toml" in run("secpipe policy test policy.toml", 2)
    assert "there are no cases here" in run("secpipe policy test", 2)
    assert "no cases for builtin:../x" in run("secpipe policy test builtin:../x", 2)


@pytest.mark.parametrize(
    "name", sorted(path.name.split(".")[0] for path in (places.shipped() / "cases").glob("*.cases.toml"))
)
def test_shipped_policies_decide_what_their_cases_say(run: Any, name: str) -> None:
    assert " 0 failed" in run(f"secpipe policy test builtin:{name}")


def test_profiles_that_leave_nothing_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = 'schema = "secpipe.policy/1"\nname = "p"\nowner = "o"\n[models]\nformats = ["%s"]\n'
    for name in ("onnx", "gguf"):
        (tmp_path / f"{name}.toml").write_text(shipped % name)
    monkeypatch.setattr(places, "shipped", lambda: tmp_path)
    with pytest.raises(ConfigError) as caught:
        policy_file.parse((HEAD + 'profile = ["onnx", "gguf"]\n').encode(), "p.toml")
    assert caught.value.message.startswith("p.toml:5:1: builtin:onnx and builtin:gguf cannot be put together")
    assert '"models.formats"' in caught.value.message
    own = HEAD + 'profile = ["onnx", "gguf"]\n[models]\nformats = ["gguf"]\n'
    assert policy_file.parse(own.encode(), "p.toml").resolve("prod").models.formats == ("gguf",)
    (tmp_path / "gguf.toml").write_text(shipped % 'gguf", "onnx')
    policy = policy_file.parse((HEAD + 'profile = ["onnx", "gguf"]\n').encode(), "p.toml").resolve("prod")
    assert policy.models.formats == ("onnx",)
