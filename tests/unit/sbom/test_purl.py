"""Our purls are the canonical ones of the reference implementation."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from secpipe.formats.packages import purl
from tests import skips

packageurl = skips.module("packageurl")
VERSIONS = st.from_regex(r"[0-9][0-9A-Za-z.+!~-]{0,12}", fullmatch=True)
NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9._-]{0,12}[A-Za-z0-9]", fullmatch=True)


@given(st.sampled_from(["PyPI", "npm", "Go", "crates.io"]), NAMES, VERSIONS)
def test_purls_are_canonical(ecosystem: str, name: str, version: str) -> None:
    if ecosystem == "npm":
        name = "@scope/" + name.lower()
    elif ecosystem == "Go":
        name = "example.org/" + name
    made = purl.for_ecosystem(ecosystem, name, version)
    assert packageurl.PackageURL.from_string(made).to_string() == made


def test_nothing_is_made_of_nothing() -> None:
    assert purl.for_ecosystem("", "x") == ""
    assert purl.for_ecosystem("PyPI", "") == ""
