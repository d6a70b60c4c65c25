"""The evaluation of ranges, against the examples of the OSV schema and the corners of each ecosystem."""

from __future__ import annotations

import pytest

from secpipe.scan.vulnerabilities.osv import Affected, Range
from secpipe.scan.vulnerabilities.ranges import affects, fixed_versions


def span(*events: tuple[str, str], ecosystem: str = "PyPI", versions: tuple[str, ...] = ()) -> Affected:
    return Affected(ecosystem, "x", (Range(events),) if events else (), versions)


@pytest.mark.parametrize(
    ("affected", "version", "expected"),
    [
        (span(("introduced", "0"), ("fixed", "2.0")), "1.9", True),
        (span(("introduced", "0"), ("fixed", "2.0")), "2.0", False),
        (span(("introduced", "0"), ("fixed", "2.0")), "2.0rc1", True),
        (span(("introduced", "0"), ("fixed", "2.0")), "2.0.post1", False),
        (span(("introduced", "1.0"), ("last_affected", "1.5")), "1.5", True),
        (span(("introduced", "1.0"), ("last_affected", "1.5")), "1.5.0", True),
        (span(("introduced", "1.0"), ("last_affected", "1.5")), "1.5.1", False),
        (span(("introduced", "1.0"), ("last_affected", "1.5")), "0.9", False),
        (span(("introduced", "0"), ("fixed", "1.2"), ("introduced", "2.0"), ("fixed", "2.3")), "1.5", False),
        (span(("introduced", "2.0"), ("fixed", "2.3"), ("introduced", "0"), ("fixed", "1.2")), "2.1", True),
        (span(("introduced", "0"), ("limit", "1.5")), "1.5", False),
        (span(("introduced", "0"), ("limit", "1.5")), "1.4", True),
        (span(("introduced", "0"), ("limit", "*")), "99", True),
        (span(("introduced", "0")), "0.0.1.dev0", True),
        (span(versions=("1.0",)), "1.0.0", True),  # equal under PEP 440
        (span(versions=("1.0",)), "1.0.1", False),
        (span(("introduced", "2.0"), ("fixed", "2.0")), "2.0", False),  # a record that fixes itself
        (span(("introduced", "0"), ("fixed", "10.0")), "9.0", True),  # not by text
        (span(("introduced", "0"), ("fixed", "1!1.0")), "2026.1", True),  # epochs
        (span(("introduced", "1.0.0-beta.2"), ("fixed", "1.0.0"), ecosystem="npm"), "1.0.0-beta.11", True),
        (span(("introduced", "1.0.0-beta.2"), ("fixed", "1.0.0"), ecosystem="npm"), "1.0.0-alpha", False),
        (span(("introduced", "0"), ("fixed", "1.20.3"), ecosystem="Go"), "v1.20.2", True),
        (span(("introduced", "0"), ("fixed", "2.15.0"), ecosystem="Maven"), "2.15.0-rc1", True),
        (span(("introduced", "0"), ("fixed", "2.15.0"), ecosystem="Maven"), "2.15", False),
    ],
)
def test_ranges(affected: Affected, version: str, expected: bool) -> None:
    assert affects(affected, version) is expected


@pytest.mark.parametrize("build", ["2.0.0+cu118", "2.0.0+cpu", "2.0.0+rocm5.4.2"])
def test_a_local_build_is_as_vulnerable_as_its_release(build: str) -> None:
    assert affects(span(("introduced", "0"), ("last_affected", "2.0.0")), build) is True
    assert affects(span(versions=("2.0.0",)), build) is True
    assert affects(span(("introduced", "0"), ("fixed", "2.0.0")), build) is False


@pytest.mark.parametrize("odd", ["2.6.0-NA", "2.6.0-cu124", "2.6.0 (all)"])
def test_an_odd_bound_means_the_release_it_begins_with(odd: str) -> None:
    """PyPI's own data has such bounds; ordered as text they would end the range before it begins."""
    assert affects(span(("introduced", "0"), ("last_affected", odd)), "2.0.0") is True
    assert affects(span(("introduced", "0"), ("last_affected", odd)), "2.6.1") is False


def test_a_bound_that_is_no_version_at_all_decides_nothing() -> None:
    assert affects(span(("introduced", "0"), ("fixed", "main")), "1.0") is None


def test_an_installed_version_that_is_none_sorts_below_all() -> None:
    assert affects(span(("introduced", "0"), ("fixed", "2.0")), "2013-b~x") is True
    assert affects(span(("introduced", "1.0"), ("fixed", "2.0")), "2013-b~x") is False
    assert affects(span(versions=("2013-b~x",)), "2013-b~x") is True


def test_an_ecosystem_without_an_order_is_judged_by_its_lists_only() -> None:
    assert affects(span(("introduced", "0"), ("fixed", "2"), ecosystem="Conan"), "1") is None
    assert affects(span(versions=("1",), ecosystem="Conan"), "1") is True
    assert affects(span(("introduced", "0"), ecosystem="Conan"), "1") is True


def test_fixed_versions_lie_above_and_ascend() -> None:
    affected = span(("introduced", "0"), ("fixed", "1.10"), ("introduced", "2.0"), ("fixed", "2.3"), ("fixed", "1.9"))
    assert fixed_versions(affected, "1.9") == ["1.10", "2.3"]
