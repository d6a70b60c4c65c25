"""Policy files: every mistake is named with its place; overlays and profiles only tighten."""

from __future__ import annotations

from datetime import date

import pytest

from secpipe.core.errors import ConfigError
from secpipe.gate.policies import policy_file
from secpipe.gate.policies.overlay import tightest

WAIVED = "[[waiver]]\nid='W'\nowner='a'\n"
HEAD = 'schema = "secpipe.policy/1"\nname = "acme"\nowner = "sec@acme.example"\nexpires = 2027-06-30\n'


def parse(text: str, head: str = HEAD) -> policy_file.Loaded:
    return policy_file.parse((head + text).encode(), "policy.toml")


def test_a_minimal_policy_takes_every_default() -> None:
    policy = parse("").resolve("prod")
    assert (policy.name, policy.mode, policy.expires) == ("acme", "enforce", date(2027, 6, 30))
    assert policy.signatures.require == "classical+pq"
    assert policy.vulnerabilities.block == "high"


@pytest.mark.parametrize(
    ("text", "place", "words", "hint"),
    [
        ("[modles]\nblock = 'low'", ":5:", 'unknown key "modles"', 'did you mean "models"?'),
        ("[models]\nblok = 'low'", ":6:1", 'unknown key "models.blok"', 'did you mean "block"?'),
        ("models.blok = 'low'", ":5:1", 'unknown key "models.blok"', 'did you mean "block"?'),
        ("[models]\nblock = 'hgih'", ":6:1", 'cannot be "hgih"', 'did you mean "high"?'),
        ("[models]\nrequired = 'yes'", ":6:1", "must be true or false", ""),
        ("[models]\nrequired = 1", ":6:1", "must be true or false", ""),
        ("[minimum]\nroot = true", ":6:1", "must be a whole number", ""),
        ("[minimum]\nroot = -1", ":6:1", "cannot be negative", ""),
        ("[models]\nformats = [1]", ":6:1", "must be a list of strings", ""),
        ("models = 3", ":5:1", "must be a table", ""),
        ("[env.prod.models]\nblok = 'low'", ":6:1", 'unknown key "env.prod.models.blok"', ""),
        ("env = 3", ":5:1", "must be a table", ""),
        ("profile = ['bazeline']", "", 'unknown profile "bazeline"', 'did you mean "baseline"?'),
        ("[[waiver]]\nid = 'W'\nrule = 'models/*'", ":5:", "a waiver lacks owner, reason, expires", ""),
        ("[[waiver]]\nid='W'\nowner='a'\nreason='r'\nexpires=2027-01-01", ":5:", "names neither", ""),
        (WAIVED + "approved_by='a'\nrule='x'\nreason='r'\nexpires=2027-01-01", "", "own owner", ""),
        ("name = 'twice'", "", "is not TOML", ""),
        ("[models", "", "is not TOML", ""),
        ("[sbom]\nprofiles = {g7-ai = 'x'}", ":6:", "must be a whole number", ""),
    ],
)
def test_mistakes_have_a_place_and_a_hint(text: str, place: str, words: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    assert caught.value.message.startswith("policy.toml")
    assert place in caught.value.message
    assert words in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize("word", ["schema", "name", "owner", "expires"])
def test_what_is_mandatory(word: str) -> None:
    head = "\n".join(line for line in HEAD.splitlines() if not line.startswith(word))
    with pytest.raises(ConfigError, match=word):
        parse("\n", head)


@pytest.mark.parametrize("data", [b"\xff\xfe", b"\x00", b"a" * 100, b"[" * 100_000, b"x = " + b"9" * 5000, b""])
def test_garbage_is_a_config_error(data: bytes) -> None:
    with pytest.raises(ConfigError):
        policy_file.parse(data, "policy.toml")


def test_an_environment_may_tighten() -> None:
    loaded = parse("[env.prod.models]\nblock = 'low'\nformats = ['safetensors']\n[env.prod.minimum]\nroot = 3")
    assert loaded.resolve("prod").models.block == "low"
    assert loaded.resolve("prod").minimum.root == 3
    assert loaded.resolve("dev").models.block == "medium"


@pytest.mark.parametrize(
    "text",
    [
        "[env.dev]\nmode = 'warn'",
        "[env.dev.models]\nblock = 'high'",
        "[env.dev.models]\nrequired = false",
        "[models]\nformats = ['gguf']\n[env.dev.models]\nformats = ['gguf', 'pickle']",
        "[models]\nformats = ['gguf']\n[env.dev.models]\nformats = []",
        "[env.dev]\nexclude = ['data']",
        "[env.dev.signatures]\ncover = []",
        "[env.dev.signatures]\nrequire = 'classical'",
        "[signatures]\nrequire = 'classical'\n[env.dev.signatures]\nrequire = 'pq'",
        "[vulnerabilities]\nmax_age_days = 3\n[env.dev.vulnerabilities]\nmax_age_days = 4",
        "[vulnerabilities]\nmax_age_days = 3\n[env.dev.vulnerabilities]\nmax_age_days = 0",
        "[sbom]\nprofiles = {ntia = 90}\n[env.dev.sbom]\nprofiles = {ntia = 80}",
        "[[env.dev.waiver]]\nid='W'\nowner='a'\nrule='*'\nreason='r'\nexpires=2027-01-01",
    ],
)
def test_an_environment_may_loosen_only_what_the_base_lists(text: str) -> None:
    with pytest.raises(ConfigError, match="loosens"):
        parse(text).resolve("dev")
    free = 'overridable = ["mode", "models", "exclude", "signatures", "vulnerabilities", "sbom.profiles", "waiver"]\n'
    parse(text, HEAD + free).resolve("dev")


def test_two_profiles_give_the_tighter_of_each_value_in_any_order() -> None:
    for words in ("['baseline', 'strict']", "['strict', 'baseline']"):
        policy = parse(f"profile = {words}").resolve("prod")
        assert policy.vulnerabilities.block == "medium"
        assert policy.vulnerabilities.max_age_days == 7
        assert policy.signatures.cover == ("models", "prompts", "datasets")
    assert tightest({"mode": "enforce"}, {"mode": "warn"}) == {"mode": "enforce"}


def test_every_shipped_policy_loads() -> None:
    assert {"baseline", "strict"} <= set(policy_file.profiles())
    for name in policy_file.profiles():
        assert policy_file.load(f"builtin:{name}").resolve("prod").name == name


def test_a_policy_that_is_not_there(tmp_path: object) -> None:
    with pytest.raises(ConfigError, match="cannot read"):
        policy_file.load(f"{tmp_path}/absent.toml")
    with pytest.raises(ConfigError, match="unknown profile"):
        policy_file.load("builtin:../../etc/passwd")


@pytest.mark.parametrize(
    "text",
    [
        "[waivers]\nhorizon_days = 30\n[env.dev.waivers]\nhorizon_days = 60",
        "[waivers]\nhorizon_days = 30\n[env.dev.waivers]\nhorizon_days = 0",
        "[waivers]\napproved = true\n[env.dev.waivers]\napproved = false",
        "[waivers]\nsigned = true\n[env.dev.waivers]\nsigned = false",
        "[waivers]\nnever = ['models/*']\n[env.dev.waivers]\nnever = []",
        "[shadow_ai]\ndefault = 'deny'\n[env.dev.shadow_ai]\ndefault = 'allow'",
        "[env.dev.shadow_ai]\ninline_waivers = true",
        "[env.dev.shadow_ai]\nregions = ['code']",
        "[[env.dev.shadow_ai.allow]]\nhost = 'a.b'\nowner = 'a'\nreason = 'r'\nexpires = 2027-01-01",
        "[env.dev]\nexpires = 2028-01-01",
    ],
)
def test_an_environment_loosens_neither_waivers_nor_the_allow_list(text: str) -> None:
    with pytest.raises(ConfigError, match="loosens"):
        parse(text).resolve("dev")
    parse(text, HEAD + 'overridable = ["waivers", "shadow_ai", "expires"]\n').resolve("dev")


@pytest.mark.parametrize(
    "text",
    [
        "[waivers]\nhorizon_days = 30\n[env.dev.waivers]\nhorizon_days = 10\nnever = ['audit/*']\nsigned = true",
        "[env.dev.shadow_ai]\nregions = ['code', 'config', 'example', 'test']\nmin_confidence = 'low'",
        WAIVED + "rule='x'\nreason='r'\nexpires=2027-01-01\n[env.dev]\nwaiver = []",
        "[env.dev]\nexpires = 2027-01-01",
        "[provenance]\nbuilders = ['https://ci.example/*']\n[env.dev.provenance]\nbuilders = ['https://ci.example/a']",
    ],
)
def test_an_environment_may_tighten_them(text: str) -> None:
    parse(text).resolve("dev")


@pytest.mark.parametrize("asked", ["Prod", "PROD", "production", "prd", "prodd", "prdo", "stagin", "stage"])
def test_an_environment_that_is_nearly_a_named_one_is_not_judged_by_the_base(asked: str) -> None:
    """`--env production` would otherwise pass by the base alone, without what [env.prod] asks beyond it."""
    text = 'schema = "secpipe.policy/1"\nname = "p"\nowner = "o"\nexpires = 2030-01-01\n[env.prod]\n[env.staging]\n'
    loaded = policy_file.parse(text.encode(), "p.toml")
    with pytest.raises(ConfigError, match=r"p.toml:\d:1: there is no \[env\."):
        loaded.resolve(asked)


@pytest.mark.parametrize("asked", ["prod", "staging", "dev", "eu-west", "lab", ""])
def test_another_environment_is_judged_by_the_base(asked: str) -> None:
    text = 'schema = "secpipe.policy/1"\nname = "p"\nowner = "o"\nexpires = 2030-01-01\n[env.prod]\n[env.staging]\n'
    assert policy_file.parse(text.encode(), "p.toml").resolve(asked).name == "p"
