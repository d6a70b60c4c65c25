"""Names and pins: squats, confusion, hashes, sources; and the honest names that must stay quiet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from secpipe.core.artifact import Digest
from secpipe.core.finding import Finding, Severity
from secpipe.core.inventory import Component, Fact, Grade, Inventory
from secpipe.scan.vulnerabilities.audit import Options, audit
from secpipe.scan.vulnerabilities.hygiene import near_name

Make = Callable[..., Any]
DIGEST = (Digest("sha256", "0" * 64),)


@pytest.fixture
def found(record: Make, store_of: Make, now: datetime) -> Callable[..., list[Finding]]:
    """Return the findings on names and pins of components."""

    def run(*parts: Component, **options: Any) -> list[Finding]:
        store = store_of(record("GHSA-1", "zzzz", {"introduced": "0"}))
        return list(audit(Inventory(parts), store, now=now, options=Options(**options)).findings)

    return run


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("reqeusts", "requests"),
        ("request", "requests"),
        ("tensorfl0w", "tensorflow"),
        ("transformrs", "transformers"),
        ("langchian", "langchain"),
        ("pillow1", "pillow"),
        ("huggingface-hubs", "huggingface-hub"),
    ],
)
def test_a_letter_away_from_a_popular_name(name: str, near: str, found: Make, library: Make) -> None:
    (finding,) = found(library(name, "1.0", digests=DIGEST))
    assert finding.rule == "audit/near-name"
    assert near in finding.message
    assert finding.severity is Severity.LOW


@pytest.mark.parametrize(
    "name",
    ["requests", "torch", "torchx", "scapy", "scipy", "ray", "rays", "six", "numpyro", "panda3d", "httpx", "httpr",
     "torchvision", "acme-chat", "langchain-acme", "pyaml", "markdown2", "psycopg", "grequests", "flash-attn"],
)  # fmt: skip
def test_honest_names_stay_quiet(name: str, found: Make, library: Make) -> None:
    assert found(library(name, "1.0", digests=DIGEST)) == []


def test_names_with_advisories_of_their_own_are_no_squats() -> None:
    assert near_name("PyPI", "requestz", frozenset({"requestz"})) == ""
    assert near_name("PyPI", "requestz") == "requests"
    assert near_name("npm", "exprss") == "express"
    assert near_name("Go", "requestz") == ""


def test_a_name_outside_the_index_supplied(found: Make, library: Make) -> None:
    parts = (library("huggingface-cli-tools", "1.0", digests=DIGEST), library("torch", "2.0", digests=DIGEST))
    (finding,) = found(*parts, index=frozenset({"torch"}))
    assert finding.rule == "audit/unknown-name"


def test_an_internal_name_on_the_public_index(found: Make, library: Make) -> None:
    public = library("acme-utils", "1.0", digests=DIGEST)
    (finding,) = found(public, internal=("acme-*",))
    assert (finding.rule, finding.severity) == ("audit/internal-name", Severity.MEDIUM)
    private = replace(public, ecosystem="", purl=public.purl + "?repository_url=https://pypi.acme.example")
    assert found(private, internal=("acme-*",)) == []


def test_missing_hashes_are_one_finding_a_file(found: Make, library: Make) -> None:
    parts = [library(name, "1.0", path="a/requirements.txt") for name in ("aa", "bb", "cc", "dd")]
    (finding,) = found(*parts, library("ee", "1.0", path="uv.lock", facts={"hashes": Fact("x", Grade.DECLARED)}))
    assert finding.rule == "audit/no-hash"
    assert finding.path == "a/requirements.txt"
    assert finding.details["packages"] == 4
    assert found(library("aa", "1.0", path="bom.cdx.json")) == []  # an SBOM is no lock file


@pytest.mark.parametrize(
    ("url", "commit", "rule"),
    [
        ("git+https://github.com/acme/x", "", "audit/unpinned-source"),
        ("git+https://github.com/acme/x", "main", "audit/unpinned-source"),
        ("git+https://github.com/acme/x", "0" * 40, ""),
        ("https://acme.example/x-1.0-py3-none-any.whl", None, "audit/direct-url"),
    ],
)
def test_sources_outside_an_index(url: str, commit: str | None, rule: str, found: Make, library: Make) -> None:
    facts = {"source-url": Fact(url, Grade.DECLARED)}
    if commit is not None:
        facts["commit"] = Fact(commit, Grade.DECLARED)
    part = replace(library("x", "1.0"), ecosystem="", purl="", ref="library:x", facts=facts)
    assert [finding.rule for finding in found(part)] == ([rule] if rule else [])
