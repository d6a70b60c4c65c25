"""Version keys are total orders, and agree with what each ecosystem's own documents say."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secpipe.formats.packages import maven, semver, versions
from secpipe.formats.packages.ecosystems import TABLE
from secpipe.scan.vulnerabilities.osv import Affected, Range
from secpipe.scan.vulnerabilities.ranges import affects

_TEXT = st.text(alphabet="0123456789.-+abcrvxSPgmnilpho_!", min_size=1, max_size=24)
_LIKELY = st.from_regex(
    r"v?[0-9]{1,3}(\.[0-9]{1,3}){0,3}([-.]?(alpha|beta|rc|sp|snapshot|x)[-.]?[0-9]{0,2})?", fullmatch=True
)


@pytest.mark.parametrize("ecosystem", sorted(row.name for row in TABLE))
@given(texts=st.lists(st.one_of(_TEXT, _LIKELY), min_size=3, max_size=3))
def test_keys_are_a_total_order(ecosystem: str, texts: list[str]) -> None:
    keys = [key for text in texts if (key := versions.key(ecosystem, text)) is not None]
    for a in keys:
        for b in keys:
            assert (a < b) + (a == b) + (a > b) == 1
            for c in keys:
                assert not (a <= b and b <= c) or a <= c


@given(text=st.text(max_size=300))
@pytest.mark.parametrize("ecosystem", [*sorted(row.name for row in TABLE), "Unknown"])
def test_no_text_breaks_a_comparer(ecosystem: str, text: str) -> None:
    versions.key(ecosystem, text)
    versions.event_key(ecosystem, text)
    affected = Affected(ecosystem, "x", (Range((("introduced", "0"), ("fixed", text or "0"))),), (text,))
    assert affects(affected, "1.0") in {True, False, None}
    assert affects(affected, text) in {True, False, None}


def test_semver_precedence_is_that_of_its_specification() -> None:
    chain = ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11"]
    for left, right in pairwise([*chain, "1.0.0-rc.1", "1.0.0", "2.0.0", "2.1.0", "2.1.1"]):
        assert semver.key(left) < semver.key(right)
    assert semver.key("1.0.0+a") == semver.key("v1.0+b")


def test_maven_order_is_that_of_the_pom_reference() -> None:
    chain = ["1-alpha-1", "1-a2", "1-beta", "1-milestone", "1-rc", "1-snapshot", "1", "1-sp", "1-foo2", "1-foo10"]
    for left, right in pairwise([*chain, "1-1", "1-2", "1.1"]):
        assert maven.key(left) < maven.key(right), (left, right)
    for left, right in [("1", "1.0.0"), ("1-ga", "1"), ("1-a1", "1-alpha-1"), ("1.foo", "1-foo"), ("1-rc", "1-cr")]:
        assert maven.key(left) == maven.key(right), (left, right)
    for text in ["1-0-1", "2.0.rc1", "1.0.alpha"]:
        assert maven.key(text) is not None


@given(installed=_LIKELY, bound=_LIKELY)
def test_fixed_and_last_affected_agree_with_the_order(installed: str, bound: str) -> None:
    here, limit = semver.key(installed), semver.key(bound)
    if here is None or limit is None:
        return
    fixed = Affected("npm", "x", (Range((("introduced", "0"), ("fixed", bound))),))
    last = Affected("npm", "x", (Range((("introduced", "0"), ("last_affected", bound))),))
    assert affects(fixed, installed) is (here < limit)
    assert affects(last, installed) is (here <= limit)
