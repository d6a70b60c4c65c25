"""What a file is, by its bytes: names and endings are an attacker's to choose."""

from __future__ import annotations

import re
from typing import Final

from secpipe.formats.coding import coding_of
from secpipe.formats.kinds import PLAIN
from secpipe.formats.tars import begins_unmarked

#: How many bytes `sniff` needs to tell everything apart (a tar has its mark at 257).
HEAD: Final = 4096

_MAGIC: Final[tuple[tuple[int, bytes, str], ...]] = (
    (0, b"PK\x03\x04", "zip"),
    (0, b"PK\x05\x06", "zip"),
    (0, b"PK\x07\x08", "zip"),
    (0, b"\x93NUMPY", "npy"),
    (0, b"\x89HDF\r\n\x1a\n", "hdf5"),
    (0, b"GGUF", "gguf"),
    (0, b"FUGG", "gguf"),
    (4, b"TFL3", "tflite"),
    (0, b"\x1f\x8b", "gzip"),
    (0, b"BZh", "bzip2"),
    (0, b"\xfd7zXZ\x00", "xz"),
    (0, b"\x5d\x00\x00", "lzma"),
    (0, b"\x28\xb5\x2f\xfd", "zstd"),
    (0, b"\x04\x22\x4d\x18", "lz4"),
    (0, b"7z\xbc\xaf\x27\x1c", "7z"),
    (0, b"Rar!\x1a\x07", "rar"),
    (257, b"ustar", "tar"),
    (0, b"\x7fELF", "elf"),
    (0, b"\xcf\xfa\xed\xfe", "macho"),
    (0, b"\xfe\xed\xfa", "macho"),
    (0, b"\xca\xfe\xba\xbe", "macho"),
    (0, b"MZqFpD", "cosmopolitan"),  # Actually Portable Executable: llamafile
    (0, b"ubj", "ubjson"),
    (0, b"\x89PNG\r\n\x1a\n", "image"),
    (0, b"\xff\xd8\xff", "image"),
    (0, b"GIF8", "image"),
    (0, b"PAR1", "parquet"),
    (0, b"ARROW1", "arrow"),
    (0, b"%PDF-", "pdf"),
    (0, b"SQLite format 3\x00", "sqlite"),
    *((0, begins, name) for begins, name in PLAIN.items()),
)
#: The rows of `_MAGIC` by the first byte that a file must have for them; None: what any file may be.
_ROWS: Final = {
    first: tuple(row for row in _MAGIC if row[0] or row[1][0] == first)
    for first in (None, *{row[1][0] for row in _MAGIC if not row[0]})
}
_CONTROLS: Final = bytes(set(range(32)) - set(b"\t\n\r\f\x1b\b"))
#: MARK, EMPTY_*, text strings and numbers, binary strings, and 2+ opcodes that need nothing on the stack.
_OPCODES: Final = b"(]})SVILFNKMJGUTXBC\x82\x83\x84\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f\x95\x96P"
_ZLIB: Final = frozenset((b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda", b"\x68\x43", b"\x48\x89"))
#: First bytes of text with which nothing else begins that has no NUL: no row, opcode, number or mark of zlib.
_ORDINARY: Final = frozenset(range(33, 127)) - frozenset(b"0123456789cixh") - frozenset(_OPCODES) - _ROWS.keys()
#: JSON in UTF-16 or UTF-32, in either order, with or without its mark.
_WIDE_JSON: Final = re.compile(
    rb"(?:\xff\xfe)?(?:(?:\xff\xfe)?\0\0)?(?:[ \t\r\n]\0(?:\0\0)?)*[{\[]\0(?:\0\0)?[^\0]"
    rb"|(?:\xfe\xff|\0\0\xfe\xff)?(?:\0(?:\0\0)?[ \t\r\n])*\0(?:\0\0)?[{\[]\0{1,3}[^\0]"
)
_HEADER: Final = re.compile(rb"[ \t\r\n]*\{[ \t\r\n]*(?:[\"}]|\Z)|[ \t\r\n]+\Z")
#: How many words, and how wide each vector is.
_WORD2VEC: Final = re.compile(rb"\d{1,9} (\d{1,4})\n")
#: How an object of UBJSON begins: with the length of a key.
_UBJSON: Final = frozenset({b"{L", b"{U", b"{i"})
#: A text pickle imports within its first opcodes: module and name on lines of their own.
_TEXT_IMPORT: Final = re.compile(rb"[(\]}dlt0-9pq\nVSIFK.*' -~]{0,64}?[ci][A-Za-z_][\w.]*\n[A-Za-z_][\w.]*\n")


def sniff(head: bytes, size: int = -1, *, pickles: bool = True) -> str:
    """Return the format that `head`, the first `HEAD` bytes of a file of `size` bytes, shows.

    One of the formats above, `sentencepiece`, `word2vec`, `savedmodel`, `ubjson` (of XGBoost), `onnx?`,
    `pickle`, `pickle?` (may be one without the PROTO opcode: walk it
    to know), `safetensors`, `zlib?`, `xml`, `json?`, `text`, `empty` or `unknown`. `pickles=False` leaves those out.
    """
    if not head:
        return "empty"
    if head[0] in _ORDINARY and b"\0" not in head and head[:2] not in _UBJSON:
        for offset, magic, _ in _ROWS[None]:
            if head.startswith(magic, offset):
                break
        else:
            return _text(head)
    if head[4:8] == b"\0\0\0\0" and _is_header(head):
        return "safetensors"  # before pickle: a header of 1152 bytes begins like protocol 4
    if _WIDE_JSON.match(head):
        return "json?"
    if head[:2] in _UBJSON and b"learner" in head and not is_text(head):
        return "ubjson"
    if pickles and head[0] == 0x80 and len(head) > 1 and head[1] <= 5:
        return "pickle"
    for offset, magic, name in _ROWS.get(head[0], _ROWS[None]):
        if head.startswith(magic, offset) and (name != "tar" or size < 0 or size >= 512):
            return name
    if begins_unmarked(head):
        return "tar"
    if head[0] == 8 and len(head) > 4 and (found := _protobuf(head)):
        return found
    if head[:2] in _ZLIB:
        return "zlib?"
    if int.from_bytes(head[:8], "little") < 1 << 40 and b"\0" in head[:8] and _is_header(head):
        return "safetensors"
    if _sentencepiece(head):
        return "sentencepiece"
    if (words := _WORD2VEC.match(head)) and _word2vec(head, int(words[1]), words.end()):
        return "word2vec"
    if pickles and may_be_pickle(head):
        return "pickle?"
    return _text(head)


def _is_header(head: bytes) -> bool:
    """Tell whether JSON begins at byte 8, as the header of safetensors does; `{` and a number does not."""
    return _HEADER.match(head, 8) is not None


def _text(head: bytes) -> str:
    """Tell kinds of text apart by how they begin."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:64]
    if start.startswith((b"<?xml", b"<!DOCTYPE", b"<PMML", b"<net ")):
        return "xml"
    if start.startswith((b"{", b"[")) and not start.startswith((b"{%", b"{{", b"{#")):
        return "json?"
    return "text" if is_text(head) else "unknown"


def _protobuf(head: bytes) -> str:
    """Field 1 of ONNX, SavedModel and CoreML is a small version number; then come other fields of the model."""
    version, field = head[1], head[2]
    if version == 1 and field == 0x12:
        behind = 3
        while behind < min(12, len(head)) and head[behind] & 0x80:
            behind += 1
        if head[behind + 1 : behind + 2] == b"\x0a":
            return "savedmodel"
    return "onnx?" if 0 < version <= 20 and field in b"\x12\x1a\x22\x28\x32\x3a\x42\x72" else ""


def _sentencepiece(head: bytes) -> bool:
    """A ModelProto of SentencePiece begins with its pieces: each a text and a score, perhaps a type."""
    at = 0
    for _ in range(3):
        size = head[at + 1 : at + 2]
        if head[at : at + 1] != b"\n" or not size or not 7 <= size[0] < 128 or head[at + 2 : at + 3] != b"\n":
            return False
        text = head[at + 3] if len(head) > at + 3 else 0
        score = at + 4 + text
        if head[score : score + 1] != b"\x15" or size[0] not in (text + 7, text + 9):
            return False
        at += 2 + size[0]
    return True


def _word2vec(head: bytes, width: int, at: int) -> bool:
    """A binary word2vec file: words in UTF-8, each with a space and `width` floats behind it; here the first ones."""
    count = 0
    while (end := head.find(b" ", at, at + 200)) > at and is_text(head[at:end]):
        at, count = end + 1 + 4 * width, count + 1
        at += head[at : at + 1] == b"\n"
    return count >= 2 or (count == 1 and at >= len(head))


def may_be_pickle(head: bytes) -> bool:
    """Tell whether a stream without PROTO could be a pickle (protocols 0 and 1, or a stripped header)."""
    first = head[0]
    if first in b"ci":
        return _TEXT_IMPORT.match(head) is not None
    return first in _OPCODES


def is_text(head: bytes) -> bool:
    """Tell whether `head` reads as UTF-8, UTF-16 or UTF-32 without control characters."""
    if coding_of(head):
        return True
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:
            return False
        head = head[: error.start]
    # A byte below 32 is a character of its own in UTF-8; C code deletes those that text has none of.
    return len(head.translate(None, _CONTROLS)) == len(head)
