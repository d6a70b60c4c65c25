"""All that a verdict was decided from, as the document `secpipe.evidence/2`: lossless, so that it can be judged again.

Written by `check --emit-input` (for OPA and conftest) and kept in the verdict store (for replay and monitor).
Strings are those of the tree, unescaped; the JSON text is ASCII, so nothing in it can steer a terminal.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from typing import Any

from secpipe.core import times
from secpipe.core.artifact import Digest, Skip
from secpipe.core.documents import parse_json
from secpipe.core.errors import InputError
from secpipe.core.evidence import Evidence, State, skipped
from secpipe.core.finding import Confidence, Finding, Severity
from secpipe.core.inventory import Component, ComponentKind, Fact, Grade
from secpipe.core.ledger import Account, Tally, Thing
from secpipe.core.limits import DEFAULT, Limits
from secpipe.core.shape import exactly
from secpipe.core.version import __version__
from secpipe.gate.policies.policy import Policy, Waiver
from secpipe.gate.ruling import Situation

SCHEMA = "secpipe.evidence/2"
#: What is read: the first version had no accounts.
_READ = ("secpipe.evidence/1", SCHEMA)


@dataclass(frozen=True, slots=True)
class Record:
    """What `decide` was given, the policy aside. `components` are the release's own, for a later audit."""

    at: datetime
    environment: str
    subject: Mapping[str, Any]
    evidence: Mapping[str, Evidence]
    paths: tuple[str, ...] = ()
    self_judged: str = ""
    components: tuple[Component, ...] = field(default=(), repr=False)
    waivers: tuple[Waiver, ...] = ()  # those given beside the policy
    policy_signer: str = ""  # the identity whose signature pinned the policy, which therefore signed its waivers
    digests: Mapping[str, str] = field(default_factory=dict, repr=False)  # SHA-256 of each file that is told of

    def situation(self, policy: Policy, now: datetime | None = None) -> Situation:
        """Return the situation to judge again: by this policy, as of `now` or of the time it was recorded."""
        own = [replace(waiver, signed_by=self.policy_signer) for waiver in policy.waiver]
        accepts = tuple(replace(one, signed_by=self.policy_signer) for one in policy.ledger.accept)
        whole = replace(policy, waiver=(*own, *self.waivers), ledger=replace(policy.ledger, accept=accepts))
        when = now or self.at
        return Situation(whole, self.environment, when, self.evidence, self.paths, self.self_judged, self.components)


def encode(record: Record) -> bytes:
    """Return the document as ASCII JSON, sorted and indented: the same record gives the same bytes."""
    document = {
        "schema": SCHEMA,
        "tool": {"name": "secpipe", "version": __version__},
        "at": times.exact(record.at),
        "environment": record.environment,
        "subject": _plain(record.subject),
        "self_judged": record.self_judged,
        "paths": list(record.paths),
        "evidence": {name: evidence_row(one) for name, one in record.evidence.items()},
        "components": [component_row(component) for component in record.components],
        "waivers": [_plain(asdict(waiver)) for waiver in record.waivers],
        "policy_signer": record.policy_signer,
        **({"digests": dict(record.digests)} if record.digests else {}),
    }
    return json.dumps(document, indent=1, sort_keys=True, allow_nan=False).encode("ascii") + b"\n"


def decode(data: bytes, what: str, limits: Limits = DEFAULT) -> Record:
    """Return the record in a document; `what` names it in errors. Raises InputError, or UnsafeInput over a limit."""
    document = parse_json(data, what, limits)
    if not isinstance(document, dict) or document.get("schema") not in _READ:
        raise InputError(f"{what} is no {SCHEMA} document", hint="secpipe check --emit-input FILE writes one")
    try:
        return Record(
            at=times.instant(document["at"]),
            environment=exactly(str, document["environment"]),
            subject=exactly(dict, document["subject"]),
            evidence={name: read_evidence(name, one) for name, one in exactly(dict, document["evidence"]).items()},
            paths=tuple(exactly(str, path) for path in document["paths"]),
            self_judged=exactly(str, document["self_judged"]),
            components=tuple(read_component(one) for one in document["components"]),
            waivers=tuple(_read_waiver(one) for one in document.get("waivers", [])),
            policy_signer=exactly(str, document.get("policy_signer", "")),
            digests={path: exactly(str, one) for path, one in exactly(dict, document.get("digests", {})).items()},
        )
    except InputError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise InputError(f"{what} is not a whole {SCHEMA} document ({type(error).__name__})") from None


def before_agents(record: Record) -> Record:
    """Return a stored record, which says so where it was made before agents were read: nobody asked for that check."""
    if "agents" in record.evidence:
        return record
    older = skipped("agents", "the verdict was made before agents were read", facts={"before": True})
    return replace(record, evidence={**record.evidence, "agents": older})


def evidence_row(one: Evidence) -> dict[str, Any]:
    """Return evidence as plain JSON, losslessly but for its name."""
    return {
        "state": str(one.state),
        "reason": one.reason,
        "since": times.exact(one.since) if one.since else None,
        "producer": one.producer,
        "findings": [finding_row(finding) for finding in one.findings],
        "skips": [skip_row(skip) for skip in one.skips],
        "facts": _plain(one.facts),
        "account": one.account.to_dict() if one.account else None,
    }


