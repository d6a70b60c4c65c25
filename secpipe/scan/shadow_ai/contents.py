"""What bytes are before anybody reads them: text in one of its encodings, or a kind that holds none of what we seek."""

from __future__ import annotations

from secpipe.formats.coding import coding_of

#: First bytes -> the row of the account. Only kinds whose content is no text that anything runs.
_ROWS: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image"), (b"\xff\xd8\xff", "image"), (b"GIF8", "image"), (b"\0\0\1\0", "image"),
    (b"II*\0", "image"), (b"MM\0*", "image"), (b"RIFF", "media"), (b"OggS", "media"), (b"ID3", "media"),
    (b"fLaC", "media"), (b"\x1aE\xdf\xa3", "media"), (b"wOFF", "font"), (b"wOF2", "font"), (b"OTTO", "font"),
    (b"\0\1\0\0", "font"),
    (b"GGUF", "weights"), (b"\x89HDF\r\n\x1a\n", "weights"), (b"\x93NUMPY", "weights"),
)  # fmt: skip
OPAQUE = "opaque bytes"
#: Rows of content that must prove where it ends; what stands behind the end, and what proves nothing, is searched.
PROVEN = frozenset({"image", "media", "font"})


def row_of(head: bytes) -> str:
    """Return the row of the account that first bytes put a file in that is no text."""
    if head[8:10] == b'{"' and head[5:8] == b"\0\0\0":
        return "weights"
    return next((row for mark, row in _ROWS if head.startswith(mark)), OPAQUE)


def is_binary(head: bytes) -> bool:
    """Whether the first bytes are no text; UTF-16 and UTF-32, with or without a mark, are text."""
    return b"\0" in head and not coding_of(head)
