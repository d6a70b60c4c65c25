"""From an outcome to what is kept and signed of it, and back: kept evidence judged again, believing nothing."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from secpipe.core import times
from secpipe.core.errors import ConfigError, InputError, TrustError
from secpipe.core.inventory import ComponentKind
from secpipe.core.text import printable
from secpipe.core.trust import Trust
from secpipe.core.verdict import Effect, Result
from secpipe.core.version import __version__
from secpipe.gate import record
from secpipe.gate.facts import listing, mapping
from secpipe.gate.origin import Rules, gather_rules
from secpipe.gate.outcome import Outcome, conclude
from secpipe.gate.policies import policy_file
from secpipe.gate.request import Request
from secpipe.gate.verdicts import store, vsa
from secpipe.gate.verdicts.store import BOM, TREE_POLICY, WAIVERS, Entry
from secpipe.gate.verdicts.vsa import Judged, Summary
from secpipe.sign.manifest import check_names
from secpipe.system import files
from secpipe.system.redaction import redact_values

_LIMIT = 64 << 20
_INSIDE = (ComponentKind.MODEL, ComponentKind.DATASET, ComponentKind.PROMPT)
_SKEW = timedelta(minutes=5)
_STANDS = (Effect.DENY, Effect.UNDECIDED, Effect.WARN)


@dataclass(frozen=True, slots=True)
class Kept:
    """What stands in one entry, by file name."""

    contents: dict[str, bytes]

    def digest(self, name: str) -> str:
        """Return the hex SHA-256 of one file."""
        return hashlib.sha256(self.contents[name]).hexdigest()


def contents(outcome: Outcome, waivers: Path | None = None) -> Kept:
    """Return what is kept of an outcome: the verdict, all its evidence, and the rules as they were read."""
    kept = {
        store.VERDICT: encode(outcome.placeless()),
        store.EVIDENCE: record.encode(outcome.record),
        store.POLICY: outcome.rules.policy.data,
    }
    if outcome.rules.tree is not None:
        kept[TREE_POLICY] = outcome.rules.tree.data
    if waivers is not None:
        kept[WAIVERS] = files.read_bytes(waivers, _LIMIT)
    if outcome.bom:
        kept[BOM] = outcome.bom
    return Kept(kept)


def keep(where: Path, outcome: Outcome, kept: Kept) -> Entry:
    """Store an outcome and return its entry. Raises ConfigError for a simulated one, InputError as `store.keep`."""
    if outcome.document["simulated"]:
        raise ConfigError("a simulated verdict (--at) is never kept or signed", hint="leave --at out")
    digest = outcome.record.subject["digest"]["dirHash"]
    entry = store.keep(where, outcome.record.environment, digest, outcome.document["at"], kept.contents)
    if entry.read(store.EVIDENCE) != kept.contents[store.EVIDENCE]:
        raise InputError(
            f"{printable(str(entry.folder))} holds the same verdict on other evidence", hint="check it again"
        )
    return entry


def encode(document: dict[str, Any]) -> bytes:
    """Return a verdict document as it is stored: ASCII JSON, the same document as the same bytes."""
    clean = redact_values(document)  # before its digest is signed
    return json.dumps(clean, indent=1, sort_keys=True, allow_nan=False).encode("ascii") + b"\n"


def summarise(outcome: Outcome, kept: Kept, identity: str, verifier: str = "") -> Summary:
    """Return what is signed of an outcome. Raises InputError for a release whose names could be read in two ways,
    ConfigError for a verifier id that is not the identity's.
    """
    verifier = verifier or vsa.verifier_id(identity)
    if verifier.rpartition("/")[2] != identity or "://" not in verifier or printable(verifier) != verifier:
        raise ConfigError(
            f"the verifier id must be a URI that ends in /{identity}", hint=f"--verifier-id {vsa.verifier_id(identity)}"
        )
    judged, document = outcome.record, outcome.document
    if document["simulated"]:
        raise ConfigError("a simulated verdict (--at) is never kept or signed", hint="leave --at out")
    check_names(judged.paths)
    policy = outcome.situation.policy
    found = _facts(judged, "files")
    inputs = [(name, kept.digest(name)) for name in (store.EVIDENCE, BOM) if name in kept.contents]
    return Summary(
        verifier=verifier,
        version=__version__,
        at=judged.at,
        resource=vsa.resource_uri(judged.environment, str(judged.subject["name"])),
        policy_name=printable(policy.name, 200),
        policy=outcome.rules.policy.digest,
        resolved=str(document["policy"]["resolved"]["sha256"]),
        environment=judged.environment,
        mode=policy.mode,
        decision=str(outcome.judgement.would_be),
        self_judged=bool(outcome.situation.self_judged),
        verdict=kept.digest(store.VERDICT),
        evidence=kept.digest(store.EVIDENCE),
        trust=_judged(outcome.rules.trust),
        advisories=printable(str(mapping(outcome.situation.of("audit"), "advisories").get("date", "")), 60),
        valid_until=outcome.until[1],
        because=printable(outcome.until[0], 200),
        holders=min(policy.break_glass.holders, 1_000_000),
        max_hours=min(policy.break_glass.max_hours, 1_000_000),
        levels=_levels(outcome),
        links=str(found.get("links", "")),
        executable=None if found.get("executable") is None else tuple(map(str, found["executable"])),
        exploited=sum(
            bool(item.finding.details.get("kev")) for item in outcome.judgement.findings if item.effect in _STANDS
        ),
        left_out=tuple(sorted({skip["path"] for skip in found.get("left_out", ())})),
        inputs=(*inputs, *sorted(mapping(outcome.situation.of("files"), "signed").items())),
        artifacts=_artifacts(outcome),
        image=str(judged.subject["digest"].get("sha256", "")),
    )


def rederive(entry: Entry, evidence: str, request: Request) -> tuple[Outcome, Kept]:
    """Judge the evidence kept in `entry` again, by the policy and trust of `request`, and return what that gives.

    `evidence` is the hex SHA-256 that it must have, from the job that judged. Raises TrustError where it is another, or
    where the stored verdict is not what it gives; InputError where too much has changed since.
    """
    data = entry.read(store.EVIDENCE)
    if hashlib.sha256(data).hexdigest() != evidence:
        raise TrustError("the stored evidence is not the one named by its digest", hint="check it again")
    judged = record.decode(data, "the stored evidence")
    if judged.at > request.now + _SKEW:
        raise InputError(f"the evidence was recorded at {times.rfc3339(judged.at)}, after now", hint="check the clock")
    stored = entry.verdict()
    request = dataclasses.replace(
        request, environment=judged.environment, mode="warn" if stored.get("mode") == "warn" else "enforce"
    )
    rules = _rules_again(entry, judged, request)
    policy = rules.resolve(request)
    judged = dataclasses.replace(
        judged,
        self_judged=judged.self_judged or rules.self_judged(),
        waivers=rules.waivers.waivers,  # those given here: the evidence vouches for none
        policy_signer=rules.policy_signer,
    )
    outcome = conclude(judged, rules, policy, warn_until=_warned_until(stored))
    now = conclude(dataclasses.replace(judged, at=request.now), rules, policy)
    if outcome.judgement.would_be.exit_code == 0 and now.judgement.would_be.exit_code != 0:
        raise TrustError(f"judged again today it does not pass: {now.judgement.reasons[0].what}", hint="check it again")
    if request.now >= outcome.until[1] and outcome.judgement.would_be.exit_code == 0:
        raise InputError(f"this verdict has ended already: {outcome.until[0]}", hint="check it again")
    _check_kept(entry, outcome, stored, request.waivers)
    return outcome, Kept({name: entry.read(name) for name in files.names(entry.folder)})


def _check_kept(entry: Entry, outcome: Outcome, stored: Mapping[str, Any], waivers: Path | None) -> None:
    """What stands in the entry is what this evidence, this policy and this trust give; only its place may differ."""
    made = json.loads(encode(outcome.placeless()))
    if _placeless(made) != _placeless(dict(stored)):
        raise TrustError("the stored verdict is not what this evidence and this policy give", hint="check it again")
    if entry.read(store.POLICY) != outcome.rules.policy.data:
        raise TrustError("the stored policy is not the one it was judged by", hint="check it again")
    if waivers is not None and entry.read(WAIVERS) != files.read_bytes(waivers, _LIMIT):
        raise TrustError("the stored waivers are not those it was judged by", hint="check it again")
    bom = outcome.situation.of("sbom").facts.get("sha256", "")
    if bom and hashlib.sha256(entry.read(BOM)).hexdigest() != bom:
        raise TrustError("the stored AI-BOM is not the one that was made", hint="check it again")


def _warned_until(stored: Mapping[str, Any]) -> date | None:
    """Return the day that the verdict says it warned until; what cannot be read is not what a verdict of ours says."""
    return times.maybe_day(stored.get("warn_until"))


def _placeless(document: dict[str, Any]) -> dict[str, Any]:
    policy = document.get("policy")
    return document | {"policy": {**policy, "source": ""} if isinstance(policy, dict) else None}


def _rules_again(entry: Entry, judged: record.Record, request: Request) -> Rules:
    """Return today's rules, with the policy that stood in the tree when it was judged."""
    rules = gather_rules(request)
    then = _facts(judged, "trust")
    if rules.trust and (rules.trust.root_version, rules.trust.ring_version) != (
        then.get("root_version"),
        then.get("ring_version"),
    ):
        raise InputError("the trust root or the keyring changed since this was judged", hint="check it again")
    wanted = _facts(judged, "files").get("tree_policy")
    if not wanted:
        return dataclasses.replace(rules, tree=None)
    tree = policy_file.parse(entry.read(TREE_POLICY), f"the stored {TREE_POLICY}")
    if tree.digest != wanted:
        raise TrustError(f"the stored {TREE_POLICY} is not the one that stood in the project")
    return dataclasses.replace(rules, tree=tree)


