"""Releases judged by the real gate rules and signed by real keys in memory, for the tests of signed verdicts."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from secpipe.core.evidence import Evidence
from secpipe.core.trust import HalfClass, Identity
from secpipe.gate import storing
from secpipe.gate.origin import Rules
from secpipe.gate.outcome import Outcome, conclude
from secpipe.gate.policies import policy_file
from secpipe.gate.policies.policy import Policy
from secpipe.gate.record import Record
from secpipe.gate.verdicts import override, signed, vsa
from secpipe.gate.verdicts.acceptance import Answer, Wanted, accept
from secpipe.gate.verdicts.signed import About
from secpipe.gate.verdicts.vsa import Summary
from secpipe.sign.sign import write_twins
from secpipe.sign.verdicts import sign_verdict
from tests.unit.gate_builders import NOW, clean, finding, ok
from tests.unit.sign.world import HybridKey, make_identity, make_key, make_trust

DIGEST = "a" * 64
KEYS = {name: make_key() for name in ("verdict", "builder", "mixed", "alice-key", "bob-key", "bob-other", "carol-key")}
POLICY = b"""schema = "secpipe.policy/1"
name = "acme"
owner = "security@acme.example"
expires = 2027-06-30
"""


def held_by(identity: Identity, holder: str) -> Identity:
    return replace(identity, holder=holder)


IDENTITIES = (
    held_by(make_identity("verdict", KEYS["verdict"], purposes=("verdict", "vsa")), "ci"),
    held_by(make_identity("builder", KEYS["builder"], purposes=("model", "file")), "alice"),
    held_by(make_identity("mixed", KEYS["mixed"], purposes=("vsa", "model")), "ci"),
    held_by(make_identity("alice-key", KEYS["alice-key"], purposes=("override",)), "alice"),
    held_by(make_identity("bob-key", KEYS["bob-key"], purposes=("override",)), "bob"),
    held_by(make_identity("bob-other", KEYS["bob-other"], purposes=("override",)), "bob"),
    held_by(make_identity("carol-key", KEYS["carol-key"], purposes=("override",)), "carol"),
)


class Gate:
    """A verdict store, a trust root, and a release whose evidence tests change."""

    def __init__(self, folder: Path) -> None:
        self.store = folder / "verdicts"
        self.trust = make_trust(*IDENTITIES, pins=("0" * 64,))

    def retrust(self, **changes: Any) -> None:
        """Change key versions of the identity `name`, or the trust itself."""
        name = changes.pop("name", "")
        self.trust = replace(
            self.trust,
            identities=tuple(
                replace(one, versions=tuple(replace(v, **changes) for v in one.versions)) if one.name == name else one
                for one in self.trust.identities
            ),
        )

    def outcome(
        self,
        *,
        at: datetime = NOW,
        environment: str = "prod",
        self_judged: str = "",
        policy: bytes = POLICY,
        tree: bytes | None = None,
        digest: str = DIGEST,
        simulated: bool = False,
        evidence: dict[str, Evidence] | None = None,
        mode: str = "enforce",
        **changes: Evidence,
    ) -> Outcome:
        loaded = policy_file.parse(policy, "policy.toml")
        theirs = policy_file.parse(tree, "tree") if tree else None
        facts = ok("trust")
        made = evidence or clean(trust=facts, **changes)
        subject = {"name": "acme-chat", "digest": {"dirHash": digest}, "files": 3, "bytes": 10}
        record = Record(at, environment, subject, made, ("m/a.safetensors",), self_judged)
        rules = Rules(loaded, "sha256", theirs, self.trust, facts)
        return conclude(record, rules, replace(loaded.resolve(environment), mode=mode), simulated=simulated)

    def denied(self, **options: Any) -> Outcome:
        return self.outcome(models=replace(ok("models"), findings=(finding(),)), **options)

    def sign(self, outcome: Outcome, identity: str = "verdict", key: HybridKey | None = None, **forged: Any) -> Path:
        """Keep and sign an outcome; `forged` changes what is signed."""
        kept = storing.contents(outcome)
        entry = storing.keep(self.store, outcome, kept)
        who = next(one for one in self.trust.identities if one.name == identity)
        summary = replace(storing.summarise(outcome, kept, identity, forged.pop("verifier", "")), **forged)
        self.write(entry.folder, summary, who, key or KEYS[identity], at=outcome.record.at)
        return entry.folder

    def write(self, folder: Path, summary: Summary, who: Identity, key: HybridKey, *, at: datetime) -> None:
        data = sign_verdict(
            "vsa", "acme-chat", folder.parent.name, vsa.predicate(summary), who, key.version, key.signers, now=at
        )
        write_twins(tuple(folder / name for name in signed.names("vsa")), data)  # type: ignore[arg-type]

    def ask(
        self,
        *,
        now: datetime = NOW,
        environment: str = "prod",
        policy: Policy | None = None,
        digest: str = DIGEST,
        links: str | None = "",
        **asked: Any,
    ) -> Answer:
        about = About(digest, links, environment)
        question = Wanted(about, policy or Policy(), **asked)
        found = list(signed.candidates(self.store, about, self.trust, now)) if self.store.is_dir() else []
        return accept(found, question, self.trust, now)

    def held(self, folder: Path, now: datetime = NOW, environment: str = "prod") -> signed.Held:
        return signed.held(folder, About(folder.parent.name, None, environment), self.trust, now)

    def let(
        self, folder: Path, *names: str, hours: int = 4, nonce: str = "5" * 64, now: datetime = NOW, **changes: Any
    ) -> override.Grant:
        """Override the verdict in `folder` by these identities; `changes` alter the grant that is signed."""
        verdict = self.held(folder, now)
        holder = changes.pop("holder", "")
        span = (now, now + timedelta(hours=hours))
        one = override.Grant(verdict.summary.environment, verdict.digest, nonce, *span, "checkout is down")
        one = dataclasses.replace(one, **changes)
        for name in names:
            who = next(each for each in self.trust.identities if each.name == name)
            body = override.predicate(one, holder or who.holder)
            digest = folder.parent.name
            data = sign_verdict(
                "override", "acme-chat", digest, body, who, KEYS[name].version, KEYS[name].signers, now=now
            )
            place = signed.names(f"override.{holder or who.holder}")
            write_twins(tuple(folder / each for each in place), data)  # type: ignore[arg-type]
        return one


def halves(folder: Path, what: str = "vsa") -> dict[HalfClass, Path]:
    return dict(zip(HalfClass, (folder / name for name in signed.names(what)), strict=True))
