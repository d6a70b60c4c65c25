"""How text is written is told by its mark or its NULs; numbers are not taken for text."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secpipe.formats.coding import as_utf8, coding_of

WIDE = ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]
ASCII = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=4)


@pytest.mark.parametrize("coding", [*WIDE, "utf-8", "utf-8-sig"])
@given(start=ASCII, rest=st.text(st.characters(blacklist_categories=["Cs"])))
def test_text_is_read_in_every_encoding(coding: str, start: str, rest: str) -> None:
    text = start * 16 + rest.replace("\0", "")  # what is plain at first may go on in any language
    assert as_utf8(text.encode(coding)).decode() == text


@given(st.lists(st.integers(0, 8), min_size=16, max_size=64))
def test_small_numbers_of_four_bytes_are_no_text(numbers: list[int]) -> None:
    for order in "<>":
        for kind in "HI":
            assert coding_of(struct.pack(f"{order}{len(numbers)}{kind}", *numbers)) == ""


@pytest.mark.parametrize("data", [b"", b"a", b"a\0", bytes(64), b"GGUF\3\0\0\0" + bytes(56), b"\x80\4\x95" + bytes(30)])
def test_bytes_that_show_nothing_are_left_as_they_are(data: bytes) -> None:
    assert coding_of(data) == ""
    assert as_utf8(data) == data
