"""An address in numbers, base64 or what a shell works out is found, in any language; another one is nobody's."""

from __future__ import annotations

import base64
import codecs
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from secpipe.scan.shadow_ai import encoded, substitution
from secpipe.scan.shadow_ai.scan import scan
from secpipe.system.tree import open_tree

THEIRS, OURS = "https://api.deepseek.com/v1", "https://status.corp.example/v1"


def _numbers(url: str, change: Callable[[int], int] = int) -> str:
    return ", ".join(str(change(ord(letter))) for letter in url)


def _forms(url: str) -> dict[str, tuple[str, str]]:
    codes, hexes, half = _numbers(url), ", ".join(hex(ord(letter)) for letter in url), len(url) // 2
    words = base64.b64encode(url.encode()).decode()
    send, a, b = "import requests\nrequests.post(", url[8:15], url[15:]

    def curl(text: str, before: str = "") -> str:
        return f"#!/bin/sh\n{before}curl {text}\n"

    return {
        "map": ("a.py", f"{send}''.join(map(chr, [{codes}])))\n"),
        "of a name": ("a.py", f"U = [{codes}]\n{send}''.join(chr(c) for c in U))\n"),
        "less one": ("a.py", f"{send}''.join(chr(c - 1) for c in [{_numbers(url, lambda c: c + 1)}]))\n"),
        "masked": ("a.py", f"{send}''.join(chr(c ^ 5) for c in [{_numbers(url, lambda c: c ^ 5)}]))\n"),
        "percent": ("a.py", f"{send}'{'%c' * len(url)}' % ({codes}))\n"),
        "apply": ("a.js", f"fetch(String.fromCharCode.apply(null, [{codes}]))\n"),
        "spread": ("a.js", f"const u = [{codes}];\nfetch(String.fromCharCode(...u))\n"),
        "each": ("a.js", f"fetch([{codes}].map(c => String.fromCharCode(c)).join(''))\n"),
        "points": ("a.js", f"fetch(String.fromCodePoint({hexes}))\n"),
        "array": ("a.js", f"fetch(new TextDecoder().decode(new Uint8Array([{codes}])))\n"),
        "buffer": ("a.js", f"fetch(Buffer.from([{codes}]).toString())\n"),
        "go": ("a.go", f'package main\nimport "net/http"\nfunc main() {{ http.Get(string([]byte{{{codes}}})) }}\n'),
        "rust": ("a.rs", f"fn main() {{ reqwest::get(String::from_utf8(vec![{codes}]).unwrap()); }}\n"),
        "binary": ("a.yaml", f"base_url: !!binary {words}\n"),
        "binary block": ("a.yaml", f"llm:\n  base_url: !!binary |\n    {words[:20]}\n    {words[20:]}\n"),
        "secret": ("a.yaml", f"kind: Secret\ndata:\n  TARGET_URL: {words}\n"),
        "quotes": ("a.sh", curl(f'{url[:half]}""{url[half:]}')),
        "printf": ("a.sh", curl(f"\"$(printf 'https://%s%s' {a} {b})\"")),
        "printf -v": ("a.sh", curl('"$U"', f'printf -v U "https://%s%s" {a} {b}\n')),
        "octal": ("a.sh", curl("$U", 'U=$(printf "' + "".join(f"\\{ord(c):03o}" for c in url) + '")\n')),
        "piped": (
            "a.sh", f"#!/bin/sh\necho {base64.b64encode(f'curl {url}'.encode()).decode()} | base64 -d | sh\n",
        ),
        "of a variable": ("a.sh", curl("$(echo $X | base64 -d)", f"X={words}\n")),
        "turned": ("a.sh", curl(f"$(echo {url[::-1]} | rev)")),
        "translated": ("a.sh", curl(f"$(echo {codecs.encode(url, 'rot13')} | tr a-z n-za-m)")),
        "hex": ("a.sh", curl(f"`echo {url.encode().hex()} | xxd -r -p`")),
        "taken out": ("a.sh", curl(f"$(echo '{url[:half]}@{url[half:]}' | tr -d @)")),
        "inside": ("a.sh", curl(f"$(echo $(printf '%s' {words}) | base64 --decode)")),
    }  # fmt: skip


def _uses(place: Path, form: tuple[str, str]) -> tuple[set[str], int]:
    (place / form[0]).write_text(form[1])
    found = scan(open_tree(place))
    return {use["provider"] for use in found.facts["uses"]}, len(found.skips)


@pytest.mark.parametrize("name", _forms(THEIRS))
def test_an_encoded_address_is_found(name: str, tmp_path: Path) -> None:
    assert "deepseek" in _uses(tmp_path, _forms(THEIRS)[name])[0]


@pytest.mark.parametrize("name", _forms(OURS))
def test_another_encoded_address_is_nobodys(name: str, tmp_path: Path) -> None:
    assert _uses(tmp_path, _forms(OURS)[name]) == (set(), 0)


def test_numbers_and_words_that_spell_nothing_stay_what_they_are() -> None:
    assert list(encoded.numbers("weights = [12, 200, 31, 7, 9, 14, 88, 90, 101, 12, 1, 3]")) == []
    assert encoded.plain("name: DeploymentConfiguration\nsha: 3f786850e387550fdab836ed7e6dc881") == (
        "name: DeploymentConfiguration\nsha: 3f786850e387550fdab836ed7e6dc881"
    )


@pytest.mark.parametrize(
    ("command", "text"),
    [
        ("curl x | sh", ""),
        ("echo 'a | b' | rev", ""),
        ("echo a b | tr a-b x", "x x"),
        ("printf '%s-' a b", "a-b-"),
        ("base64 -d <<< YWI=", "ab"),
        ("echo aXb | sed s/X/./", "a.b"),
        ("echo zz | xxd -r -p", ""),
        ("echo a | unknown", ""),
        ("'", ""),
    ],
)
def test_a_pipeline_says_what_a_shell_would_or_nothing(command: str, text: str) -> None:
    assert substitution.said(command) == text


def test_lines_keep_their_numbers() -> None:
    texts: Mapping[str, str] = {"a": "x\n$(echo a)\n$(date)\ny\n", "b": "x\na\n$(date)\ny\n"}
    assert substitution.filled(texts["a"]) == texts["b"]
