"""What begins like a model and is none: catalogues of messages, mail that a pickle machine might run."""

from __future__ import annotations

import pytest

from secpipe.formats.sniff import sniff

CATALOGUE = bytes.fromhex("de120495") + bytes(4) + b"{\0\0\0" + b"\x1c\0\0\0" * 50  # gettext's .mo with 123 messages
MAIL = b"From rms@gnu.org Thu Jul 22 20:37:55 1999\nFlags: 10\nReceived: from arthur (root@arthur [129.22.8.215])\n" * 9


def test_a_catalogue_of_messages_is_no_model() -> None:
    assert sniff(CATALOGUE, 2000) != "safetensors"


def test_eight_bytes_are_no_model() -> None:
    assert sniff((100).to_bytes(8, "little"), 8) != "safetensors"


@pytest.mark.parametrize("head", [b'{"a"', b"{}", b'  {"', b'{ "', b"{", b'{\n\t"', b" ", b"{ "])
def test_the_header_of_safetensors_is_known_however_it_is_spaced(head: bytes) -> None:
    assert sniff((100).to_bytes(8, "little") + head) == "safetensors"
