"""The reader that takes a keyid out of a bundle: strict, bounded, and InputError is all it raises."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secpipe.core.errors import InputError
from secpipe.sbom.signatures import keyid_of

KEYID = "0a" * 32
GOOD: dict[str, Any] = {
    "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
    "verificationMaterial": {"publicKey": {"hint": KEYID}},
    "dsseEnvelope": {"payload": "e30=", "payloadType": "application/vnd.in-toto+json", "signatures": [{"sig": "eA=="}]},
}
BYTES = json.dumps(GOOD).encode()


def test_the_hint_is_the_key() -> None:
    assert keyid_of(BYTES) == KEYID


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not JSON"),
        (b"[]", "not an object"),
        (b"[" * 100_000, "nested too deeply"),
        (BYTES.replace(b"v0.3", b"v0.2"), "no Sigstore bundle"),
        (BYTES.replace(b"publicKey", b"certificate"), "names a certificate"),
        (BYTES.replace(KEYID.encode(), KEYID.upper().encode()), "not a hex SHA-256"),
        (BYTES.replace(KEYID.encode(), KEYID.encode() + b"\\n"), "not a hex SHA-256"),
        (BYTES.replace(KEYID.encode(), b"../../x"), "not a hex SHA-256"),
        (json.dumps({**GOOD, "verificationMaterial": {"publicKey": [KEYID]}}).encode(), "not an object"),
        (json.dumps({**GOOD, "dsseEnvelope": {"signatures": [{}, {}]}}).encode(), "exactly one signature"),
        (json.dumps({**GOOD, "dsseEnvelope": None}).encode(), "not an object"),
        (b'{"mediaType": 1, ' + BYTES[1:], "stands twice"),
    ],
)
def test_anything_else_is_an_error(data: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        keyid_of(data)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(BYTES)), st.integers(0, len(BYTES)), st.binary(max_size=4))
def test_truncation_and_mutation(cut: int, at: int, patch: bytes) -> None:
    data = (BYTES[:at] + patch + BYTES[at + len(patch) :])[:cut]
    with contextlib.suppress(InputError):
        assert len(keyid_of(data)) == 64
