"""Zstandard frames (RFC 8878) by Python's own module (3.14) or its backport, the extra `zstd`."""

from __future__ import annotations

import sys
from typing import Any, Final

from secpipe.core.errors import InputError

#: What is said where zstd cannot be read.
NEEDS: Final = "zstd is not read without secpipe[zstd]"
#: Binary logarithm of the largest window in bytes: what `zstd` itself takes unasked (128 MiB).
_WINDOW: Final = 27


class ZstdDecoder:
    """Incremental decoder of one frame, with the shape of `bz2.BZ2Decompressor`; its checksum is compared.

    Raises InputError where the extra is missing. `decompress` raises ValueError for a broken frame, for one that wants
    a dictionary, and for a window above 128 MiB.
    """

    def __init__(self) -> None:
        library = _library()
        self._broken = library.ZstdError
        self._decoder = library.ZstdDecompressor(options={library.DecompressionParameter.window_log_max: _WINDOW})

    @property
    def eof(self) -> bool:
        return bool(self._decoder.eof)

    @property
    def needs_input(self) -> bool:
        return bool(self._decoder.needs_input)

    @property
    def unused_data(self) -> bytes:
        return bytes(self._decoder.unused_data)

    def decompress(self, data: bytes, count: int) -> bytes:
        """Take in `data`, return up to `count` decompressed bytes."""
        try:
            return bytes(self._decoder.decompress(data, count))
        except self._broken as error:
            raise ValueError(str(error)) from None


def _library() -> Any:
    try:
        if sys.version_info >= (3, 14):
            import compression.zstd as zstd
        else:
            import backports.zstd as zstd
    except ImportError:
        raise InputError(NEEDS) from None
    return zstd
