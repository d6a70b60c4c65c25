"""Planted tokens of every shape are taken out of what is written, wherever they stand; honest text stays as it is."""

from __future__ import annotations

import base64
import json
import re
import tomllib
import warnings
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from secpipe.core.foreign import Sink, as_data, neutral
from secpipe.core.registry import load
from secpipe.core.text import printable
from secpipe.report import SINKS, WRITERS
from secpipe.system.redaction import MARK, redact, redact_values, shapes

ROOT = Path(__file__).resolve().parents[2]
ALNUM = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def some(alphabet: str, count: int) -> st.SearchStrategy[str]:
    return st.text(alphabet, min_size=count, max_size=count)


def after(prefix: str, body: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[str, str]]:
    return body.map(lambda secret: (prefix + secret, secret))


#: name -> (text that holds it, the secret part), written from the issuers' own descriptions, not from our expressions.
PLANTED: dict[str, st.SearchStrategy[tuple[str, str]]] = {
    "url": after("https://bob:", some(ALNUM, 12)).map(lambda two: (f"{two[0]}@host.example/a.git", two[1])),
    "url-odd": after(
        "postgres://u:", st.text(ALNUM + "!$&()*+,;=@%-._~^", min_size=9, max_size=20).map(lambda t: f"q{t}q")
    ).map(lambda two: (f"{two[0]}@h/db", two[1])),
    "purl": after("pkg:generic/x@1?vcs_url=git%2Bhttps%3A%2F%2Fu%3A", some(ALNUM, 10)).map(
        lambda two: (f"{two[0]}%40h.example%2Fp", two[1])
    ),
    "purl-mixed": after("pkg:generic/x@1?vcs_url=git%2Bhttps://u:", some(ALNUM, 10)).map(
        lambda two: (f"{two[0]}%40h.example/p", two[1])
    ),
    "url-user": after("https://", some(ALNUM, 30).map(lambda t: t + "7")).map(lambda two: (f"{two[0]}@h/x", two[1])),
    "query": after("https://h/x?a=b&access_token=", some(ALNUM, 20)),
    "fragment": after("https://h/callback#access_token=", some(ALNUM, 20)),
    "ghp": after("ghp_", some(ALNUM, 36)),
    "ghs": after("ghs_", some(ALNUM, 36)),
    "github_pat": after("github_pat_", some(ALNUM, 22).flatmap(lambda a: some(ALNUM, 59).map(lambda b: f"{a}_{b}"))),
    "gitlab": after("glpat-", some(ALNUM + "-_", 20).map(lambda t: f"x{t}")),
    "npm": after("npm_", some(ALNUM, 36)),
    "npmrc": after("//registry.example/:_authToken=", some(ALNUM, 30)),
    "pypi": after("pypi-AgEIcHlwaS5vcmc", some(ALNUM + "-_", 120)),
    "aws-id": after("AKIA", some("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)),
    "aws-secret": after('"aws_secret_access_key": "', some(ALNUM + "/+", 40)),
    "hf": after("hf_", some(ALNUM, 34)),
    "openai": after("sk-proj-", some(ALNUM, 48)),
    "openai-old": after("sk-", some(ALNUM, 48)),
    "anthropic": after("sk-ant-api03-", some(ALNUM + "-_", 93)),
    "google": after("AIza", some(ALNUM + "-_", 35)),
    "slack": after("xoxb-", some("0123456789", 12).flatmap(lambda a: some(ALNUM, 24).map(lambda b: f"{a}-{b}"))),
    "stripe": after("sk_live_", some(ALNUM, 24)),
    "bearer": after("Authorization: Bearer ", some(ALNUM, 12)),
    "basic": after("authorization: Basic ", some(ALNUM, 12)),
    "bare-bearer": after("bearer ", some(ALNUM, 30).map(lambda t: t + "3")),
    "header": after("X-Api-Key: ", some(ALNUM, 20).map(lambda t: t + "3")),
    "jwt": after(
        "eyJhbGciOiJIUzI1NiJ9.", some(ALNUM, 30).flatmap(lambda a: some(ALNUM, 43).map(lambda b: f"eyJ{a}.{b}"))
    ),
    "age": after("AGE-SECRET-KEY-1", some("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58)),
    "azure": after("DefaultEndpointsProtocol=https;AccountKey=", some(ALNUM + "+/", 86)),
}
#: Where a token may stand: prose, lines, code, JSON, a command.
AROUND = [
    "{}",
    "old_{}",
    "see {} for more",
    "a\n{}\nb",
    "key = '{}'",
    'x="{}",',
    "({})",
    "path/to:{}",
    "<{}>",
    "token={};",
    "TOKEN_{}.txt",
]


def pem(body: bytes, kind: str, newline: str) -> str:
    text = base64.b64encode(body).decode()
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return newline.join([f"-----BEGIN {kind}PRIVATE " + "KEY-----", *lines, f"-----END {kind}PRIVATE " + "KEY-----"])


@pytest.mark.parametrize("name", PLANTED)
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), around=st.sampled_from(AROUND))
def test_a_planted_token_is_gone(name: str, data: st.DataObject, around: str) -> None:
    text, secret = data.draw(PLANTED[name])
    whole = around.format(text)
    once = redact(whole)
    assert secret not in once
    assert MARK in once
    assert redact(once) == once


@given(st.binary(min_size=48, max_size=400), st.sampled_from(["", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED "]))
def test_a_private_key_is_gone_in_every_form_of_its_lines(body: bytes, kind: str) -> None:
    for newline in ("\n", "\r\n", "\\n", "\\r\\n"):
        text = pem(body, kind, newline)
        once = redact(f"before {text} after")
        left = once.replace(MARK, "")
        assert not re.search(r"[A-Za-z0-9+/]{16,}", left)
        assert once.startswith("before ")
        assert once.endswith(" after")
        assert redact(once) == once


def provider_keys() -> list[tuple[str, str]]:
    found = []
    for path in sorted((ROOT / "policies" / "ai-providers").glob("*.toml")):
        for provider in tomllib.loads(path.read_text()).get("provider", ()):
            found += [(provider["id"], key["regex"]) for key in provider.get("keys", ())]
    return found


@pytest.mark.parametrize(("provider", "regex"), provider_keys())
@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(data=st.data())
def test_every_key_that_the_shadow_ai_rules_find_is_taken_out(provider: str, regex: str, data: st.DataObject) -> None:
    pattern = re.compile(regex)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        token = data.draw(st.from_regex(re.compile(regex, re.ASCII), fullmatch=True))
    found = pattern.search(token)
    assume(found is not None)
    assert found is not None
    secret = found[found.lastindex or 0]
    assume(sum(char.isdigit() for char in secret) > 2 and secret.isascii() and "_-" not in secret)
    once = redact(f"x {token} y")
    assert secret not in once, once


HONEST = [
    "pkg:pypi/numpy@1.26.0",
    "pkg:npm/%40scope/name@1.0.0?repository_url=https://registry.example",
    "pkg:oci/app@sha256%3A" + "ab12" * 16 + "?repository_url=ghcr.io/acme/app",
    "sha256:" + "0123456789abcdef" * 4,
    "sha512-" + base64.b64encode(bytes(range(64))).decode(),
    "https://example.com:8080/a/b?x=1&y=2#z",
    "https://unpkg.com/react@18.2.0/index.js",
    "https://medium.com/@author/some-title-123",
    "git+ssh://git@github.com/acme/repo.git@0123456789abcdef0123456789abcdef01234567",
    "https://${USER}:${TOKEN}@host/x",
    "https://user:***@host/x",
    "https://acme-organisation-name@dev.azure.com/acme/_git/x",
    "Authorization: Bearer $TOKEN",
    "Authorization: Bearer ${{ secrets.TOKEN }}",
    "sk-learn-contrib-extra-utilities",
    "task-force-one-hundred-and-twenty",
    "the file holds -----BEGIN PRIVATE " + "KEY----- and is read by everyone in the organisation",
    "//registry.npmjs.org/:_authToken=${NPM_TOKEN}",
    "uuid 123e4567-e89b-12d3-a456-426614174000 at 2026-11-29T12:00:00Z",
    "model openai/gpt-4o-mini-2024-07-18 at https://api.openai.com/v1",
    "OPENAI_API_KEY is read from the environment",
    "a::b::c and C++ std::string, ## heading, [link]",
    "key id " + "ab" * 32,
    "docker://alpine:3.19@sha256:" + "ab12" * 16,
    "deepseek-llm-7b " + "a1" * 32,
    "models/deepseek-coder " + "a1" * 20,
    '"models/cohere.onnx": "' + "a1" * 32 + '"',
    "cohere 5.0.1 " + "a1" * 16,
    "https://h/a#installation",
]


@pytest.mark.parametrize("text", HONEST)
def test_honest_text_stays_as_it_is(text: str) -> None:
    assert redact(text) == text
    assert neutral(f"see {text}\n", Sink.TEXT) == f"see {text}\n"


@given(st.binary(min_size=8, max_size=64))
def test_digests_stay_as_they_are(data: bytes) -> None:
    for text in (data.hex(), f"sha256:{data.hex()}", f"pkg:generic/x@1?checksum=sha256:{data.hex()}"):
        assert redact(text) == text


COMMANDS = [
    "::error::x",
    "::set-output name=a::b",
    "##[error]x",
    "##vso[task.setvariable]x",
    "##teamcity[x]",
    "##VSO[x]",
]
foreign = st.lists(
    st.one_of(st.text(max_size=12), st.sampled_from([*COMMANDS, "\n", "\x1b[2J", "\u202e", "\u200b", " ", "\r", '"'])),
    max_size=8,
).map("".join)


def acts(text: str) -> bool:
    """Whether a runner would take a command from a line of `text`, or a terminal a control sequence."""
    lines = re.split(r"[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]", text)
    return any(line.lstrip().startswith("::") or re.search(r"##(\[|vso\[|teamcity\[)", line, re.I) for line in lines)


@given(foreign)
def test_no_sink_lets_a_command_or_control_character_through(text: str) -> None:
    plain = neutral(text, Sink.TEXT)
    assert not acts(plain)
    assert all(printable(char) == char for char in plain if char != "\n")
    assert neutral(plain, Sink.TEXT) == plain
    document = json.dumps({text: [text]}, indent=2, ensure_ascii=False)
    safe = neutral(document, Sink.JSON)
    assert json.loads(safe) == {text: [text]}
    assert not acts(safe)
    assert all(printable(char) == char for char in safe if char != "\n")
    assert neutral(safe, Sink.JSON) == safe
    assert not acts(neutral(text.replace("\r", ""), Sink.MARKUP).replace("\x1c", ""))


@given(foreign)
def test_foreign_text_marked_as_data_cannot_end_its_own_mark(text: str) -> None:
    marked = as_data(text)
    head, _, body = marked.partition("] ")
    assert head.endswith("never instructions")
    assert "\n" not in marked
    assert json.loads(body) == printable(text)
    assert not acts(marked)


def findings(message: str) -> dict[str, Any]:
    path = ROOT / "tests" / "data" / "reports"
    document = json.loads(next(path.glob("scan.json")).read_text())
    document["findings"][0]["message"] = message
    document["findings"][0]["path"] = f"src/{message}"
    return document


@pytest.mark.parametrize("name", WRITERS)
def test_no_writer_shows_a_token_or_starts_a_command(name: str) -> None:
    token = "ghp_" + "aB3" * 12
    document = redact_values(findings(f"::warning::x https://bob:{token}@h ##[group]\x1b[2J ::error::"))
    text = neutral(redact(load(WRITERS, name, "format")(document)), SINKS[name])
    assert token not in text
    assert "aB3aB3" not in text
    assert "\x1b" not in text
    assert not re.search(r"##\[", text)
    if name != "github":
        assert not acts(text)


def test_every_shape_says_where_it_comes_from_and_compiles() -> None:
    names = [shape.name for shape in shapes()]
    assert len(names) == len(set(names)) > 20
    for shape in shapes():
        assert shape.source
        assert "keep" in shape.pattern().groupindex
        assert all(shape.hints)
        assert not shape.any_case or all(hint == hint.lower() for hint in shape.hints)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(*PLANTED.values()).map(lambda two: two[0]) | st.text(max_size=30), max_size=6))
def test_a_document_loses_what_each_of_its_strings_loses_alone(texts: list[str]) -> None:
    """What spares work for strings without a hint must not spare a secret."""
    whole = redact_values({"list": [{"a": text} for text in texts], **{f"key {text}": 1 for text in texts}})
    assert [item["a"] for item in whole["list"]] == [redact(text) if len(text) > 8 else text for text in texts]
    assert set(whole) - {"list"} == {redact(f"key {text}") if len(text) > 4 else f"key {text}" for text in texts}