def _facts(judged: record.Record, check: str) -> Mapping[str, Any]:
    evidence = judged.evidence.get(check)
    return evidence.facts if evidence else {}


def _judged(trust: Trust | None) -> Judged | None:
    if trust is None:
        return None
    return Judged(trust.root_version, trust.root_digest, trust.ring_version, trust.ring_digest)


def _levels(outcome: Outcome) -> tuple[str, ...]:
    """What was really verified: one word of ours for each check the policy asks for and that came out well."""
    good = (Result.PASS, Result.WARN)
    rows = [row.check for row in outcome.judgement.checks if row.required and row.result in good]
    return tuple(dict.fromkeys(f"SECPIPE_{name.partition(':')[2] or name}".upper().replace("-", "_") for name in rows))


def _artifacts(outcome: Outcome) -> tuple[tuple[str, str, str], ...]:
    """The signed artifacts and the models, datasets and prompts inside the release, each by its digest."""
    found: list[tuple[str, str, str]] = []
    for fact in listing(outcome.situation.of("signatures"), "artifacts"):
        if isinstance(fact, dict) and fact.get("verified"):
            found.append((str(fact["path"]), "dirHash" if fact["kind"] == "model" else "sha256", str(fact["digest"])))
    for component in outcome.record.components:
        digest = next((one.value for one in component.digests if one.algorithm == "sha256"), "")
        if component.kind in _INSIDE and component.path and digest:
            found.append((component.path, "sha256", digest))
    return tuple(sorted(set(found)))
