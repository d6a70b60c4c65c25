"""The published JSON Schema: current, and at one with the reader about what a policy may say."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from secpipe.cli.main import run
from secpipe.core.errors import ConfigError
from secpipe.gate.policies import policy_file, policy_schema
from secpipe.gate.policies.policy import Accept, Waiver
from secpipe.gate.starter import Found, starter_files
from tests.property.policy_strategies import POLICIES

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "policies/schema/policy.schema.json").read_text())
VALIDATOR = Draft202012Validator(SCHEMA, format_checker=Draft202012Validator.FORMAT_CHECKER)
SHIPPED = Draft202012Validator(SCHEMA | {"required": ["schema"]}, format_checker=Draft202012Validator.FORMAT_CHECKER)
HEAD = {"schema": "secpipe.policy/1", "name": "acme", "owner": "sec", "expires": date(2027, 6, 30)}


def plain(value: Any) -> Any:
    """TOML as editors show it to a schema: dates are their text."""
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value


def toml(value: Any) -> str:
    """Write a value as TOML, inline."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(name)} = {toml(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    return repr(value)


def reads(document: dict[str, Any]) -> str:
    text = "".join(f"{json.dumps(name)} = {toml(value)}\n" for name, value in document.items())
    try:
        policy_file.parse(text.encode(), "policy.toml")
    except ConfigError as error:
        return error.message
    return ""


def test_it_is_current_and_itself_valid() -> None:
    published = (ROOT / "policies/schema/policy.schema.json").read_text()
    assert published == policy_schema.text(policy_file.profiles()), "run: python docs/generate.py"
    Draft202012Validator.check_schema(SCHEMA)


