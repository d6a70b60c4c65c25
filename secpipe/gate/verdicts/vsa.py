"""The verdict as a SLSA Verification Summary: what is signed, and how it is read again. Pure.

Source: slsa.dev/spec/v1.1/verification_summary. What SLSA has no field for stands under one field of ours, named by a
URI, which other consumers ignore. No SLSA level is ever claimed: no rule of the gate establishes one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from secpipe.core import times
from secpipe.core.errors import InputError
from secpipe.core.shape import Fields
from secpipe.core.version import __version__
from secpipe.keys.wire import HEX256

EXTENSION = "https://secpipe.dev/verdict/v1"
SLSA_VERSION = "1.1"
PASSED, FAILED = "PASSED", "FAILED"
_BASE = "https://secpipe.dev"
_DECISIONS = ("pass", "warn", "undecided", "deny")
_ITEMS = 200_000
_TEXT = 4096


@dataclass(frozen=True, slots=True)
class Judged:
    """The trust state a release was judged by."""

    root_version: int
    root_digest: str
    ring_version: int
    ring_digest: str


@dataclass(frozen=True, slots=True)
class Summary:
    """What a signed verdict says. Digests are hex SHA-256; `decision` is what enforcing would have decided.

    `inputs` maps each document the decision rests on to its digest; `artifacts` are those inside the release, as
    (path, digest algorithm, digest). `links` is the digest of the release's symbolic links ("": none), `executable` the
    files that may be run (None: not known), `left_out` what is knowingly no part of it. `because` is what ends first.
    `exploited` is how many findings are of vulnerabilities listed as exploited (None: not known). `holders` people may
    override it for `max_hours` (0: the policy sets no bound), or more people and fewer hours where the deployer's own
    policy says so. `image` is the hex SHA-256 of the manifest or index that names an image ("": a folder).
    """

    verifier: str
    version: str
    at: datetime
    resource: str
    policy_name: str
    policy: str
    resolved: str
    environment: str
    mode: str
    decision: str
    self_judged: bool
    verdict: str
    evidence: str
    trust: Judged | None
    advisories: str
    valid_until: datetime
    because: str
    holders: int = 2
    max_hours: int = 24
    levels: tuple[str, ...] = ()
    links: str = ""
    executable: tuple[str, ...] | None = None
    exploited: int | None = None
    left_out: tuple[str, ...] = ()
    inputs: tuple[tuple[str, str], ...] = ()
    artifacts: tuple[tuple[str, str, str], ...] = ()
    image: str = ""

    @property
    def passed(self) -> bool:
        """Warn mode changes nothing: what enforcing would block has failed; nor do unpinned rules prove anything."""
        return self.decision in {"pass", "warn"} and not self.self_judged


def verifier_id(identity: str) -> str:
    """Return the verifier id of a signing identity; its last part is always the identity itself."""
    return f"{_BASE}/verifier/{identity}"


def resource_uri(environment: str, name: str) -> str:
    """Return what was verified: a release for one environment, so that a verdict for dev is none for prod."""
    return f"{_BASE}/release/{_part(environment)}/{_part(name)}"


def predicate(one: Summary) -> dict[str, Any]:
    """Return the predicate of a summary."""
    return {
        "verifier": {"id": one.verifier, "version": {"secpipe": one.version or __version__}},
        "timeVerified": times.rfc3339(one.at),
        "resourceUri": one.resource,
        "policy": {"uri": f"{_BASE}/policy/{_part(one.policy_name)}", "digest": {"sha256": one.policy}},
        "inputAttestations": [
            {"uri": quote(path, errors="replace"), "digest": {"sha256": digest}} for path, digest in one.inputs
        ],
        "verificationResult": PASSED if one.passed else FAILED,
        "verifiedLevels": list(one.levels) if one.passed else [FAILED],
        "slsaVersion": SLSA_VERSION,
        EXTENSION: {
            "environment": one.environment,
            "mode": one.mode,
            "decision": one.decision,
            "selfJudged": one.self_judged,
            "policyName": one.policy_name,
            "resolvedPolicy": {"sha256": one.resolved},
            "verdict": {"sha256": one.verdict},
            "evidence": {"sha256": one.evidence},
            "trust": None if one.trust is None else _trust(one.trust),
            "advisories": one.advisories,
            "validUntil": times.rfc3339(one.valid_until),
            "validUntilBecause": one.because,
            "breakGlass": {"holders": one.holders, "maxHours": one.max_hours},
            "links": one.links,
            **({} if one.executable is None else {"executable": list(one.executable)}),
            **({} if one.exploited is None else {"exploited": one.exploited}),
            **({"image": {"sha256": one.image}} if one.image else {}),
            "leftOut": list(one.left_out),
            "artifacts": [{"path": path, "digest": {algorithm: value}} for path, algorithm, value in one.artifacts],
        },
    }


def read(value: Mapping[str, Any], what: str) -> Summary:
    """Return the summary in a predicate; unknown fields are ignored, as SLSA asks. Raises InputError.

    A result that does not follow from the decision it names is refused.
    """
    top = Fields(dict(value), what)
    verifier, policy, own = top.fields("verifier"), top.fields("policy"), top.fields(EXTENSION)
    decision = own.text("decision", limit=16)
    if decision not in _DECISIONS:
        raise InputError(f'{what} has no valid "decision"')
    summary = Summary(
        verifier=verifier.text("id", limit=_TEXT),
        version=verifier.fields("version").text("secpipe", limit=64),
        at=top.time("timeVerified"),
        resource=top.text("resourceUri", limit=_TEXT),
        policy_name=own.text("policyName", limit=_TEXT),
        policy=policy.fields("digest").text("sha256", HEX256),
        resolved=own.fields("resolvedPolicy").text("sha256", HEX256),
        environment=own.text("environment", limit=256),
        mode=own.text("mode", limit=16),
        decision=decision,
        self_judged=own.flag("selfJudged"),
        verdict=own.fields("verdict").text("sha256", HEX256),
        evidence=own.fields("evidence").text("sha256", HEX256),
        trust=_read_trust(own),
        advisories=own.text("advisories", limit=64),
        valid_until=own.time("validUntil"),
        because=own.text("validUntilBecause", limit=_TEXT),
        holders=own.fields("breakGlass").integer("holders", low=0),
        max_hours=own.fields("breakGlass").integer("maxHours", low=0),
        levels=top.strings("verifiedLevels"),
        links=own.text("links", limit=64),
        executable=own.strings("executable", limit=_ITEMS) if "executable" in own.table else None,
        exploited=own.integer("exploited", low=0) if "exploited" in own.table else None,
        left_out=own.strings("leftOut", limit=_ITEMS),
        inputs=tuple(_input(item, what) for item in top.listing("inputAttestations", _ITEMS)),
        artifacts=tuple(_artifact(item, what) for item in own.listing("artifacts", _ITEMS)),
        image=own.fields("image").text("sha256", HEX256) if "image" in own.table else "",
    )
    if top.text("verificationResult", limit=16) != (PASSED if summary.passed else FAILED):
        raise InputError(f"{what}: its result does not follow from its decision")
    if FAILED in summary.levels if summary.passed else summary.levels != (FAILED,):
        raise InputError(f"{what}: its levels do not follow from its result")
    return summary


def _part(text: str) -> str:
    return quote(text, safe="", errors="replace") or "_"


def _trust(trust: Judged) -> dict[str, Any]:
    return {
        "rootVersion": trust.root_version,
        "root": {"sha256": trust.root_digest},
        "ringVersion": trust.ring_version,
        "ring": {"sha256": trust.ring_digest},
    }


def _read_trust(own: Fields) -> Judged | None:
    if own.table.get("trust", "") is None:
        return None
    fields = own.fields("trust")
    return Judged(
        fields.integer("rootVersion"),
        fields.fields("root").text("sha256", HEX256),
        fields.integer("ringVersion"),
        fields.fields("ring").text("sha256", HEX256),
    )


def _input(item: object, what: str) -> tuple[str, str]:
    fields = Fields(item, f"{what}: an input attestation")
    return fields.text("uri", limit=_TEXT * 4), fields.fields("digest").text("sha256", HEX256)


def _artifact(item: object, what: str) -> tuple[str, str, str]:
    fields = Fields(item, f"{what}: an artifact")
    digests = dict(fields.mapping("digest"))
    algorithm, value = digests.popitem() if len(digests) == 1 else ("", "")
    if algorithm not in {"sha256", "dirHash"} or not isinstance(value, str) or not HEX256.match(value):
        raise InputError(f"{what}: an artifact without a digest")
    return fields.text("path", limit=_TEXT), algorithm, value
