"""CODEOWNERS: the last rule that fits says who is asked."""

from __future__ import annotations

import pytest

from secpipe.formats.codeowners import parse

TEXT = """# who answers
*                @acme/all
*.py             @acme/python  python@acme.example
/service/        @acme/service # in the root alone
docs/*           @writer
deploy/**/prod   @ops
/vendored/
a\\ b.txt         @space
**/secrets       @security
!not             @nobody
"""


@pytest.mark.parametrize(
    ("path", "owners"),
    [
        ("README", ("@acme/all",)),
        ("x/y/z.py", ("@acme/python", "python@acme.example")),
        ("service/a.py", ("@acme/service",)),
        ("other/service/a.txt", ("@acme/all",)),
        ("docs/page.md", ("@writer",)),
        ("docs/deep/page.md", ("@acme/all",)),
        ("deploy/a/b/prod/x", ("@ops",)),
        ("deploy/prod", ("@ops",)),
        ("vendored/x.py", ()),
        ("a b.txt", ("@space",)),
        ("x/secrets/key", ("@security",)),
    ],
)
def test_the_last_rule_that_fits_counts(path: str, owners: tuple[str, ...]) -> None:
    assert parse(TEXT).of(path) == owners


def test_a_line_that_says_nothing_is_told() -> None:
    assert parse(TEXT).problems == ("line 10: its pattern has no meaning there",)


def test_a_section_of_gitlab_lends_its_owners() -> None:
    owners = parse("[Models][2] @ml\nmodels/\nservice/ @service\n\n^[Docs] @writer\n*.md\n")
    assert owners.of("models/a") == ("@ml",)
    assert owners.of("service/a") == ("@service",)
    assert owners.of("x.md") == ("@writer",)


def test_what_is_no_name_is_no_owner() -> None:
    assert parse("* <script>alert(1)</script> @ok $(id)\n").of("x") == ("@ok",)


def test_a_hostile_pattern_costs_little() -> None:
    stars = "/".join(["**", "a*a*a*b"] * 30)
    assert parse(f"{stars} @x\n").of("/".join(["aaaaaaaaaaaaaaaa"] * 200)) == ()
    assert parse("x @y\n" * 60_000).problems
