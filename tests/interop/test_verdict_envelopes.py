"""An exported verdict in other hands: securesystemslib's DSSE, and slsa-verifier's verify-vsa.

The second runs where SECPIPE_SLSA_VERIFIER names the program (`slsa-verifier`, or its verify-vsa alone); what it asks
for is held here in any case, as read from its source (verifiers/internal/vsa/verifier.go, commit aaf98fd).
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from secpipe.core.trust import HalfClass
from secpipe.gate.verdicts.dsse import envelope, key_id
from secpipe.sign import bundle as bundles
from tests import skips
from tests.unit.sign.world import HybridKey, make_identity, make_key
from tests.unit.verdict_world import DIGEST, KEYS, Gate, halves

VERIFIER = "https://secpipe.dev/verifier/verdict"
RESOURCE = "https://secpipe.dev/release/prod/acme-chat"
TYPES = {"https://in-toto.io/Statement/v0.1", "https://in-toto.io/Statement/v1"}


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path)


def exported(gate: Gate, outcome: Any = None, key: HybridKey = KEYS["verdict"]) -> dict[str, Any]:
    folder = gate.sign(outcome or gate.outcome(), key=key)
    half = bundles.decode(halves(folder)[HalfClass.CLASSICAL].read_bytes(), "it")
    made: dict[str, Any] = json.loads(envelope(half, key.version.halves[0]))
    return made


def slsa_levels(levels: list[str]) -> dict[str, int]:
    """Every level that begins with SLSA_ must be SLSA_<track>_LEVEL_<number>; anything else there is an error."""
    found: dict[str, int] = {}
    for level in levels:
        if level.startswith("SLSA_"):
            _, track, word, number = level.split("_", 3)
            assert word == "LEVEL"
            found[track] = max(found.get(track, 0), int(number))
    return found


def accepts(
    document: dict[str, Any], digests: list[str], levels: list[str], verifier: str = VERIFIER, resource: str = RESOURCE
) -> bool:
    """What verify-vsa checks, its signature aside, in its order."""
    if document["payloadType"] != "application/vnd.in-toto+json" or not document["signatures"]:
        return False
    statement = json.loads(base64.b64decode(document["payload"]))
    body = statement["predicate"]
    if statement["_type"] not in TYPES or statement["predicateType"] != "https://slsa.dev/verification_summary/v1":
        return False
    datetime.fromisoformat(body["timeVerified"])
    assert all(isinstance(value, str) for value in body["verifier"]["version"].values())  # map[string]string in Go
    assert all(isinstance(value, int) for value in body.get("dependencyLevels", {}).values())  # map[string]int
    named = {f"{kind}:{value}" for subject in statement["subject"] for kind, value in subject["digest"].items()}
    have, wanted = slsa_levels(body["verifiedLevels"]), slsa_levels(levels)
    return (
        bool(digests)
        and set(digests) <= named
        and body["verifier"]["id"] == verifier
        and body["resourceUri"] == resource != ""
        and body["verificationResult"] == "PASSED"
        and all(have.get(track, -1) >= least for track, least in wanted.items())
        and {level for level in levels if not level.startswith("SLSA_")} <= set(body["verifiedLevels"])
    )


def test_slsa_verifiers_expectations_are_met(gate: Gate) -> None:
    document = exported(gate)
    assert accepts(document, [f"dirHash:{DIGEST}"], ["SECPIPE_MODELS", "SECPIPE_SIGNATURES"])
    assert not accepts(document, [f"sha256:{DIGEST}"], [])
    assert not accepts(document, [f"dirHash:{DIGEST}"], ["SLSA_BUILD_LEVEL_1"])
    assert not accepts(document, [f"dirHash:{DIGEST}"], [], resource=RESOURCE.replace("prod", "dev"))
    assert not accepts(exported(gate, gate.denied()), [f"dirHash:{DIGEST}"], [])


def test_a_level_that_is_no_number_would_be_refused_by_slsa_verifier() -> None:
    with pytest.raises(ValueError, match="UNEVALUATED"):
        slsa_levels(["SLSA_BUILD_LEVEL_UNEVALUATED"])


@pytest.mark.parametrize("pair", ["default", "cnsa2"])
def test_securesystemslib_verifies_the_envelope(gate: Gate, pair: str) -> None:
    dsse = skips.module("securesystemslib.dsse")
    signer = skips.module("securesystemslib.signer")
    errors = skips.module("securesystemslib.exceptions")
    key = make_key(pair=pair)
    who = replace(make_identity("verdict", key, purposes=("vsa",)), holder="ci")
    gate.trust = replace(gate.trust, identities=(who,))
    document = exported(gate, key=key)
    public = key.version.halves[0]
    scheme = {"ecdsa-p256": "ecdsa-sha2-nistp256", "ecdsa-p384": "ecdsa-sha2-nistp384"}[public.algorithm]
    theirs = signer.SSlibKey(key_id(public), "ecdsa", scheme, {"public": public.pem})
    parsed = dsse.Envelope.from_dict(document)
    assert list(parsed.verify([theirs], 1)) == [key_id(public)]
    assert json.loads(parsed.payload)["subject"][0]["digest"] == {"dirHash": DIGEST}
    parsed.payload = parsed.payload.replace(b"FAILED", b"PASSED").replace(b"acme-chat", b"acme-shop")
    with pytest.raises(errors.VerificationError):
        parsed.verify([theirs], 1)


@pytest.mark.interop
def test_slsa_verifier_itself(gate: Gate, tmp_path: Path) -> None:
    program = os.environ.get("SECPIPE_SLSA_VERIFIER")
    if not program:
        skips.cannot("no package registry gives slsa-verifier: name one in SECPIPE_SLSA_VERIFIER")
    (tmp_path / "key.pem").write_text(KEYS["verdict"].version.halves[0].pem)
    command = [program, "verify-vsa"] if Path(program).name.startswith("slsa-verifier") else [program]

    def verify(document: dict[str, Any], *options: str) -> bool:
        (tmp_path / "v.json").write_text(json.dumps(document))
        where = ["--attestation-path", "v.json", "--public-key-path", "key.pem", "--verifier-id", VERIFIER]
        done = subprocess.run([*command, *where, *options], cwd=tmp_path, capture_output=True, timeout=60)
        return done.returncode == 0

    about = ("--subject-digest", f"dirHash:{DIGEST}", "--resource-uri", RESOURCE)
    good = exported(gate)
    assert verify(good, *about, "--verified-level", "SECPIPE_MODELS")
    assert not verify(good, *about, "--verified-level", "SLSA_BUILD_LEVEL_1")
    assert not verify(good, *about, "--public-key-id", "another")
    assert not verify(good, "--subject-digest", f"sha256:{DIGEST}", "--resource-uri", RESOURCE)
    assert not verify(good, "--subject-digest", f"dirHash:{DIGEST}", "--resource-uri", f"{RESOURCE}2")
    assert not verify(exported(gate, gate.denied()), *about)
    good["payload"] = base64.b64encode(base64.b64decode(good["payload"]).replace(b"acme", b"acne")).decode()
    assert not verify(good, *about)
