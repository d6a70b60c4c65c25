"""MessagePack, walked and not built: does a file hold one value to its last byte? Flax keeps a model's state so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from secpipe.core.errors import InputError, UnsafeInput
from secpipe.core.limits import DEFAULT, Limits
from secpipe.formats.stream import Readable, upto

#: first byte -> bytes of the length that follows, bytes beside the content (the type of an extension).
_SIZED: Final = {
    0xC4: (1, 0), 0xC5: (2, 0), 0xC6: (4, 0), 0xC7: (1, 1), 0xC8: (2, 1), 0xC9: (4, 1),
    0xD9: (1, 0), 0xDA: (2, 0), 0xDB: (4, 0),
}  # fmt: skip
_FIXED: Final = {
    0xC0: 0, 0xC2: 0, 0xC3: 0, 0xCA: 4, 0xCB: 8, 0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8, 0xD0: 1, 0xD1: 2, 0xD2: 4, 0xD3: 8,
    0xD4: 2, 0xD5: 3, 0xD6: 5, 0xD7: 9, 0xD8: 17,
}  # fmt: skip
#: first byte -> bytes of the count, values an entry.
_CONTAINERS: Final = {0xDC: (2, 1), 0xDD: (4, 1), 0xDE: (2, 2), 0xDF: (4, 2)}


#: Extensions that Flax itself writes: arrays, numbers of numpy and complex numbers. No loader unpickles these.
_FLAX: Final = frozenset({b"\x01", b"\x02", b"\x03"})
_SHOWN: Final = 1 << 20
#: Told of bytes that a loader may take for a file of their own: the first so many.
Content = Callable[[bytes], None]


def check(stream: Readable, limits: Limits = DEFAULT, content: Content = lambda data: None) -> None:
    """Walk the one value of a stream; raises InputError where it is no MessagePack or something follows it."""
    left, walked = 1, 0
    while left:
        left, walked = left - 1, walked + 1
        if walked > limits.walked_items:
            raise UnsafeInput(f"more than {limits.walked_items:,} values")
        first = _take(stream, 1)[0]
        if first <= 0x7F or first >= 0xE0:
            continue
        if first <= 0x9F:
            left += (first & 15) * (2 if first <= 0x8F else 1)
        elif first <= 0xBF:
            _skip(stream, first & 31)
        elif first in _FIXED:
            _skip(stream, _FIXED[first])
        elif first in _SIZED:
            width, beside = _SIZED[first]
            length, kind = int.from_bytes(_take(stream, width), "big"), _take(stream, beside)
            if first < 0xD9 and kind not in _FLAX:
                data = _take(stream, min(length, _SHOWN))
                content(data)
                length -= len(data)
            _skip(stream, length)
        elif first in _CONTAINERS:
            width, each = _CONTAINERS[first]
            left += int.from_bytes(_take(stream, width), "big") * each
        else:
            raise InputError("a byte that begins no value")
    if stream.read(1):
        raise InputError("bytes follow the value")


def _take(stream: Readable, count: int) -> bytes:
    data = upto(stream, count)
    if len(data) < count:
        raise InputError("the file ends inside a value")
    return data


def _skip(stream: Readable, count: int) -> None:
    while count > 0:
        count -= len(_take(stream, min(count, 1 << 20)))
