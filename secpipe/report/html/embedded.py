"""The document inside its own page, to be taken out again: gzip and base64 in a link that needs no script.

Whoever has the page has what a machine reads, and can hold the page to it: `secpipe report verify` renders the
document anew, and the page must be that, byte for byte.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import io
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from secpipe.core.errors import InputError
from secpipe.core.limits import DEFAULT, Limits
from secpipe.report.read import load

#: Bytes of base64 in a page: more is not embedded, and the page says so.
MOST = 2_300_000
_LINK = re.compile(rb"href='data:application/gzip;base64,([A-Za-z0-9+/=]*)' download='secpipe\.json\.gz'")


def embedded(document: Mapping[str, Any], *, verifiable: bool = True) -> Iterator[str]:
    """Yield the link that holds the document, or why the page holds none; `verifiable`: `report verify` reads it."""
    plain = json.dumps(document, ensure_ascii=True, separators=(",", ":")).encode("ascii")
    packed = base64.b64encode(gzip.compress(plain, 9, mtime=0)).decode("ascii")
    yield "<section><h2 id='machine'>For machines</h2>"
    if len(packed) > MOST:
        yield f"<p>The document of {len(plain):,} bytes is too large for this page: keep the one that -f json writes."
    else:
        yield f"<p><a href='data:application/gzip;base64,{packed}' download='secpipe.json.gz'>This report as JSON</a>."
    if verifiable and len(packed) <= MOST:
        yield "<code>secpipe report verify FILE</code> takes it out and holds this page to it."
    yield "</section>"


def taken_out(page: bytes, limits: Limits = DEFAULT) -> dict[str, Any]:
    """Return the document that a page holds, checked as `read` checks it; raises InputError."""
    found = _LINK.findall(page)
    if len(found) != 1:
        raise InputError("the page holds no document", hint="secpipe check -f html=FILE writes one that does")
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(base64.b64decode(found[0], validate=True))) as stream:
            data = stream.read(limits.document_bytes + 1)
    except (OSError, EOFError, binascii.Error, ValueError) as error:
        raise InputError("the document in the page is damaged") from error
    return load(data, limits)
