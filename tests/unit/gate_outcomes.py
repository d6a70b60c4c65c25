"""Every combination of check, state, demand, mode and environment, judged; the table of tests/data/outcomes.csv."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from secpipe.core.artifact import Skip
from secpipe.core.evidence import Evidence, State
from secpipe.gate.decide import decide
from secpipe.gate.policies.policy import (
    Attestations,
    Demand,
    Models,
    Policy,
    Promotion,
    Provenance,
    Sbom,
    Signatures,
    Vulnerabilities,
)
from tests.unit.gate_builders import CHECKS, NOW, clean, ok, situation

TABLE = Path(__file__).resolve().parents[1] / "data/outcomes.csv"
STATES = ("ok", "ok with skips", "failed", "skipped", "stale", "absent")
DEMANDS = ("required", "optional")
MODES = ("enforce", "warn")
ENVIRONMENTS = ("dev", "staging", "prod")
ATTESTED = ("attestation:provenance", "attestation:bias")
EVIDENCE = (*CHECKS, *ATTESTED, "promotion")
#: checks that no policy can do without
ALWAYS = ("files", "shadow-ai", "agents")
HEADER = ("check", "state", "demand", "mode", *ENVIRONMENTS)


def combinations() -> Iterator[tuple[str, str, str, str]]:
    """Yield every combination there is but for the environment; what cannot be is not among them."""
    for check in EVIDENCE:
        for state in STATES:
            for demand in DEMANDS if check not in ALWAYS else DEMANDS[:1]:
                for mode in MODES:
                    yield check, state, demand, mode


def outcome(check: str, state: str, demand: str, mode: str, environment: str) -> str:
    """Return what the gate really says: the decision and the exit code."""
    judgement = decide(situation(_evidence(check, state), _policy(check, demand, mode), environment=environment))
    return f"{judgement.decision} {judgement.decision.exit_code}"


def _policy(check: str, demand: str, mode: str) -> Policy:
    required = demand == "required"
    policy = replace(Policy(), name="table", owner="sec", mode=mode)
    changes = {
        "trust": {"signatures": Signatures(required=required)},  # it is asked for by what must be signed
        "signatures": {"signatures": Signatures(required=required)},
        "models": {"models": Models(required=required), "signatures": Signatures(required=required)},
        "audit": {"vulnerabilities": Vulnerabilities(required=required)},
        "sbom": {"sbom": Sbom(required=required)},
        "attestation:provenance": {"provenance": Provenance(required=required)},
        "attestation:bias": {"attestations": Attestations((Demand("bias", 30),) if required else ())},
        "promotion": {"promotion": Promotion(("qa",) if required else ())},
    }
    return replace(policy, **changes.get(check, {}))  # type: ignore[arg-type]


def _evidence(check: str, state: str) -> dict[str, Evidence]:
    evidence = clean()
    if check in ATTESTED:
        purpose = "provenance" if check.endswith("provenance") else "test-result"
        facts = {"purpose": purpose, "path": "m/a.safetensors"}  # about the release's only model
        evidence[check] = replace(ok(check), facts=facts, since=NOW - timedelta(days=1))
    if check == "promotion":
        passed = {"environment": "qa", "at": NOW.isoformat(), "result": "PASSED", "verifier": ""}
        evidence[check] = ok(check, verdicts=[passed])
    if state == "absent":
        del evidence[check]
    elif state == "ok with skips":
        evidence[check] = replace(evidence[check], skips=(Skip("a/b.bin", "cannot be read"),))
    elif state != "ok":
        evidence[check] = replace(evidence[check], state=State(state), reason="because")
    return evidence


def written() -> str:
    """Return the table as it would be written today."""
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(HEADER)
    for one in combinations():
        rows.writerow([*one, *(outcome(*one, environment) for environment in ENVIRONMENTS)])
    return out.getvalue()


def kept() -> dict[tuple[str, ...], tuple[str, ...]]:
    """Return the table as it stands in the repository: combination -> outcome by environment."""
    rows = list(csv.reader(TABLE.read_text().splitlines()))
    return {tuple(row[:4]): tuple(row[4:]) for row in rows[1:]}
