"""What stands in the log: small canonical JSON with a type, a time and digests; never a text that may have to go."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from secpipe.core import times
from secpipe.core.documents import canonical, parse_json
from secpipe.core.errors import InputError
from secpipe.core.shape import Fields
from secpipe.keys.wire import HEX256
from secpipe.log import tiles

SCHEMA = "secpipe.log-entry/1"
#: type -> what `digest` is the SHA-256 of.
TYPES: dict[str, str] = {
    "verdict": "the signed payload of a verdict",
    "evaluation": "a kept verdict.json that nobody signed",
    "signature": "the signed payload of an artifact's bundle",
    "attestation": "the signed payload of an attestation",
    "override": "the signed payload of one holder's override (break-glass)",
    "waiver": "the policy or waiver file after the change",
    "acceptance": "the policy file after the change",
    "rotation": "the keyring file that a rotation wrote",
    "revocation": "the keyring file that takes a key back",
    "ceremony": "the root or keyring file that the holders signed",
    "derivation": "the signed payload of a derivation record",
    "file": "any file",
}
_KEY = re.compile(r"[a-z][a-z0-9_-]{0,31}\Z")
_MOST = 32
_TEXT = 512


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry. `digest` is the hex SHA-256 of what it is about, `about` says more in short words."""

    type: str
    time: datetime
    digest: str
    about: Mapping[str, str] = field(default_factory=dict)

    def encode(self) -> bytes:
        """Return the bytes that are logged; raises InputError for what `parse` would not take."""
        document = {
            "about": dict(self.about),
            "digest": {"sha256": self.digest},
            "schema": SCHEMA,
            "time": times.rfc3339(self.time),
            "type": self.type,
        }
        try:
            data = canonical(document)
        except ValueError:
            raise InputError("the log entry holds text that is not Unicode") from None
        parse(data)
        return data


def parse(data: bytes, what: str = "the log entry") -> Entry:
    """Return the entry in `data`, strictly; raises InputError."""
    if len(data) > tiles.LONGEST:
        raise InputError(f"{what} is longer than {tiles.LONGEST:,} bytes")
    document = parse_json(data, what)
    fields = Fields(document, what)
    inner, about = fields.fields("digest"), fields.mapping("about")
    if fields.text("schema", limit=40) != SCHEMA or fields.text("type", limit=40) not in TYPES:
        raise InputError(f"{what} is of no type that this secpipe knows")
    made = Entry(fields.table["type"], fields.time("time"), inner.text("sha256", HEX256), about)
    fields.close()
    inner.close()
    for key, value in about.items():
        if not _KEY.match(key) or not isinstance(value, str) or len(value) > _TEXT:
            raise InputError(f'{what} has no valid "about"')
    try:
        if len(about) <= _MOST and canonical(document) == data:
            return made
    except ValueError:  # a lone surrogate, which JSON can spell and nobody can log
        pass
    raise InputError(f"{what} is not in canonical form")
