"""What somebody adds to a release never betters the verdict on it: a junk signature, a foreign bundle."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from secpipe.core import times
from secpipe.core.evidence import Evidence, State
from secpipe.core.verdict import Decision
from secpipe.gate.decide import decide
from secpipe.gate.pipeline import check
from secpipe.gate.policies.policy import Attestations, Demand, Policy
from secpipe.gate.request import Request
from tests.unit.gate_builders import NOW, clean, ok, situation

ORDER = [Decision.PASS, Decision.WARN, Decision.UNDECIDED, Decision.DENY]
HEADER = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
FOREIGN = json.dumps({
    "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
    "verificationMaterial": {"publicKey": {"hint": "a" * 64}},
    "dsseEnvelope": {"payload": "e30=", "payloadType": "application/vnd.in-toto+json", "signatures": [{"sig": "AAAA"}]},
})  # fmt: skip
JUNK = ["", "junk", "{}", "[" * 200, FOREIGN, "\0" * 100]


def _denied(folder: Path) -> tuple[Decision, set[str]]:
    made = check(Request(path=folder, now=NOW, environment="prod")).judgement
    return made.decision, {reason.path for reason in made.reasons if reason.rule == "gate/unsigned-artifact"}


@pytest.mark.parametrize("data", JUNK)
@pytest.mark.parametrize(
    "name", ["m/model.sig", "m/model.pqc.sig", "m/w.safetensors.sig", "m.review.att.json", "x.sig"]
)
def test_a_junk_signature_betters_nothing(name: str, data: str, tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m/w.safetensors").write_bytes(struct.pack("<Q", len(HEADER)) + HEADER + b"\0" * 4)
    before, unsigned = _denied(tmp_path)
    assert (before, unsigned) == (Decision.DENY, {"m/w.safetensors"})
    (tmp_path / name).write_text(data)
    after, still = _denied(tmp_path)
    assert ORDER.index(after) >= ORDER.index(before)
    assert unsigned <= still


def _results(*about: tuple[str, str, datetime | None]) -> dict[str, Evidence]:
    """Return a failed or good bias result about each model, as the verifier tells of several."""
    each = [
        {"path": path, "purpose": "test-result", "state": state,
         "reason": "the bias result is FAILED" * (state != "ok"), "since": times.exact(since) if since else None,
         "identity": "builder", "holder": "ann"}
        for path, state, since in about
    ]  # fmt: skip
    worst = next((one for one in each if one["state"] == "failed"), each[0])
    facts = {"each": each, "purpose": "test-result"}
    made = Evidence("attestation:bias", State(str(worst["state"])), str(worst["reason"]), facts=facts)
    files = {path: {"format": "safetensors", "outcome": "ok"} for path, _, _ in about}
    return clean(models=ok("models", files=files)) | {"attestation:bias": made}


def test_five_failed_tests_are_five_things_and_each_says_whose_it_is() -> None:
    paths = [f"m{number}/w.safetensors" for number in range(5)]
    policy = replace(Policy(), attestations=Attestations((Demand("bias"),)))
    made = decide(situation(_results(*((path, "failed", None) for path in paths)), policy))
    failed = [reason for reason in made.reasons if reason.rule == "gate/test-failed"]
    assert [reason.path for reason in failed] == paths
    assert all(reason.path in reason.what for reason in failed)


@pytest.mark.parametrize("days", [0, 7])
def test_a_result_of_a_time_to_come_counts_for_nothing(days: int) -> None:
    policy = replace(Policy(), attestations=Attestations((Demand("bias", days),)))
    path = "m/w.safetensors"
    for since, holds in ((NOW, True), (NOW + timedelta(minutes=4), True), (NOW + timedelta(minutes=6), False)):
        made = decide(situation(_results((path, "ok", since)), policy))
        missing = [reason.what for reason in made.reasons if reason.rule == "gate/missing-evidence"]
        assert (not missing) is holds, missing
        assert all("in the future" in what for what in missing)
