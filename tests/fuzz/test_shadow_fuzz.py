"""Truncated and mutated input: every reader returns or raises InputError, and the scan always ends with evidence."""

from __future__ import annotations

import contextlib
import runpy
import string
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secpipe.core.errors import InputError
from secpipe.scan.shadow_ai import agents, configs, manifests, notebooks, python, shell, source, sql, text
from secpipe.scan.shadow_ai.catalogue import read_catalogue
from secpipe.scan.shadow_ai.hosts import resolve
from secpipe.scan.shadow_ai.leaks import leaks
from secpipe.scan.shadow_ai.lexer import LANGUAGES

BENCH = runpy.run_path(str(Path(__file__).resolve().parents[2] / "bench/shadow_ai_suites.py"))
CATALOGUE = read_catalogue()
SEEDS = [
    content
    for prefix in ("evasion", "negatives")
    for case in BENCH["cases"](prefix)
    for content in case["files"].values()
]
PATHS = [
    "requirements.txt",
    "pyproject.toml",
    "package.json",
    "go.mod",
    "pom.xml",
    "Cargo.toml",
    "setup.py",
    "yarn.lock",
    "a.csproj",
    "x.gemspec",
]
READERS = {
    "python": lambda data: python.read(data, CATALOGUE),
    "notebook": lambda data: notebooks.read(data, CATALOGUE),
    "shell": lambda data: shell.commands(data, CATALOGUE),
    "sql": lambda data: sql.read(data, CATALOGUE),
    "text": lambda data: text.read(data, CATALOGUE),
    "dockerfile": lambda data: configs.dockerfile(data, CATALOGUE),
    "config": lambda data: configs.read(data, "a.yaml", CATALOGUE),
    "agent": lambda data: agents.read(data, ".mcp.json", CATALOGUE),
    "codex": lambda data: agents.read(data, ".codex/config.toml", CATALOGUE),
    "leaks": lambda data: leaks(data, "a", "code", CATALOGUE, other_signs=True, tell=str),
    **{name: (lambda data, name=name: source.read(data, name, CATALOGUE)) for name in LANGUAGES},
    **{path: (lambda data, path=path: manifests.read(data, path, CATALOGUE)) for path in PATHS},
}


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A seed cut short, with pieces of another seed and odd characters put in."""
    seed, other = draw(st.sampled_from(SEEDS)), draw(st.sampled_from(SEEDS))
    cut = draw(st.integers(0, len(seed)))
    start = draw(st.integers(0, len(other)))
    middle = draw(st.text(alphabet=string.punctuation + "\0\n\u202e\ud800é", max_size=12))
    return (
        seed[:cut] + middle + other[start : start + draw(st.integers(0, 200))] + draw(st.sampled_from(["", seed[cut:]]))
    )


def _try(name: str, data: str) -> None:
    with contextlib.suppress(InputError):
        READERS[name](data)


@pytest.mark.parametrize("name", sorted(READERS))
def test_reader_survives_mutations(name: str) -> None:
    @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
    @given(mutated())
    def survives(data: str) -> None:
        _try(name, data)

    survives()


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(READERS))
def test_reader_survives_many_mutations(name: str) -> None:
    @settings(max_examples=1500, deadline=None, suppress_health_check=list(HealthCheck))
    @given(mutated())
    def survives(data: str) -> None:
        _try(name, data)

    survives()


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80) | st.from_regex(r"(https?://)?[a-z@:/.\[\]\\%0-9-]{0,40}", fullmatch=True))
def test_any_text_resolves_or_not(url: str) -> None:
    destination = resolve(url, CATALOGUE)
    assert destination is None or destination.host == destination.host.lower()
