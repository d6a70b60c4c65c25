"""The allow-list: default deny, scopes, expiry, gateway-only mode, and a parser that refuses what it does not know."""

from __future__ import annotations

import contextlib
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secpipe.core.errors import ConfigError
from secpipe.scan.shadow_ai.judge import approved, judge
from tests.unit.gate_builders import allow_list

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def use(**fields: Any) -> dict[str, Any]:
    base = {
        "id": "0",
        "provider": "openai",
        "name": "OpenAI",
        "kind": "model-api",
        "host": "api.openai.com",
        "mechanism": "sdk",
        "model": "gpt-4o",
        "path": "services/chat.py",
        "line": 12,
        "region": "code",
        "confidence": "high",
        "evidence": [],
        "jurisdiction": "US",
        "sdk": "openai",
        "local": False,
        "context": False,
        "waiver": "",
    }
    return base | fields


def entry(**fields: Any) -> dict[str, Any]:
    return {"provider": "openai", "owner": "jane@corp", "reason": "DPA-14", "expires": date(2027, 3, 31)} | fields


def rules(section: dict[str, Any], *uses: dict[str, Any], env: str = "prod", now: datetime = NOW) -> list[str]:
    return [finding.rule for finding in judge(uses or (use(),), allow_list(section), env=env, now=now)]


def test_nothing_is_approved_by_default() -> None:
    finding = judge(
        [use(provider="deepseek", name="DeepSeek", host="api.deepseek.com")], allow_list({}), env="", now=NOW
    )[0]
    assert finding.rule == "shadow-ai/unapproved-host"
    assert finding.message == "services/chat.py:12 calls api.deepseek.com (DeepSeek), which nobody approved"


def test_an_approval_covers_what_it_names() -> None:
    assert rules({"allow": [entry()]}) == []
    assert rules({"allow": [entry(provider="anthropic")]}) == ["shadow-ai/unapproved-host"]


@pytest.mark.parametrize(
    ("scope", "fits", "differs"),
    [
        ({"host": "api.openai.com"}, {}, {"host": "eu.api.openai.com"}),
        ({"model": "gpt-4*"}, {}, {"model": "o3"}),
        ({"model": "gpt-4*"}, {"model": "openai/gpt-4o"}, {"model": ""}),
        ({"paths": ["services/**"]}, {}, {"path": "tools/x.py"}),
        ({"paths": ["services/*.py"]}, {}, {"path": "services/deep/x.py"}),
        ({"jurisdiction": ["US", "FR"]}, {}, {"jurisdiction": ""}),
        ({"env": ["prod"]}, {}, None),
    ],
)
def test_every_scope_narrows(scope: dict[str, Any], fits: dict[str, Any], differs: dict[str, Any] | None) -> None:
    section = {"allow": [entry(**scope)]}
    assert rules(section, use(**fits)) == []
    if differs is None:
        assert rules(section, env="dev") == ["shadow-ai/unapproved-host"]
        assert rules(section, env="") == ["shadow-ai/unapproved-host"]
    else:
        assert rules(section, use(**differs)) == ["shadow-ai/unapproved-host"]


def test_a_host_is_matched_by_whole_labels() -> None:
    section = {"allow": [entry(provider="", host="*.corp.io")]}
    assert rules(section, use(provider="unlisted", host="gw.corp.io")) == []
    assert rules(section, use(provider="unlisted", host="evilcorp.io")) == ["shadow-ai/unapproved-host"]
    assert rules(section, use(provider="unlisted", host="corp.io.evil.net")) == ["shadow-ai/unapproved-host"]
    assert rules(section, use(provider="unlisted", host="*.corp.io")) == []
    assert rules(section, use(provider="unlisted", host="*.corp.io.evil.net")) == ["shadow-ai/unapproved-host"]


def test_an_expired_approval_denies_and_names_its_owner() -> None:
    section = {"allow": [entry(expires=date(2026, 11, 20))]}
    finding = judge([use()], allow_list(section), env="", now=NOW)[0]
    assert finding.rule == "shadow-ai/expired-approval"
    assert finding.owner == "jane@corp"
    assert "2026-11-20" in finding.message
    assert rules({"allow": [entry(expires=date(2026, 11, 21))]}) == []  # the day itself still counts
    assert rules({"allow": [entry(expires=date(2026, 11, 20)), entry()]}) == []


@pytest.mark.parametrize(
    ("end", "over"),
    [
        ("2026-11-20", True), ("2026-11-21", False), ("2026-11-21T11:59:59Z", True), ("2026-11-21T12:00:00Z", False),
        (datetime(2026, 11, 21, 11), True), (datetime.fromisoformat("2026-11-21T14:00:00+02:00"), False),
    ],
)  # fmt: skip
def test_an_approval_ends_with_its_day_or_at_its_time(end: Any, over: bool) -> None:
    assert rules({"allow": [entry(expires=end)]}) == ["shadow-ai/expired-approval"] * over


