"""Pickles and archives inside strings and bytes: raw, compressed, or written as base64 or hex."""

from __future__ import annotations

import base64
import binascii
import io
import re
from typing import Final

from secpipe.formats.pickle.values import Long
from secpipe.formats.sniff import HEAD, sniff
from secpipe.scan.models.context import Context

#: Shortest thing that can import and call.
_SHORTEST: Final = 8
_FIRST_BYTES: Final = frozenset(b"\x80\x1f\xfd\x28\x04\x93PBxhHc(]}7")
_FIRST_CHARS: Final = frozenset("\x80\x1fgeHQUYKXf/8716245cPBx(]}\x93")
#: How base64 of a pickle (protocols 2-5), zlib, gzip, bzip2, xz, zip, and `c` of a text pickle begin.
_BASE64: Final = re.compile(
    r"(?:gA[A-X]|[jV][A-Z]|e[JNAF]|H4sI|QlpoO|/Td6|UEsD|Y[w-z0-9+/]|K[A-P]|[Xf][Q-f])[A-Za-z0-9+/_\-\s]{12,}={0,2}\s*"
)
_HEX: Final = re.compile(
    r"(?:800[0-5]|[45][3-8b]|8[cd]|78(?:01|5e|9c|da)|1f8b08|425a68|fd377a|504b0304|63|28)(?:[0-9a-f]{2}){8,}",
    re.IGNORECASE,
)
_SERIALISED: Final = frozenset(
    {"pickle", "pickle?", "zip", "npy", "gzip", "bzip2", "xz", "lz4", "zstd", "zlib?", "tar", "7z"}
)


def worth_a_look(value: str | bytes | Long) -> bool:
    """A cheap first look: most strings are words."""
    if isinstance(value, str):
        return len(value) >= _SHORTEST and value[0] in _FIRST_CHARS
    if isinstance(value, Long):
        return value.head[0] in _FIRST_BYTES or chr(value.head[0]) in _FIRST_CHARS
    return len(value) >= _SHORTEST and (value[0] in _FIRST_BYTES or value[0] == 0x67)


def look(context: Context, value: str | bytes | Long, offset: int) -> None:
    """Judge what `value` holds, if it is a pickle or an archive."""
    if isinstance(value, Long):
        written = value.head.decode("latin-1")
        if sniff(value.head) in _SERIALISED - {"pickle?", "zlib?"} or _BASE64.fullmatch(written) or _HEX.match(written):
            context.unread(
                "resource-limit", "a pickle or archive inside a string is too long to be looked into", offset
            )
        return
    if isinstance(value, bytes):
        if not _try(context, value, offset, "bytes") and value[:1].isalnum():
            look(context, value.decode("latin-1"), offset)
        return
    if (data := _latin(value)) and _try(context, data, offset, "a string"):
        return
    if (
        (text := _BASE64.fullmatch(value))
        and (data := _base64(text[0]))
        and _try(context, data, offset, "base64", True)
    ):
        return
    if _HEX.fullmatch(value):
        _try(context, binascii.unhexlify(value), offset, "hex", True)


def _latin(value: str) -> bytes:
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError:
        return b""


def _base64(text: str) -> bytes:
    plain = "".join(text.split()).replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(plain[: len(plain) - (len(plain) % 4 == 1)] + "===")
    except (binascii.Error, ValueError):
        return b""


def _try(context: Context, data: bytes, offset: int, where: str, hidden: bool = False) -> bool:
    """Judge `data` apart and keep the result if it turned out to be something; return whether it did."""
    kind = sniff(data[:HEAD], len(data))
    if kind not in _SERIALISED:
        return False
    if context.depth >= context.limits.nesting:
        context.unread("resource-limit", f"nested deeper than {context.limits.nesting}", offset)
        return True
    trial = context.inside(f"{where} at {offset}").trial()
    trial.look_into(io.BytesIO(data), len(data))
    rules = {finding.rule for finding in trial.sink.findings.values()}
    if (
        kind not in {"zip", "npy", "7z", "tar", "zstd"}
        and not rules - {"models/broken-pickle", "models/trailing-data", "models/broken-archive"}
        and (rules or kind.endswith("?"))
    ):
        return False  # bytes that only begin like a pickle
    context.adopt(trial)
    rule = "hidden-pickle" if hidden else "nested-pickle"
    context.add(
        rule,
        f"{where} at offset {offset} holds a {kind.rstrip('?')} of its own",
        subject=f"{where} {kind}",
        offset=offset,
    )
    return True