def test_the_command_prints_it(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert run(["policy", "schema"]) == 0
    assert json.loads(capsysbinary.readouterr().out) == SCHEMA


@pytest.mark.parametrize("path", sorted((ROOT / "policies").glob("*.toml")), ids=lambda path: path.name)
def test_shipped_policies_keep_it(path: Path) -> None:
    SHIPPED.validate(plain(tomllib.loads(path.read_text())))


def written() -> Iterator[tuple[str, str]]:
    found = Found(("m/a.gguf",), ("uv.lock",), (".venv",), bare=True, platforms=("github", "gitlab", "jenkins"))
    made = starter_files(found, name="shop", owner="sec@shop.example", today=date(2026, 11, 21))
    yield "starter", made["secpipe-policy.toml"]
    for path in [ROOT / ".ci/policy.toml", *sorted((ROOT / "examples").rglob("policy.toml"))]:
        yield str(path.relative_to(ROOT)), path.read_text()


@pytest.mark.parametrize(("name", "text"), list(written()))
def test_what_users_start_from_keeps_it(name: str, text: str) -> None:
    # The demo's policy is a template: its day and its demand are filled in by the script.
    document = tomllib.loads(text)
    VALIDATOR.validate(plain(document))


def test_the_starter_names_the_schema_for_editors() -> None:
    first = dict(written())["starter"].splitlines()[0]
    assert first == f"#:schema {SCHEMA['$id']}"


@pytest.mark.parametrize(
    "change",
    [
        {"modles": {}}, {"models": {"blok": "low"}}, {"models": {"block": "hgih"}}, {"models": 3}, {"mode": "off"},
        {"models": {"required": 1}}, {"minimum": {"root": True}}, {"minimum": {"root": -1}}, {"name": ""}, {"owner": 3},
        {"minimum": {"root": 10**6 + 1}}, {"models": {"formats": [1]}}, {"models": {"formats": {"a": 1}}}, {"env": 3},
        {"env": {"prod": {"models": {"blok": 1}}}}, {"env": {"prod": {"profile": ["strict"]}}},
        {"profile": ["strickt"]},
        {"sbom": {"profiles": {"ntia": "x"}}}, {"break_glass": {"holders": 1}}, {"overridable": [1]}, {"waiver": {}},
        {"waiver": [{"id": "W"}]}, {"signatures": {"phase": [{"since": date(2027, 1, 1), "require": "none"}]}},
        {"waiver": [{"id": "W", "owner": "a", "reason": "r", "expires": date(2027, 1, 1)}]},
        {"waiver": [{"id": "W", "owner": "a", "reason": "r", "expires": date(2027, 1, 1), "rule": "x", "source": "s"}]},
        {"shadow_ai": {"default": "maybe"}}, {"shadow_ai": {"regions": ["moon"]}},
        {"shadow_ai": {"min_confidence": "HIGH"}},
        {"shadow_ai": {"allow": [{"provider": "openai", "owner": "a", "reason": "r"}]}},
        {"shadow_ai": {"allow": [{"owner": "a", "reason": "r", "expires": "2027-01-01"}]}},
        {"shadow_ai": {"allow": [{"models": [], "owner": "a", "reason": "r", "expires": "2027-01-01"}]}},
        {"shadow_ai": {"allow": [{"provider": "x", "owner": "a", "reason": "r", "expires": "20270101"}]}},
        {"shadow_ai": {"gateway": [""]}}, {"shadow_ai": {"inline_waivers": "no"}}, {"expires": 3}, {"schema": "x"},
    ],
)  # fmt: skip
def test_both_refuse_the_same_mistakes(change: dict[str, Any]) -> None:
    document = HEAD | change
    assert reads(document)
    assert list(VALIDATOR.iter_errors(plain(document)))


@pytest.mark.parametrize("word", HEAD)
def test_both_demand_the_same_keys(word: str) -> None:
    document = {name: value for name, value in HEAD.items() if name != word}
    assert reads(document)
    assert list(VALIDATOR.iter_errors(plain(document)))


#: What only the reader refuses; the schema's own words say so.
ONLY_THE_READER = (
    "must be a whole number", "must be a date", "own owner", "cannot be put together", "is no ",
    "names no kind", "says how many they are", "ends before it begins", "approved by nobody",  # an acceptance
    "a project needs a", "is declared twice", "policy_ref pins a policy file",
)  # fmt: skip


def expanded(value: Any) -> Any:
    """A random policy as its owner would write it."""
    if isinstance(value, dict):
        return {name: expanded(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [expanded(item) for item in value]
    if hasattr(value, "__dataclass_fields__"):
        inner = ("source", "signed_by") if isinstance(value, Waiver | Accept) else ()
        fields = {name: getattr(value, name) for name in value.__dataclass_fields__ if name not in inner}
        return {name: expanded(item) for name, item in fields.items() if item not in ("", (), None)}
    return value


ANYTHING: st.SearchStrategy[Any] = st.one_of(
    st.booleans(), st.integers(-2, 2**21), st.sampled_from(["", "low", "2027-01-01", "deny", "x"]),
    st.lists(st.sampled_from(["", "a", 1, True]), max_size=2), st.just({}), st.just({"a": 1}),
    st.just(1.0), st.just(0.5),
)  # fmt: skip


TIMES = st.dates(date(2026, 1, 1)) | st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1))


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in items:
        yield value, name
        yield from places(item)


@given(POLICIES, st.data())
@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
def test_on_mutated_policies_schema_and_reader_agree(values: dict[str, Any], data: st.DataObject) -> None:
    document = expanded(HEAD | {"env": {"prod": {}}} | values)
    for _ in range(data.draw(st.integers(0, 2))):
        where, name = data.draw(st.sampled_from(list(places(document))))
        if name not in (range(len(where)) if isinstance(where, list) else where):
            continue
        way = data.draw(st.sampled_from(["drop", "replace", "add"]))
        if way == "drop":
            del where[name]
        elif way == "replace":
            # To a schema a date is its text, so a date in place of a text is no mistake that it could see.
            where[name] = data.draw(ANYTHING | TIMES if isinstance(where[name], date) else ANYTHING)
        elif isinstance(where, dict):
            where[data.draw(st.sampled_from(["nmae", "block", "required", "doc"]))] = data.draw(ANYTHING)
    refused = reads(document)
    errors = [error.message for error in VALIDATOR.iter_errors(plain(document))]
    if errors:
        assert refused, errors
    elif refused:
        assert any(words in refused for words in ONLY_THE_READER), refused


def test_editors_show_a_sentence_for_every_key() -> None:
    silent = []
    for name, table in SCHEMA["$defs"].items():
        keys = table["properties"] if name != "Condition" else {}
        silent += [f"{name}.{key}" for key, about in keys.items() if "description" not in about and "$ref" not in about]
    assert [key for key in silent if key not in ("Environment.condition", "Environment.waiver")] == []
