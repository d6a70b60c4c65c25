"""What a spelling stands for: escapes, character references, and forms of a letter that a client takes for another."""

from __future__ import annotations

import html
import re
import unicodedata

#: Escapes of JSON, YAML, TOML, property files and most languages, as far as they spell one printable character.
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|u\{([0-9a-fA-F]{1,6})\}|(/))")
_REFERENCE = re.compile(r"&(?:#|sol;|colon;|period;)")
#: Left out of a host, or read as its dot (UTS 46, section 4; RFC 3490, section 3.1).
_HOST_FORMS = {0xAD: None, 0x200B: None, 0x200C: None, 0x200D: None, 0x2060: None, 0xFEFF: None, 0x3002: "."}
#: UTF-8 of the characters above, and of the blocks whose letters are forms of ASCII ones.
_FOLDS = re.compile(
    rb"\xc2\xad|\xe2(?:\x80[\x8b-\x8d]|\x81\xa0|[\x92\x93])|\xe3\x80\x82|\xef[\xbb-\xbd]|\xf0\x9d[\x90-\x9f]"
)


def spelled_out(line: str) -> str:
    """Return a line of text as a reader of its format would hand it on."""
    if "\\" in line:
        line = _ESCAPE.sub(_character, line)
    if "&" in line and _REFERENCE.search(line):
        line = html.unescape(line)
    return folded(line)


def folded(text: str) -> str:
    """Return text with each form of a letter as the letter: what a client makes of a host before it asks for it."""
    return text if text.isascii() else unicodedata.normalize("NFKC", text.translate(_HOST_FORMS))


def folded_bytes(data: bytes) -> bytes:
    """The same for UTF-8 bytes, and numeric character references too; quick where there is nothing to do."""
    if b"&#" in data:
        data = re.sub(rb"&#(?:x([0-9a-fA-F]{2})|([0-9]{2,3}));", _byte, data)
    if data.isascii() or not _FOLDS.search(data):
        return data
    return folded(data.decode("utf-8", "replace")).encode()


def _character(match: re.Match[str]) -> str:
    if match[4]:
        return "/"
    code = int(match[1] or match[2] or match[3], 16)
    return chr(code) if 0x20 <= code < 0x110000 and not 0xD800 <= code < 0xE000 else match[0]


def _byte(match: re.Match[bytes]) -> bytes:
    code = int(match[1], 16) if match[1] else int(match[2])
    return bytes([code]) if 0x20 <= code < 0x7F else match[0]
