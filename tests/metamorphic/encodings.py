"""Transformations of how something is written: encodings, line ends, padding beyond bounds, depth, bytes before it."""

from __future__ import annotations

import json
from collections.abc import Callable

from tests.metamorphic.change import Change, bent, named
from tests.metamorphic.seeds import Seed


def _text(seed: Seed) -> bool:
    return seed.is_text and named(seed, ".py", ".ts", ".json", ".txt", ".yaml", ".md", ".toml")


def _utf8(seed: Seed) -> bool:
    """Texts that their consumers read with a byte order mark before them."""
    return _text(seed) and not named(seed, ".json")


def _code(seed: Seed) -> bool:
    return seed.is_code


def _skipping(seed: Seed) -> bool:
    """What is read past a NUL: by a shell, and by who reads a page."""
    return named(seed, ".sh", ".md")


def _json(seed: Seed) -> bool:
    return seed.is_text and named(seed, ".json")


def _encoded(name: str, codec: str, *, cookie: str = "") -> Change:
    def bend(data: bytes) -> bytes:
        return (cookie + data.decode()).encode(codec)

    return bent(name, bend, _text if not cookie else _code, keeps=bool(cookie))


def _with(name: str, value: str) -> Change:
    """One more key in a JSON document, which some reader cannot hold."""

    def bend(data: bytes) -> bytes:
        return b'{"x": ' + value.encode() + b", " + data.lstrip()[1:]

    return bent(f"JSON with {name}", bend, lambda seed: _json(seed) and "sbom" not in seed.rule, keeps=False)


def _unicode(data: bytes) -> bytes:
    return json.dumps(json.loads(data), ensure_ascii=True).replace("_", "\\u005f").encode()


def _spaced(data: bytes) -> bytes:
    return data[:-1] + b" " * (65 << 20) + data[-1:]


_PAD = 9 << 20


def _padded(name: str, bend: Callable[[bytes], bytes], fits: Callable[[Seed], bool] = _code) -> Change:
    return bent(name, bend, fits, keeps=False)


def _prefixed(name: str, prefix: bytes) -> Change:
    """A loader that seeks its magic finds it; one that does not will not load it."""
    return bent(f"behind {name}", lambda data: prefix + data, lambda seed: seed.wing == "models" and _archive(seed),
                keeps=False, harms=True)  # fmt: skip


def _archive(seed: Seed) -> bool:
    return seed.bad.get(seed.part, b"")[:2] == b"PK"


CHANGES = (
    bent("byte order mark", lambda data: b"\xef\xbb\xbf" + data, _utf8),
    bent("byte order mark before JSON", lambda data: b"\xef\xbb\xbf" + data, _json, keeps=False),
    bent("CRLF", lambda data: data.replace(b"\n", b"\r\n"), _text),
    bent("CR", lambda data: data.replace(b"\n", b"\r"), _code),
    bent("form feed", lambda data: b"\f" + data, _code),
    bent("no line end", lambda data: data.rstrip(b"\n"), _text),
    _encoded("UTF-16", "utf-16"),
    _encoded("UTF-16 LE", "utf-16-le"),
    _encoded("UTF-16 BE", "utf-16-be"),
    _encoded("UTF-32", "utf-32"),
    _encoded("UTF-7", "utf-7", cookie="# -*- coding: utf-7 -*-\n"),
    _encoded("latin-1", "latin-1", cookie="# -*- coding: latin-1 -*-\nname = 'caf\xe9'\n"),
    _encoded("cp1252", "cp1252", cookie="# vim: set fileencoding=cp1252 :\nname = '\u20ac'\n"),
    bent("a NUL byte behind it", lambda data: data + b"\0", _text, keeps=False, harms=True),
    bent("a NUL in a comment", lambda data: data.replace(b"\n", b"\n# \0\n", 1), _skipping, keeps=False),
    bent("a byte that is no UTF-8", lambda data: data + b"\n# \xff\xfe\n", _code, keeps=False),
    _with("NaN", "NaN"),
    _with("infinity", "-Infinity"),
    _with("70 levels", "[" * 70 + "]" * 70),
    _with("100,000 levels", "[" * 100_000 + "]" * 100_000),
    _with("a number of 5,000 digits", "9" * 5000),
    _with("a lone surrogate", '"\\ud800"'),
    bent("JSON in escapes", _unicode, lambda seed: _json(seed) and seed.wing == "models"),
    _padded("padded before", lambda data: b"# " + b"x" * _PAD + b"\n" + data),
    _padded("padded behind", lambda data: data + b"\n# " + b"x" * _PAD),
    _padded("many lines before", lambda data: b"x = 1\n" * (_PAD // 6) + data),
    _padded("padded with space", _spaced, _json),
    bent("behind a long string", lambda data: b"s = '" + b"x" * 70_000 + b"'\n" + data, _code),
    bent("behind 150 values", lambda data: b"".join(b"v = 'v%d'\n" % n for n in range(150)) + data, _code),
    bent(
        "under 30 conditions",
        lambda data: data + b"".join(b" " * n + b"if x:\n" for n in range(30)) + b" " * 30 + b"pass\n",
        _code,
    ),
    _prefixed("zeros", b"\0" * 64),
    _prefixed("a shell script", b"#!/bin/sh\nexit 0\n"),
    _prefixed("a picture", b"\x89PNG\r\n\x1a\n" + b"\0" * 100),
)
