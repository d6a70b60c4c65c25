"""Globs over builders, sources and models: what an attacker writes so that it looks like one of ours."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secpipe.gate.uris import accepts

CORP = ("git+https://github.com/corp/*", "pkg:huggingface/corp/*", "https://*.corp.example/*")


@pytest.mark.parametrize(
    "uri",
    ["git+https://github.com/corp/ml@refs/heads/main", "https://github.com/corp/ml", "pkg:huggingface/corp/base@1",
     "https://ci.corp.example/release/7"],
)  # fmt: skip
def test_ours(uri: str) -> None:
    assert accepts(CORP, uri)


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "git+https://github.com/mallory/ml",
        "git+https://github.com/corporate/ml",
        "git+https://github.com/corp/../mallory/ml",
        "git+https://github.com/corp/%2e%2e/mallory/ml",
        "git+https://github.com/corp/%252e%252e/mallory/ml",
        "git+https://github.com/corp/..%2fmallory/ml",
        "git+https://github.com/corp/..\\mallory",
        "git+https://github.com@evil.example/corp/ml",
        "git+https://evil.example/https://github.com/corp/ml",
        "git+http://github.com/corp/ml",
        "https://evil.example/?x=.corp.example/",
        "https://evil.example#.corp.example/",
        "https://evil.example/.corp.example/a",
        "https://user@ci.corp.example/release",
        "https://ci.corp.example/release\n",
        "https://ci.corp.example/\u202erelease",
        "pkg:huggingface/corp/../mallory/base",
        "pkg:huggingface/corp%2f..%2fmallory/base",
        "pkg:huggingface/mallory/corp/base",
        "PKG:huggingface/corp/base",
    ],
)
def test_not_ours(uri: str) -> None:
    assert not accepts(CORP, uri)


def test_a_star_accepts_all_that_has_one_reading() -> None:
    assert accepts(("*",), "s3://bucket/key")
    assert not accepts(("*",), "s3://bucket/../key")
    assert not accepts(("*",), "")
    assert not accepts((), "s3://bucket/key")


def test_who_wants_a_user_in_the_host_says_so() -> None:
    assert accepts(("git+ssh://git@github.com/corp/*",), "git+ssh://git@github.com/corp/ml")


@given(st.text(max_size=40), st.lists(st.text(max_size=10), max_size=3))
def test_never_raises(uri: str, globs: list[str]) -> None:
    assert accepts(globs, uri) in (True, False)


@given(st.text("abc/.%2eF:@#?\\", max_size=30))
def test_no_path_leaves_the_folder_that_a_glob_names(tail: str) -> None:
    if accepts(("https://github.com/corp/*",), f"https://github.com/corp/{tail}"):
        assert ".." not in tail.replace("%2e", ".").replace("%2E", ".").split("/")
