"""A policy's identity: what changes it and what does not."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secpipe.core.errors import ConfigError
from secpipe.gate.policies import policy_file, policy_identity
from secpipe.gate.policies.policy_identity import canonical

HEAD = 'schema = "secpipe.policy/1"\nname = "acme"\nowner = "sec@acme.example"\nexpires = 2027-06-30\n'


def digest(text: str) -> str:
    return policy_file.parse((HEAD + text).encode(), "policy.toml").digest


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("[models]\nblock = 'low'\n", '# why\n[models]   # models\nblock    =   "low"  # strict\n\n\n'),
        ("models.block = 'low'\n", "[models]\nblock = 'low'\n"),
        ("models = {block = 'low', warn = 'info'}\n", "[models]\nwarn = 'info'\nblock = 'low'\n"),
        ("[models]\nblock='low'\n[sbom]\nrequired=true\n", "[sbom]\nrequired=true\n[models]\nblock='low'\n"),
        ("[minimum]\nroot = 0x10\nring = -0\n", "[minimum]\nroot = 16\nring = 0\n"),
        ("name2='x'\n"[:0], "\r\n".join(["", "# a comment", ""])),
        ("[signatures]\ncover = ['a', 'b']\n", "[signatures]\ncover = [\n  'a',  # one\n  'b',\n]\n"),
        ("[env.prod]\nmode='enforce'\n", "env = {\"prod\" = {mode = '''enforce'''}}\n"),
    ],
)
def test_layout_does_not_change_it(one: str, other: str) -> None:
    assert digest(one) == digest(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("[models]\nblock = 'low'\n", "[models]\nblock = 'medium'\n"),
        ("", "[models]\n"),
        ("", "profile = ['baseline']\n"),
        ("profile = ['baseline', 'strict']\n", "profile = ['strict', 'baseline']\n"),
        ("profile = ['baseline']\n", "profile = 'baseline'\n"),
        ("[signatures]\ncover = ['a', 'b']\n", "[signatures]\ncover = ['b', 'a']\n"),
        ("", "overridable = ['mode']\n"),
        ("[env.dev]\n", "[env.staging]\n"),
        ("[env.dev]\nmode='enforce'\n", "[env.dev]\n"),
        (
            "[[waiver]]\nid='W'\nowner='a'\nrule='x'\nreason='r'\nexpires=2027-01-01\n",
            "[[waiver]]\nid='W'\nowner='a'\nrule='x'\nreason='R'\nexpires=2027-01-01\n",
        ),
    ],
)
def test_every_value_changes_it(one: str, other: str) -> None:
    assert digest(one) != digest(other)


def test_the_policys_own_words_change_it() -> None:
    plain = policy_file.parse(HEAD.encode(), "p").digest
    for old, new in (("acme", "acmé"), ("sec@", "Sec@"), ("2027-06-30", "2027-06-29")):
        assert policy_file.parse(HEAD.replace(old, new, 1).encode(), "p").digest != plain


@pytest.mark.parametrize(
    "value", ["1.0", "1e3", "inf", "nan", "07:32:00", "2027-06-30T00:00:00Z", "true", "'7'", "[7]"]
)
def test_a_number_is_a_whole_number_and_nothing_else(value: str) -> None:
    with pytest.raises(ConfigError, match=r"whole number|not TOML"):
        digest(f"[vulnerabilities]\nmax_age_days = {value}\n")


def test_a_flag_is_no_number() -> None:
    for value in ("1", "0", "'true'", "1.0"):
        with pytest.raises(ConfigError, match="true or false"):
            digest(f"[models]\nrequired = {value}\n")


def test_a_time_is_no_date() -> None:
    with pytest.raises(ConfigError, match="a date"):
        policy_file.parse(HEAD.replace("2027-06-30", "2027-06-30T00:00:00Z").encode(), "p")


def test_the_canonical_form_is_that_of_rfc_8785() -> None:
    # The sorting example of RFC 8785, 3.2.3: UTF-16 code units, so U+1F600 stands before U+FB33.
    keys = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    expected = ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]
    assert list(json.loads(canonical(dict.fromkeys(keys, 0)))) == expected
    # Its strings: only what must be escaped is, the short way where there is one.
    assert canonical('\u20ac$\x0f\nA\'B"\\\\"/\x7f') == b'"\xe2\x82\xac$\\u000f\\nA\'B\\"\\\\\\\\\\"/\x7f"'
    assert canonical({"b": [True, 0, -0, date(2027, 6, 30)], "a": {}}) == b'{"a":{},"b":[true,0,0,"2027-06-30"]}'
    assert canonical(datetime(2027, 6, 30, 12, tzinfo=UTC)) == b'"2027-06-30T12:00:00+00:00"'


@pytest.mark.parametrize("value", [1.0, 0.5, float("nan"), 2**53, -(2**53), b"x", {1}, datetime(2027, 1, 1).time()])
def test_what_json_cannot_say_exactly_has_no_identity(value: Any) -> None:
    with pytest.raises(ConfigError):
        canonical({"key": value})


values = st.recursive(
    st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=5) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


@given(values, values)
def test_two_values_share_a_form_only_if_they_say_the_same(one: Any, other: Any) -> None:
    def said(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: said(item) for key, item in value.items()}
        if isinstance(value, list):
            return [said(item) for item in value]
        return ("flag", value) if isinstance(value, bool) else str(value) if isinstance(value, date) else value

    assert (canonical(one) == canonical(other)) == (said(one) == said(other))
    assert json.loads(canonical(one)) == json.loads(canonical(json.loads(canonical(one))))


def test_the_identity_is_the_digest_that_anyone_can_make() -> None:
    """Known answer: the canonical form is written out here, so that another implementation can be held against it."""
    text = (
        '{"env":{"prod":{"mode":"enforce"}},"expires":"2027-06-30","name":"acme","overridable":["mode"],'
        '"owner":"sec@acme.example","profile":["baseline"],"schema":"secpipe.policy/1"}'
    )
    written = "profile = ['baseline']\noverridable = ['mode']\n[env.prod]\nmode = 'enforce'\n"
    assert digest(written) == hashlib.sha256(text.encode()).hexdigest()


def test_the_resolved_identity_covers_profiles_and_environment() -> None:
    def resolved(text: str, environment: str = "prod") -> str:
        loaded = policy_file.parse((HEAD + text).encode(), "p")
        return policy_identity.resolved(loaded.resolve(environment))

    assert resolved("") == resolved("[models]\n") == resolved("[models]\nblock = 'medium'\n")
    assert resolved("") == resolved("[shadow_ai]\ndefault = 'deny'\nregions = []\nlocal_only = false\n")
    assert resolved("[shadow_ai]\ngateway = 'gw.corp'\n") == resolved("[shadow_ai]\ngateway = ['gw.corp']\n")
    assert resolved("[shadow_ai]\ndefault = 'allow'\n") != resolved("")
    assert resolved("profile = ['strict']\n") != resolved("")
    staged = "[env.staging.models]\nblock = 'low'\n"
    assert resolved(staged, "staging") != resolved(staged, "prod") == resolved("")
