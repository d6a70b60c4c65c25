"""What a verdict tells to run is one printable line that a shell reads as exactly the words that were meant."""

from __future__ import annotations

import shlex
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secpipe.core.do import Kind, accept, fix, person, quote
from secpipe.core.text import printable

HOSTILE = [
    "a b", "it's", 'say "x"', "$(touch pwned)", "`touch pwned`", "a\nb", "a\rb", "-rf", "-n\n", "*", "~root", "a;b",
    "a\\b", "%s%n", "\u202egnp.exe", "\udcff\udcfe", "é", "模型", "", "\x1b[2J", "-%b\n\t", "a\n\nb", "$HOME",
    "!x", "#x",
]  # fmt: skip


def words_of(line: str) -> list[bytes]:
    """Return what a POSIX shell makes of the line."""
    script = f"for word in {line}; do printf '%s\\0' \"$word\"; done"
    done = subprocess.run(["sh", "-c", script], capture_output=True, timeout=20, check=True)
    return done.stdout.split(b"\0")[:-1]


@pytest.mark.parametrize("name", [name for name in HOSTILE if not name.endswith("\n")])
def test_a_shell_reads_the_very_name(name: str) -> None:
    quoted = quote(name)
    assert printable(quoted) == quoted
    assert "\n" not in quoted
    assert words_of(quoted) == [name.encode("utf-8", "surrogateescape")]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.text(alphabet=st.sampled_from("a -'\"\\$`%\n\t\x07\u202e\udc80é(){}*?~#&|;<>0"), max_size=6), max_size=3
    )
)
def test_any_words_survive_a_shell(words: list[str]) -> None:
    do = accept("secpipe", *words)
    if do.kind is Kind.PERSON:
        assert any(word.endswith("\n") for word in words)
        return
    assert printable(do.text, len(do.text)) == do.text
    assert words_of(do.text) == [b"secpipe", *(word.encode("utf-8", "surrogateescape") for word in words)]


@pytest.mark.parametrize("name", ["a\n", "a\0b", "\ud800"])
def test_what_no_shell_word_can_hold_is_left_to_a_person(name: str) -> None:
    assert fix("rm", name).kind is Kind.PERSON


def test_kinds_in_json() -> None:
    assert fix("a", "b c").to_dict() == {"kind": "fix", "command": "a 'b c'"}
    assert person("ask her\x1b[2J").to_dict() == {"kind": "person", "text": "Ask her\\u001b[2J."}
    assert shlex.split(accept("a", "b c").text) == ["a", "b c"]