def test_an_unknown_destination_is_a_finding_of_its_own() -> None:
    unknown = use(provider="unknown", name="unknown destination", host="", kind="unknown")
    assert rules({}, unknown) == ["shadow-ai/unknown-destination"]
    assert rules({"unknown_destination": "allow"}, unknown) == []
    assert rules({"allow": [entry()]}, unknown) == ["shadow-ai/unknown-destination"]


def test_gateway_only_mode() -> None:
    section = {"gateway": ["gw.corp"], "allow": [entry()]}
    assert rules(section, use(provider="unlisted", host="gw.corp:8443")) == []
    assert rules(section) == ["shadow-ai/not-through-gateway"]
    assert rules(section, use(host="gw.corp.evil.net")) == ["shadow-ai/not-through-gateway"]
    named = {"gateway": ["gw.corp"], "allow": [entry(host="api.openai.com")]}
    assert rules(named) == []  # an exception that names the host is one


def test_regions_and_confidence() -> None:
    assert rules({}, use(region="test"), use(region="docs"), use(region="comment"), use(region="vendored")) == []
    assert rules({"regions": ["test"]}, use(region="test")) == ["shadow-ai/unapproved-host"]
    assert rules({}, use(confidence="low")) == []
    assert rules({"min_confidence": "low"}, use(confidence="low")) == ["shadow-ai/unapproved-host"]


def test_inline_waivers_count_only_if_the_policy_says_so() -> None:
    waived = use(waiver="evaluated by the platform team")
    assert rules({}, waived) == ["shadow-ai/unapproved-host"]
    assert rules({"inline_waivers": True}, waived) == []


def test_default_allow_still_denies_what_is_unknown_or_around_the_gateway() -> None:
    assert rules({"default": "allow"}) == []
    assert rules({"default": "allow"}, use(provider="unknown", host="")) == ["shadow-ai/unknown-destination"]
    assert rules({"default": "allow", "gateway": "gw.corp"}) == ["shadow-ai/not-through-gateway"]


def test_one_finding_for_all_models_of_a_destination() -> None:
    found = judge([use(model="a"), use(model="b", line=3)], allow_list({}), env="", now=NOW)
    assert [finding.details["models"] for finding in found] == [["a", "b"]]
    partly = judge([use(model="a"), use(model="b")], allow_list({"allow": [entry(model="a")]}), env="", now=NOW)
    assert [finding.details["models"] for finding in partly] == [["b"]]


def test_the_inventory_names_who_approved() -> None:
    found = approved([use()], allow_list({"allow": [entry()]}), env="", now=NOW)
    assert [str(finding.severity) for finding in found] == ["info"]
    assert "jane@corp" in found[0].message


def test_finding_ids_survive_a_moved_line() -> None:
    allow = allow_list({})
    assert judge([use(line=1)], allow, env="", now=NOW)[0].id == judge([use(line=99)], allow, env="", now=NOW)[0].id


@pytest.mark.parametrize(
    ("section", "hint"),
    [
        ({"defalt": "deny"}, 'did you mean "default"?'),
        ({"default": "denny"}, 'did you mean "deny"?'),
        ({"regions": ["tests"]}, 'did you mean "test"?'),
        ({"gateway": 3}, ""),
        ({"gateway": ["gw.corp", ""]}, ""),
        ({"inline_waivers": "yes"}, ""),
        ({"min_confidence": "certain"}, ""),
        ({"allow": "openai"}, "[[shadow_ai.allow]]"),
        ({"allow": [{"provider": "openai"}]}, "every approval names an owner, a reason and a date"),
        ({"allow": [entry(provider="")]}, "name a provider, a host or a model"),
        ({"allow": [entry(expires="soon")]}, "a time such as 2027-06-30T12:00:00Z, or a date"),
        ({"allow": [entry(expires=datetime.fromisoformat("9999-12-31T23:59:59-01:00"))]}, "or a date"),
        ({"allow": [entry(owners="x")]}, 'did you mean "owner"?'),
        ({"allow": [entry(paths=[1])]}, ""),
    ],
)
def test_a_malformed_section_is_refused(section: dict[str, Any], hint: str) -> None:
    with pytest.raises(ConfigError) as error:
        allow_list(section)
    assert hint in f"{error.value.message} {error.value.hint}"


@given(
    st.dictionaries(
        st.sampled_from(["default", "gateway", "regions", "allow", "min_confidence", "x"]),
        st.recursive(
            st.none() | st.integers() | st.text(),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
            max_leaves=5,
        ),
    )
)
def test_the_parser_raises_nothing_else(section: dict[str, Any]) -> None:
    with contextlib.suppress(ConfigError):
        allow_list(section)
