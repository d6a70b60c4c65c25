"""One advisory as one line of JSON: the form in which the snapshot and the SQLite file hold it."""

from __future__ import annotations

import json
from typing import Any

from secpipe.scan.vulnerabilities import ranges, severity
from secpipe.scan.vulnerabilities.osv import EVENTS, Advisory, Affected, Range

_LETTER = {kind: kind[0] for kind in EVENTS}  # i, f, l: "last_affected" and "limit" differ below
_LETTER["limit"] = "m"
_KIND = {letter: kind for kind, letter in _LETTER.items()}


def encode(advisory: Advisory, *, rated: bool = False) -> str:
    """Return the advisory as compact JSON; versions that its ranges already cover are left out, nothing else is.

    With `rated` the scores of its vectors are worked out now, so that an audit need not.
    """
    scores = [severity.score(vector) for vector in advisory.vectors] if rated else list(advisory.scores)
    return json.dumps(
        [
            advisory.id,
            list(advisory.aliases),
            advisory.modified,
            advisory.published,
            advisory.withdrawn,
            list(advisory.vectors),
            advisory.level,
            list(advisory.weaknesses),
            [_encode_affected(affected) for affected in advisory.affected],
            *([scores] if scores else []),
        ],
        separators=(",", ":"),
        ensure_ascii=False,
    )


def decode(text: str) -> Advisory:
    """Return the advisory of `encode`; only for rows whose digest was checked: it raises whatever is wrong."""
    row = json.loads(text)
    identity, aliases, modified, published, withdrawn, vectors, level, weaknesses, affected = row[:9]
    return Advisory(
        identity,
        tuple(aliases),
        modified,
        published,
        withdrawn,
        tuple(vectors),
        level,
        tuple(weaknesses),
        tuple(_decode_affected(part) for part in affected),
        tuple(row[9]) if len(row) > 9 else (),
    )


def _encode_affected(affected: Affected) -> list[Any]:
    spans = [[part for kind, text in span.events for part in (_LETTER[kind], text)] for span in affected.ranges]
    bare = Affected(affected.ecosystem, affected.name, affected.ranges)
    extra = [text for text in affected.versions if not (affected.ranges and ranges.affects(bare, text))]
    row: list[Any] = [affected.ecosystem, affected.name, spans, extra, affected.unclear]
    while len(row) > 3 and not row[-1]:
        row.pop()
    return row


def _decode_affected(row: list[Any]) -> Affected:
    ecosystem, name, spans = row[:3]
    extra = row[3] if len(row) > 3 else ()
    unclear = row[4] if len(row) > 4 else ""
    parsed = tuple(
        Range(tuple((_KIND[letter], text) for letter, text in zip(span[::2], span[1::2], strict=True)))
        for span in spans
    )
    return Affected(ecosystem, name, parsed, tuple(extra), unclear)
