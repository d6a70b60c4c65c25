"""`local_only`: nothing outside the machine, whoever approved it and however it is written."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from secpipe.core.errors import ConfigError
from secpipe.core.finding import Severity
from secpipe.scan.shadow_ai.judge import approved, judge
from tests.unit.gate_builders import allow_list

NOW = datetime(2026, 11, 21, tzinfo=UTC)
ENTRY = {"owner": "o", "reason": "r", "expires": date(2030, 1, 1)}
EVERYTHING = [{**ENTRY, "provider": name} for name in ("openai", "ollama", "local", "unknown", "unlisted", "langchain")]


def use(**rest: Any) -> dict[str, Any]:
    base = {"id": "0", "provider": "openai", "name": "OpenAI", "kind": "model-api", "host": "", "mechanism": "sdk",
            "model": "", "path": "a.py", "line": 1, "region": "code", "confidence": "high", "evidence": [],
            "jurisdiction": "", "sdk": "", "local": False, "context": False}  # fmt: skip
    return {**base, **rest}


def rules(one: dict[str, Any], **section: Any) -> list[str]:
    allow = allow_list({"local_only": True, "allow": EVERYTHING, **section})
    assert approved([one], allow, env="prod", now=NOW) == [] or not judge([one], allow, env="prod", now=NOW)
    return [finding.rule for finding in judge([one], allow, env="prod", now=NOW)]


@pytest.mark.parametrize(
    "one",
    [
        use(),
        use(host="api.openai.com"),
        use(provider="unlisted", kind="unlisted", host="llm.partner.example"),
        use(provider="unknown", kind="unknown"),
        use(host="*"),
        use(host="*.internal"),
        use(host="8.8.8.8:8000"),
        use(provider="ollama", kind="local-runtime", local=True, host="ollama.com"),
        use(provider="ollama", kind="local-runtime", local=True, mechanism="download"),
        use(mechanism="manifest"),
        use(mechanism="env"),
        use(provider="langchain", kind="framework", host="api.smith.langchain.com"),
    ],
)
def test_what_leaves_is_denied_though_it_is_approved(one: dict[str, Any]) -> None:
    assert rules(one) == ["shadow-ai/not-local"]
    for lax in ({"default": "allow"}, {"unknown_destination": "allow"}, {"gateway": ["api.openai.com", "*"]},
                {"inline_waivers": False}):  # fmt: skip
        assert rules(one, **lax) == ["shadow-ai/not-local"]
    found = judge([one], allow_list({"local_only": True}), env="prod", now=NOW)
    assert found[0].severity >= Severity.HIGH


@pytest.mark.parametrize(
    "one",
    [
        use(provider="local", kind="local", local=True, host="localhost:8000"),
        use(provider="local", kind="local", local=True, host="10.0.0.7"),
        use(provider="ollama", kind="local-runtime", local=True),
        use(provider="langchain", kind="framework", mechanism="manifest"),
    ],
)
def test_what_stays_needs_an_approval_as_ever(one: dict[str, Any]) -> None:
    assert rules(one) == []
    assert judge([one], allow_list({"local_only": True}), env="prod", now=NOW)


def test_without_it_an_approval_holds() -> None:
    assert rules(use(host="api.openai.com"), local_only=False) == []


@pytest.mark.parametrize("value", ["true", 1, None, []])
def test_it_is_true_or_false(value: Any) -> None:
    with pytest.raises(ConfigError, match="local_only"):
        allow_list({"local_only": value})