def read_evidence(name: str, raw: Any) -> Evidence:
    """Return the evidence in a row; raises KeyError, TypeError, ValueError, AttributeError for one that is none."""
    return Evidence(
        check=name,
        state=State(raw["state"]),
        reason=exactly(str, raw["reason"]),
        since=times.instant(raw["since"]) if raw["since"] is not None else None,
        findings=tuple(read_finding(one) for one in raw["findings"]),
        skips=tuple(read_skip(one) for one in raw["skips"]),
        facts=exactly(dict, raw["facts"]),
        producer=exactly(str, raw["producer"]),
        account=read_account(raw.get("account")),
    )


def read_account(raw: Any) -> Account | None:
    """Return the account in a row; None where there is none, as in the first version; raises as `read_evidence`."""
    if raw is None:
        return None
    tallies = []
    for name, one in exactly(dict, raw["things"]).items():
        judged, cannot = (
            {exactly(str, key): exactly(int, n) for key, n in exactly(dict, one[part]).items()}
            for part in ("judged", "cannot_hold")
        )
        tallies.append(
            Tally(Thing(name), judged, cannot, exactly(int, one["not_read"]), exactly(int, one["text_only"]))
        )
    order = list(Thing)
    tallies.sort(key=lambda tally: order.index(tally.thing))
    shallow = tuple(
        Skip(exactly(str, one["path"]), exactly(str, one["reason"]), not exactly(bool, one.get("ships", True)))
        for one in exactly(list, raw["text_only"])
    )
    return Account(tuple(tallies), shallow)


def skip_row(skip: Skip) -> dict[str, Any]:
    """Return a skip as plain JSON, losslessly."""
    return {"path": skip.path, "reason": skip.reason, "soft": skip.soft}


def read_skip(raw: Any) -> Skip:
    """Return the skip in a row; raises as `read_evidence`."""
    return Skip(exactly(str, raw["path"]), exactly(str, raw["reason"]), exactly(bool, raw["soft"]))


def finding_row(one: Finding) -> dict[str, Any]:
    """Return a finding as plain JSON, losslessly: unlike `Finding.to_dict` nothing is escaped."""
    return {
        "id": one.id,
        "rule": one.rule,
        "message": one.message,
        "severity": str(one.severity),
        "confidence": str(one.confidence),
        "path": one.path,
        "line": one.line,
        "column": one.column,
        "offset": one.offset,
        "subject": one.subject,
        "fix": one.fix,
        "owner": one.owner,
        "details": _plain(one.details),
    }


def read_finding(raw: Any) -> Finding:
    """Return the finding in a row; raises as `read_evidence`."""
    return Finding(
        rule=exactly(str, raw["rule"]),
        message=exactly(str, raw["message"]),
        severity=Severity(Severity.parse(exactly(str, raw["severity"]))),
        confidence=Confidence(Confidence.parse(exactly(str, raw["confidence"]))),
        path=exactly(str, raw["path"]),
        line=exactly(int, raw["line"]),
        column=exactly(int, raw["column"]),
        offset=None if raw["offset"] is None else exactly(int, raw["offset"]),
        subject=exactly(str, raw["subject"]),
        fix=exactly(str, raw["fix"]),
        owner=exactly(str, raw["owner"]),
        details=exactly(dict, raw["details"]),
    )


def component_row(one: Component) -> dict[str, Any]:
    """Return a component as plain JSON, losslessly."""
    return {
        "ref": one.ref,
        "kind": str(one.kind),
        "name": one.name,
        "version": one.version,
        "purl": one.purl,
        "ecosystem": one.ecosystem,
        "path": one.path,
        "line": one.line,
        "direct": one.direct,
        "digests": {digest.algorithm: digest.value for digest in one.digests},
        "licenses": list(one.licenses),
        "facts": {
            name: {"value": fact.value, "grade": str(fact.grade), "source": fact.source}
            for name, fact in one.facts.items()
        },
    }


def read_component(raw: Any) -> Component:
    """Return the component in a row; raises as `read_evidence`."""
    facts = {
        name: Fact(exactly(str, one["value"]), Grade(one["grade"]), exactly(str, one["source"]))
        for name, one in exactly(dict, raw["facts"]).items()
    }
    return Component(
        ref=exactly(str, raw["ref"]),
        kind=ComponentKind(raw["kind"]),
        name=exactly(str, raw["name"]),
        version=exactly(str, raw["version"]),
        purl=exactly(str, raw["purl"]),
        ecosystem=exactly(str, raw["ecosystem"]),
        path=exactly(str, raw["path"]),
        line=exactly(int, raw["line"]),
        digests=tuple(Digest(name, exactly(str, value)) for name, value in exactly(dict, raw["digests"]).items()),
        licenses=tuple(exactly(str, one) for one in raw["licenses"]),
        direct=exactly(bool, raw["direct"]),
        facts=facts,
    )


def _read_waiver(raw: Any) -> Waiver:
    table = exactly(dict, raw)
    made: dict[str, Any] = {"expires": times.day(table["expires"])}
    for name in ("paths", "subjects", "env"):
        made[name] = tuple(exactly(str, one) for one in exactly(list, table[name]))
    made |= {item.name: exactly(str, table[item.name]) for item in fields(Waiver) if item.name not in made}
    return Waiver(**made)


def _plain(value: Any) -> Any:
    """Return facts as plain JSON; what JSON has no word for becomes text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not (abs(value) < float("inf")):
        return str(value)
    return value if isinstance(value, str | bool | int | float | None) else str(value)
