"""Random policies over the whole vocabulary, made from its dataclasses, and random, hostile evidence to judge."""

from __future__ import annotations

import dataclasses
import types
import typing
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from hypothesis import strategies as st

from secpipe.core.artifact import Skip
from secpipe.core.evidence import Evidence, State
from secpipe.core.finding import Confidence, Finding, Severity
from secpipe.core.inventory import Component, ComponentKind
from secpipe.gate.policies.policy import Policy, Waiver
from tests.unit.gate_builders import CHECKS, NOW, ok

ATTESTATIONS = ("attestation:bias", "attestation:provenance", "attestation:review-a")
words = st.text(max_size=8)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)
RULES = ["models/a", "audit/known-vulnerability", "shadow-ai/x", "signatures/invalid", "sbom/drift"]
USE = {
    "id": "u1", "provider": "openai", "name": "OpenAI", "kind": "model-api", "host": "", "mechanism": "sdk",
    "model": "gpt-4o", "path": "a.py", "line": 3, "region": "code", "confidence": "high", "evidence": [],
    "jurisdiction": "US", "sdk": "", "local": False, "context": False, "waiver": None,
}  # fmt: skip
WHENS = [
    ("finding", "finding.level >= 3"), ("finding", "!finding.path.startsWith('m/')"), ("finding", "finding.typo == 1"),
    ("vulnerability", "vulnerability.epss > 0.5"), ("vulnerability", "vulnerability.kev != null"),
    ("component", "!component.licensed"), ("component", "component.licenses.exists(one, one == 'MIT')"),
    ("model", "model.format == 'pickle'"), ("model", "model.path"), ("ai_use", "ai_use.jurisdiction == 'US'"),
    ("artifact", "artifact.verified == false"), ("artifact", "artifact.identity != 'builder'"), ("model", ")("),
]  # fmt: skip

#: What makes a field's random value meet the random evidence; fields that are not here get any value of their type.
POOLS: dict[str, list[Any]] = {
    "formats": ["safetensors", "pickle", "gguf"],
    "identities": ["builder", "release"],
    "purposes": ["model", "file"],
    "rule": ["models/*", "*", "audit/*", "gate/*", "gate/condition", ""],
    "finding": ["", "", "0" * 20],
    "paths": ["m/*", "*", "a.py"],
    "subjects": ["*", "x*", ""],
    "env": ["prod", "dev"],
    "type": ["bias"],
    "deny": ["AGPL-*"],
    "review": ["*RAIL*"],
    "allow": ["MIT", "*"],
    "builders": ["https://ci/*"],
    "require": ["classical", "pq", "classical+pq"],
    "algorithms": ["ecdsa-p256", "ecdsa-p384", "ml-dsa-65", "ml-dsa-87", "none"],
    "root_algorithms": ["ecdsa-p384", "ml-dsa-87"],
    "spec": ["CycloneDX>=1.6", "SPDX>=3.0", "x"],
    "sources": ["git+https://a/*"],
    "base_models": ["pkg:huggingface/a/*"],
    "datasets": ["https://data/*", "*"],
    "inputs": ["seed", "lora"],
    "after": ["qa", "staging"],
    "verifiers": ["https://v/ci", "https://v/other"],
    "provider": ["openai", "unknown"],
    "gateway": ["gw.corp"],
    "never": ["audit/*", "gate/*", "*"],
}
NAMES = {"profiles": ["g7-ai", "cisa"], "roles": ["review", "provenance"]}


