"""The catalogue: valid by its schema, every pattern compiles, and the prefilter implies every sign of it."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secpipe.core.errors import ConfigError
from secpipe.scan.shadow_ai import hosts, python
from secpipe.scan.shadow_ai.catalogue import read_catalogue
from secpipe.scan.shadow_ai.prefilter import Prefilter
from secpipe.scan.shadow_ai.terms import Terms, derive, required

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "policies/ai-providers"
CATALOGUE = read_catalogue()
NATIVE = Prefilter(derive(CATALOGUE))
PURE = Prefilter(derive(CATALOGUE), fast=False)
SCHEMA = json.loads((ROOT / "policies/schema/ai-providers.schema.json").read_text())
HEAD = 'schema = "secpipe.ai-providers/1"\n[[provider]]\n'
FILES = sorted(path for path in FOLDER.glob("*.toml") if path.name != "signals.toml")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_catalogue_file_is_valid(path: Path) -> None:
    jsonschema.validate(tomllib.loads(path.read_text()), SCHEMA)


def test_every_key_that_can_leak_says_where_it_is_revoked_by_which_source_of_which_day() -> None:
    held = {key.provider for key in CATALOGUE.keys}
    without = sorted(name for name in held & CATALOGUE.providers.keys() if not CATALOGUE.providers[name].revoke)
    assert without == []
    assert re.search(r"\b20\d\d-\d\d-\d\d\b", CATALOGUE.signals["sources"]["RV"])
    for provider in CATALOGUE.providers.values():
        assert ("RV" in provider.lists["sources"]) is bool(provider.revoke), provider.id


def test_catalogue_holds_what_the_draft_held() -> None:
    assert len(CATALOGUE.providers) >= 250
    known = set(CATALOGUE.signals["sources"])
    for provider in CATALOGUE.providers.values():
        assert set(provider.lists["sources"]) <= known, provider.id


def test_every_name_in_the_signals_is_a_provider() -> None:
    signals = CATALOGUE.signals
    named = {*signals["classes"].values(), *signals["brands"].values(), *signals["aws_services"].values()}
    named |= {*signals["extensions"].values(), *(row["provider"] for row in signals["downloads"].values())}
    assert named <= set(CATALOGUE.providers)


def test_every_pattern_compiles_and_every_host_resolves_to_its_owner() -> None:
    assert all(pattern.pattern for pattern, _ in CATALOGUE.patterns)
    for host, owner in CATALOGUE.hosts.items():
        destination = hosts.resolve(f"https://{host}/v1", CATALOGUE)
        assert destination is not None
        assert destination.provider == owner


def _literal_signs() -> list[str]:
    signs = [f"https://{host}/x" for host in CATALOGUE.hosts]
    signs += [*CATALOGUE.env, *CATALOGUE.weak_env, *CATALOGUE.base_url_env]
    signs += [f'"{prefix}some-model-1"' for prefix in CATALOGUE.prefixes]
    for pairs in (CATALOGUE.cli, CATALOGUE.images, CATALOGUE.terraform, CATALOGUE.iam, CATALOGUE.sql):
        signs += [text for text, _ in pairs]
    signs += list(CATALOGUE.actions)
    forms = {
        "python": "import {}\n",
        "java": "import {}.X;",
        "csharp": "using {};",
        "ruby": "require '{}'",
        "rust": "use {}::X;",
        "php": "use {}\\X;",
        "swift": "import {}\n",
        "dart": "import '{}/x.dart';",
        "go": 'import "{}"',
        "npm": 'import x from "{}"',
        "elixir": "{}.chat()",
        "c": '#include "{}"',
        "r": "library({})",
    }
    for language, index in CATALOGUE.imports.items():
        signs += [forms[language].format(name) for name in index]
    return signs


@pytest.mark.parametrize("prefilter", [NATIVE, PURE], ids=["native", "pure"])
def test_every_sign_is_implied_by_a_term(prefilter: Prefilter) -> None:
    missed = [sign for sign in _literal_signs() if not prefilter.positions(f"a\n{sign}\nb".encode())]
    assert not missed


_GAPS = st.sampled_from([" ", "  ", "\t"])


def _python_forms(name: str, gap: str) -> list[str]:
    """Every way to import a module by statement that the reader of Python finds."""
    forms = [f"import{gap}{name}", f"import{gap}{name} as x", f"import os,{gap}{name}", f"import os,{name}"]
    forms += [f"from{gap}{name} import X", f"from{gap}{name}{gap}import{gap}(\n    X,\n)", f"import \\\n    {name}"]
    parts = name.split(".")
    for cut in range(1, len(parts)):
        head, rest = ".".join(parts[:cut]), parts[cut:]
        used = ".".join(["x", *rest[1:], "Client"])
        forms.append(f"from{gap}{head}{gap}import{gap}{rest[0]} as x\nx = {used}()")
        forms.append(f"import{gap}{head} as y\ny.{'.'.join(rest)}.Client()")
    return forms


@pytest.mark.parametrize("name", sorted(CATALOGUE.imports["python"]))
@settings(max_examples=6, deadline=None)
@given(gap=_GAPS)
def test_every_import_that_the_reader_finds_passes_the_prefilter(name: str, gap: str) -> None:
    for form in _python_forms(name, gap):
        if any(sign.sdk for sign in python.read(form, CATALOGUE).signals):
            assert NATIVE.positions(form.encode()), form
            assert PURE.positions(form.encode()), form


@pytest.mark.parametrize("name", sorted(CATALOGUE.signals["aws_services"]))
@pytest.mark.parametrize(
    "form",
    [
        "import boto3\nboto3.client({!r})",
        "import boto3\nboto3.client(service_name={!r}, region_name='eu-west-1')",
        "import boto3\nwords = {{'service_name': {!r}}}\nboto3.Session().client(**words)",
    ],
)
def test_every_cloud_service_is_found_in_each_spelling(name: str, form: str) -> None:
    source = form.format(name)
    wanted = CATALOGUE.signals["aws_services"][name]
    assert wanted in {sign.provider for sign in python.read(source, CATALOGUE).signals}
    assert NATIVE.positions(source.encode())


@pytest.mark.parametrize(
    "pattern", [pattern for pattern, _ in CATALOGUE.patterns], ids=lambda pattern: pattern.pattern[:40]
)
def test_every_host_pattern_is_implied_by_a_term(pattern: re.Pattern[str]) -> None:
    terms = required(pattern.pattern)
    assert terms

    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.from_regex(re.compile(pattern.pattern, re.ASCII), fullmatch=True))
    def holds(text: str) -> None:
        assert any(term in text.lower() for term in terms)

    holds()


@pytest.mark.parametrize("key", [key for key in CATALOGUE.keys if key.term], ids=lambda key: key.pattern.pattern[:40])
def test_every_key_format_holds_its_term(key) -> None:
    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.from_regex(re.compile(key.pattern.pattern, re.ASCII), fullmatch=True))
    def holds(text: str) -> None:
        assert key.term in text.lower()
        assert NATIVE.positions(f'"{text}"'.encode())

    holds()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(_literal_signs()) | st.text(max_size=20), max_size=6),
    st.sampled_from(["", "\n", "x", "\u00e9"]),
)
def test_both_prefilters_agree(parts: list[str], glue: str) -> None:
    data = glue.join(parts).encode("utf-8", "replace")
    assert NATIVE.positions(data) == PURE.positions(data)


@pytest.mark.parametrize("host", ["api.deepseek.com", "api.x.ai", "openrouter.ai"])
def test_encoded_hosts_are_implied(host: str) -> None:
    import base64
    import codecs

    url = f"https://{host}/v1"
    for shift in range(3):
        assert NATIVE.positions(base64.b64encode(b"x" * shift + url.encode()))
    assert NATIVE.positions(url.encode().hex().encode())
    assert NATIVE.positions(url[::-1].encode())
    assert NATIVE.positions(codecs.encode(url, "rot13").encode())
    assert NATIVE.positions("".join(f"\\x{ord(char):02x}" for char in url).encode())


def test_nothing_is_found_where_nothing_is() -> None:
    assert not NATIVE.positions(b"def add(a, b):\n    return a + b  # together\n")
    assert not Prefilter(Terms(("openai",), ())).positions(b"")


def test_the_users_catalogue_extends_and_is_checked(tmp_path: Path) -> None:
    good = tmp_path / "corp.toml"
    good.write_text(HEAD + 'id = "corp"\nname = "Corp LLM"\nkind = "gateway"\nhosts = ["llm.corp.io"]\n')
    extended = read_catalogue([good])
    assert extended.hosts["llm.corp.io"] == "corp"
    assert Prefilter(derive(extended)).positions(b"https://llm.corp.io/v1")
    bad = tmp_path / "bad.toml"
    bad.write_text(
        'schema = "secpipe.ai-providers/1"\n[[provider]]\nid = "x"\nname = "X"\nkind = "gateway"\nhots = ["a.b"]\n'
    )
    with pytest.raises(ConfigError) as error:
        read_catalogue([bad])
    assert 'did you mean "hosts"?' in error.value.hint
    bad.write_text(HEAD + 'id = "x"\nname = "X"\nkind = "gateway"\nhost_patterns = ["("]\n')
    with pytest.raises(ConfigError):
        read_catalogue([bad])
