"""What two policies ask together is what each asks: by value, and by what it decides over random evidence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from secpipe.core.errors import ConfigError
from secpipe.core.evidence import Evidence, State
from secpipe.core.finding import Finding, Severity
from secpipe.core.verdict import Decision, Effect, Judgement
from secpipe.gate.decide import decide
from secpipe.gate.policies import tightness
from secpipe.gate.policies.overlay import Incompatible, default, field, overlay, tightest, walk
from secpipe.gate.policies.policy import Policy
from secpipe.gate.policies.policy_reader import build
from tests.property.policy_strategies import POLICIES, WORDS
from tests.unit.gate_builders import CHECKS, clean, ok, situation

BLOCKS = (Decision.DENY, Decision.UNDECIDED)


def use(**changes: Any) -> dict[str, Any]:
    made = {
        "id": "u", "provider": "openai", "name": "OpenAI", "kind": "model-api", "host": "api.openai.com",
        "region": "code", "mechanism": "sdk", "model": "", "confidence": "medium",
        "path": "m/a.py", "line": 1, "local": False, "context": False,
        "waiver": "", "jurisdiction": "us", "evidence": [],
    }  # fmt: skip
    return made | changes


uses = st.builds(
    use,
    provider=st.sampled_from(["openai", "anthropic", "unknown"]),
    host=st.sampled_from(["", "api.openai.com", "gw.corp"]),
    region=st.sampled_from(["code", "docs", "test"]),
    confidence=st.sampled_from(["low", "medium", "high"]),
    waiver=st.sampled_from(["", "x"]),
)


@st.composite
def evidence_sets(draw: st.DrawFn) -> dict[str, Evidence]:
    path = draw(st.sampled_from(["m/a.safetensors", "m/b.pt"]))
    kind = draw(st.sampled_from(["safetensors", "pickle", "gguf"]))
    signer = draw(st.sampled_from(["builder", "x", ""]))
    facts: dict[str, dict[str, Any]] = {
        "models": {"files": {path: {"format": kind, "outcome": "ok"}}},
        "signatures": {"covered": {path: signer} if signer else {}, "artifacts": []},
        "sbom": {
            "licenses": {draw(st.sampled_from(["MIT", "AGPL-3.0", "Apache-2.0"])): ["x"]},
            "profiles": {"ntia": draw(st.integers(0, 3)), "g7-ai": 2},
        },
        "shadow-ai": {"uses": draw(st.lists(uses, max_size=2))},
        "audit": {"advisories": {"date": draw(st.sampled_from(["2026-11-20", "2026-11-18"]))}, "packages": 1},
    }
    made = {check: ok(check, **facts.get(check, {})) for check in CHECKS}
    for check in draw(st.lists(st.sampled_from(["models", "audit", "signatures"]), max_size=2)):
        severity = draw(st.sampled_from(Severity))
        found = Finding(f"{check}/a-rule", f"wrong by {check}", severity, path=path)
        made[check] = replace(made[check], findings=(*made[check].findings, found))
    check = draw(st.sampled_from(CHECKS))
    state = draw(st.sampled_from([State.OK, State.OK, State.OK, *State]))
    made[check] = replace(made[check], state=state, reason="" if state is State.OK else "because")
    builder = draw(st.sampled_from(["MIT", "M2", "x"]))
    made["attestation:provenance"] = Evidence(
        "attestation:provenance", State.OK, facts={"purpose": "provenance", "builder": builder}
    )
    return made


def against(judgement: Judgement) -> set[str]:
    """What blocks, by rule, less what gives way to worse: reviews to denials, a failed check to its findings."""
    blocking = [reason.rule for reason in judgement.reasons if reason.effect in (Effect.DENY, Effect.UNDECIDED)]
    said = {rule.replace("-review", "-denied") for rule in blocking}
    # A list of builders that one part lacks is named by the other.
    return said - {"gate/check-failed", "gate/waiver-refused", "gate/waiver-expired", "gate/builders-not-named"}


def together(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    try:
        return tightest(one, other)
    except Incompatible:
        assume(False)
        raise


@given(POLICIES, POLICIES, evidence_sets())
@settings(max_examples=200)
def test_what_a_part_denies_the_whole_never_passes(
    one: dict[str, Any], other: dict[str, Any], evidence: dict[str, Evidence]
) -> None:
    whole = together(one, other)
    both = decide(situation(evidence, build(Policy, whole), paths=("m/a.safetensors",)))
    for part in (one, other):
        judged = decide(situation(evidence, build(Policy, part), paths=("m/a.safetensors",)))
        assert not (judged.would_be in BLOCKS and both.would_be not in BLOCKS)
        assert not (judged.would_be is Decision.DENY and both.would_be is not Decision.DENY)
        # Whatever stops it in a part stops it in the whole, or something worse does: a key that does not count denies
        # where nothing signed was undecided.
        assert both.would_be is Decision.DENY or against(judged) <= against(both)


@given(POLICIES, POLICIES)
@settings(max_examples=150)
def test_each_value_asks_what_both_ask_and_order_does_not_matter(one: dict[str, Any], other: dict[str, Any]) -> None:
    whole, turned = together(one, other), together(other, one)
    for path, section in walk():
        _, meta = field(section, path[-1])
        mine, reverse, *parts = (
            _at(values, path, default(section, path[-1])) for values in (whole, turned, one, other)
        )
        if path in {("name",), ("owner",)}:
            continue
        for part in parts:
            assert tightness.covers(meta, mine, part), (path, mine, part)
        assert tightness.covers(meta, mine, reverse), path
        assert tightness.covers(meta, reverse, mine), path


@given(POLICIES)
def test_a_policy_with_itself_or_with_nothing_is_itself(one: dict[str, Any]) -> None:
    assert build(Policy, tightest(one, one)) == build(Policy, one)


@given(POLICIES, POLICIES)
def test_an_overlay_that_is_taken_never_loosens(base: dict[str, Any], top: dict[str, Any]) -> None:
    try:
        merged = overlay(base, top, (), "p")
    except ConfigError:
        return
    for path, section in walk():
        _, meta = field(section, path[-1])
        now, before = (_at(values, path, default(section, path[-1])) for values in (merged, base))
        assert tightness.covers(meta, now, before), path


@given(st.lists(WORDS, max_size=4), st.lists(WORDS, max_size=4), st.sampled_from(["MIT", "M2", "m/a", "x", "[x]", ""]))
def test_two_lists_of_globs_allow_together_only_what_both_allow(one: list[str], other: list[str], word: str) -> None:
    from fnmatch import fnmatchcase

    meta = {"tighter": "subset", "globs": True}
    try:
        both = tightness.join(meta, tuple(one), tuple(other))
    except ValueError:
        return

    def allows(globs: Any) -> bool:
        return not globs or any(fnmatchcase(word, glob) for glob in globs)

    assert not allows(both) or (allows(one) and allows(other))


@given(st.text("ab*?[]!", max_size=5), st.text("ab*?[]!", max_size=5), st.text("ab*?[]!", max_size=4))
@settings(max_examples=300)
def test_a_glob_taken_for_wider_is_wider(wide: str, narrow: str, word: str) -> None:
    from fnmatch import fnmatchcase

    meta = {"tighter": "subset", "globs": True}
    if tightness.covers(meta, (narrow,), (wide,)) and fnmatchcase(word, narrow):
        assert fnmatchcase(word, wide)


def _at(values: Any, path: tuple[str, ...], otherwise: Any) -> Any:
    for name in path:
        if name not in values:
            return otherwise
        values = values[name]
    return values


def test_evidence_for_these_tests_can_pass() -> None:
    assert decide(situation(clean())).decision is Decision.PASS
