"""The index of waivers answers as a plain walk over them does, whatever the globs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

from hypothesis import given
from hypothesis import strategies as st

from secpipe.core.finding import Finding, Severity
from secpipe.gate.policies.policy import Policy, Waiver, Waivers
from secpipe.gate.policies.waivers import Index, applies, never, refusal

NOW = datetime(2026, 11, 21, tzinfo=UTC)
WORDS = st.sampled_from(["", "a", "ab", "a/b", "*", "a*", "*b", "?b", "[ab]", "[!a]b", "a[*]", "\\*"])

findings = st.builds(
    Finding,
    rule=st.sampled_from(["models/a", "models/b", "audit/a"]),
    message=st.just("m"),
    severity=st.just(Severity.HIGH),
    path=st.sampled_from(["", "a", "ab", "a/b", "b", "a*"]),
    subject=st.sampled_from(["", "a", "ab", "b", "*"]),
)
known = [Finding("models/a", "m", Severity.HIGH, path=path, subject="a").id for path in ("", "a", "ab")]
waivers = st.lists(
    st.builds(
        Waiver,
        id=st.sampled_from(["1", "2", "3", "4", "5"]),
        finding=st.sampled_from(["", "", *known]),
        rule=st.sampled_from(["", "models/*", "models/a", "*/a", "audit/[a]"]),
        paths=st.lists(WORDS, max_size=2).map(tuple),
        subjects=st.lists(WORDS, max_size=2).map(tuple),
        env=st.sampled_from([(), ("prod",), ("dev",)]),
        expires=st.sampled_from([None, date(2026, 1, 1), date(2027, 1, 1)]),
    ),
    max_size=6,
)


rules = st.builds(
    Waivers, horizon_days=st.sampled_from([0, 30]), approved=st.booleans(), never=st.sampled_from([(), ("models/a",)])
)


@given(waivers, findings, rules)
def test_the_index_finds_what_a_walk_finds(listed: list[Waiver], finding: Finding, asked: Waivers) -> None:
    naming = [waiver for waiver in listed if applies(waiver, finding, "prod")]
    blocked = never(finding.rule, asked)
    holds = next((waiver for waiver in naming if not blocked and not refusal(waiver, asked, NOW)), None)
    other = None if holds else next(iter(naming), None)
    index = Index(replace(Policy(), waiver=tuple(listed), waivers=asked), "prod", NOW)
    for _ in range(2):
        found, refused, why = index.find(finding)
        assert (found, refused) == (holds, other)
        assert bool(why) == (other is not None)
        assert other is None or index.may_refuse(finding.rule)
