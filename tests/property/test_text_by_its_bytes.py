"""`is_text` in C code answers as its definition does, character by character."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secpipe.formats.sniff import is_text


def by_characters(head: bytes) -> bool:
    """UTF-8 but for a cut last character, or UTF-16 with its mark; no control characters but those that text has."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:
            return False
        text = head[: error.start].decode("utf-8")
    return not any(ord(char) < 32 and char not in "\t\n\r\f\x1b\b" for char in text)


@given(st.binary(max_size=200))
def test_of_any_bytes(head: bytes) -> None:
    assert is_text(head) == by_characters(head)


@given(st.text(max_size=200), st.integers(0, 8), st.binary(max_size=5))
def test_of_text_that_is_cut_and_followed_by_bytes(text: str, cut: int, tail: bytes) -> None:
    data = text.encode("utf-8", "surrogatepass")
    head = data[: len(data) - cut] + tail
    assert is_text(head) == by_characters(head)


@pytest.mark.parametrize("byte", range(256))
def test_of_each_byte_alone_and_inside_words(byte: int) -> None:
    for head in (bytes([byte]), b"word" + bytes([byte]) + b"word", b"word" + bytes([byte])):
        assert is_text(head) == by_characters(head)