def of(cls: type[Any], **fixed: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return a strategy for a section: every declared key, so that a new one is covered without a word here."""
    hints = typing.get_type_hints(cls)
    made = {
        item.name: fixed[item.name] if item.name in fixed else _value(hints[item.name], item)
        for item in dataclasses.fields(cls)
    }
    return st.builds(cls, **made)


def _value(kind: Any, item: Any) -> st.SearchStrategy[Any]:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    pool, choice = POOLS.get(item.name), item.metadata.get("choice")
    if item.name == "cover":
        return st.sampled_from([("models",), ("models", "prompts"), ("m/*", "*.py"), ("datasets",), ()])
    if item.name == "condition":
        return conditions
    if dataclasses.is_dataclass(kind):
        return of(kind)  # type: ignore[arg-type]  # a class, not an instance
    if origin is tuple and dataclasses.is_dataclass(arguments[0]):
        return st.lists(of(arguments[0]), max_size=2).map(tuple)
    if origin is tuple and choice:
        return st.lists(st.sampled_from(choice), max_size=2).map(tuple)
    if origin is tuple:
        if pool:
            return st.sampled_from([*[()] * (2 + len(pool)), *((one,) for one in pool), tuple(pool[:2])])
        return st.lists(words, max_size=2).map(tuple)
    if origin is dict:
        return st.dictionaries(st.sampled_from(NAMES.get(item.name, ["x"])), st.integers(0, 100), max_size=2)
    if origin is types.UnionType:
        return st.none() | st.dates(date(2026, 1, 1), date(2027, 12, 31))
    simple: dict[Any, st.SearchStrategy[Any]] = {bool: st.booleans(), int: st.integers(0, 100)}
    if kind is str:
        return st.sampled_from(choice or pool) if choice or pool else words
    return simple[kind]


conditions = st.lists(
    st.tuples(st.sampled_from(WHENS), st.sampled_from(["deny", "warn"]), st.sampled_from(["a", "b"])), max_size=2
).map(lambda made: tuple(_condition(on, when, effect, name) for (on, when), effect, name in made))


def _condition(on: str, when: str, effect: str, name: str) -> Any:
    from secpipe.gate.policies.policy import Condition

    return Condition(name, on, when, effect, "must not be")


waivers = of(Waiver, expires=st.none() | st.dates(date(2026, 1, 1), date(2027, 12, 31)))
policies: st.SearchStrategy[Policy] = of(Policy, mode=st.just("enforce"))
findings = st.builds(
    Finding,
    rule=st.sampled_from(RULES),
    message=words,
    severity=st.sampled_from(Severity),
    confidence=st.sampled_from(Confidence),
    path=st.sampled_from(["", "m/a.safetensors", "m/b.pt"]) | words,
    subject=st.sampled_from(["x", "y"]) | words,
    details=st.dictionaries(
        st.sampled_from(["package", "version", "ecosystem", "outcome", "id", "epss", "kev", "x"]),
        json_values,
        max_size=3,
    ),
)
FACTS = ["files", "covered", "artifacts", "uses", "advisories", "packages", "unjudged", "licenses", "profiles"]
facts = st.dictionaries(st.sampled_from([*FACTS, "purpose", "builder", "root_version"]), json_values, max_size=4)
components = st.lists(
    st.builds(
        Component, ref=words, kind=st.sampled_from(ComponentKind), name=words, version=words,
        licenses=st.lists(st.sampled_from(["MIT", "AGPL-3.0", "x"]), max_size=1).map(tuple),
    ),
    max_size=2,
).map(tuple)  # fmt: skip
SIGNED: dict[str, Any] = {
    "covered": {"m/a.safetensors": "builder", "m/b.pt": "builder"},
    "artifacts": [{"path": "m", "kind": "model", "verified": True, "identity": "builder", "holder": "alice",
                   "halves": ["ecdsa-p256", "ml-dsa-65"], "classes": ["classical", "pq"],
                   "not_before": "2026-10-01T00:00:00Z", "trusted_time": None}],
}  # fmt: skip
SHIPPED = {"path": "bom.json", "spec": "CycloneDX", "version": "1.5", "made": "2026-09-01T00:00:00Z", "agrees": True}
DAYS = [None, NOW.isoformat(), "2026-11-01T00:00:00+00:00", "2025-01-01T00:00:00+00:00", "2030-01-01T00:00:00+00:00"]
statements = st.fixed_dictionaries(
    {
        "path": st.sampled_from(["m", "m/a.safetensors", "m/b.pt", "n", ""]),
        "purpose": st.sampled_from(["review", "test-result", "provenance"]),
        "state": st.sampled_from(["ok", "ok", "ok", "failed", "skipped", "stale"]),
        "reason": st.just("because"), "since": st.sampled_from(DAYS), "not_before": st.sampled_from(DAYS),
        "verified": st.booleans(), "identity": st.just("eve"), "holder": st.sampled_from(["alice", "omar", ""]),
        "halves": st.sampled_from([["ecdsa-p256", "ml-dsa-65"], ["ecdsa-p384", "ml-dsa-87"]]),
        "classes": st.just(["classical", "pq"]), "trusted_time": st.none(),
        "builder": st.sampled_from(["https://ci/x", "https://elsewhere/x", ""]),
        "materials": st.lists(
            st.fixed_dictionaries({"roles": st.sampled_from([["source"], ["base-model"], ["dataset"], ["other"], []]),
                                   "uri": st.sampled_from(["git+https://a/b", "git+https://b/b", "x"])}), max_size=2),
        "declared": st.sampled_from([[], ["source"], ["source", "base-model", "dataset"]]),
        "inputs": st.sampled_from([[], ["seed"], ["seed", "lora"]]),
    }
)  # fmt: skip
verdicts = st.lists(
    st.fixed_dictionaries(
        {
            "environment": st.sampled_from(["qa", "staging"]), "at": st.sampled_from([*DAYS[1:], "junk"]),
            "result": st.sampled_from(["PASSED", "PASSED", "FAILED", "REFUSED"]), "reason": st.just("because"),
            "verifier": st.sampled_from(["", "https://v/ci", "https://v/other"]),
        }
    ),
    max_size=3,
)  # fmt: skip
_SENSIBLE: dict[str, list[dict[str, Any]]] = {
    "models": [{}, {"files": {"m/a.safetensors": {"format": "safetensors", "outcome": "ok", "holds": []},
                              "m/b.pt": {"format": "pickle", "outcome": "review", "holds": ["pickle"]}}}],
    "shadow-ai": [{}, {"uses": [USE]}],
    "trust": [{}, {"root_algorithms": ["ecdsa-p384", "ml-dsa-87"]}, {"root_algorithms": ["ecdsa-p256"]}],
    "signatures": [{}, {"covered": {}}, SIGNED, {**SIGNED, "artifacts": [{**SIGNED["artifacts"][0], "holder": ""}]}],
    "sbom": [{}, {"shipped": []}, {"shipped": [SHIPPED]}, {"shipped": [{**SHIPPED, "agrees": False}]},
             {"licenses": {"AGPL-3.0-only": ["x"], "": ["y"]}, "profiles": {"g7-ai": 50}}],
    "audit": [{}, {"advisories": {"date": "2026-01-01"}}, {"advisories": {}}],
}  # fmt: skip


@st.composite
def evidence_sets(draw: st.DrawFn, hostile: bool = False) -> dict[str, Evidence]:
    """Every check in some state, with findings, skips and facts; `hostile`: facts of any shape."""
    made = {}
    for check in (*CHECKS, *ATTESTATIONS):
        state = draw(st.sampled_from([State.OK] * 10 + [*State]))
        known = ok(check, **draw(st.sampled_from(_SENSIBLE.get(check, [{}]))))
        if check in ATTESTATIONS:
            since = draw(st.none() | st.integers(0, 90).map(lambda days: NOW - timedelta(days=days)))
            purpose = "provenance" if check.endswith("provenance") else "test-result"
            lone = {"purpose": purpose, "builder": "https://ci/release", "path": draw(st.sampled_from(["m", ""]))}
            each = st.lists(statements, max_size=3).map(lambda rows: {"each": rows})
            known = replace(known, since=since, facts=draw(each) if draw(st.booleans()) else lone)
        made[check] = replace(
            known,
            state=state,
            reason="" if state is State.OK else "because",
            findings=tuple(draw(st.lists(findings, max_size=2))),
            skips=tuple(draw(st.lists(st.builds(Skip, words, words, st.booleans()), max_size=1))),
            facts=draw(facts) if hostile and draw(st.booleans()) else known.facts,
        )
    if draw(st.booleans()):
        made["promotion"] = Evidence(
            "promotion", draw(st.sampled_from(State)), "because", facts={"verdicts": draw(verdicts)}
        )
    if draw(st.booleans()):
        made["clock"] = Evidence("clock", State.SKIPPED, "the clock is behind")
    return made
