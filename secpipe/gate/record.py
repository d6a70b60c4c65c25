"""All that a verdict was decided from, as the document `secpipe.evidence/2`: lossless, so that it can be judged again.

Written by `check --emit-input` (for OPA and conftest) and kept in the verdict store (for replay and monitor).
Strings are those of the tree, unescaped; the JSON text is ASCII, so nothing in it can steer a terminal.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, date, datetime
from typing import Any

from secpipe import __version__
from secpipe.core.artifact import Digest, Skip
from secpipe.core.documents import parse_json
from secpipe.core.errors import InputError
from secpipe.core.evidence import Evidence, State
from secpipe.core.finding import Confidence, Finding, Severity
from secpipe.core.inventory import Component, ComponentKind, Fact, Grade
from secpipe.core.ledger import Account, Tally, Thing
from secpipe.core.limits import DEFAULT, Limits
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

    def situation(self, policy: Policy, now: datetime | None = None) -> Situation:
        """Return the situation to judge again: by this policy, as of `now` or of the time it was recorded."""
        own = [replace(waiver, signed_by=self.policy_signer) for waiver in policy.waiver]
        whole = replace(policy, waiver=(*own, *self.waivers))
        when = now or self.at
        return Situation(whole, self.environment, when, self.evidence, self.paths, self.self_judged, self.components)


def encode(record: Record) -> bytes:
    """Return the document as ASCII JSON, sorted and indented: the same record gives the same bytes."""
    document = {
        "schema": SCHEMA,
        "tool": {"name": "secpipe", "version": __version__},
        "at": record.at.astimezone(UTC).isoformat(),
        "environment": record.environment,
        "subject": _plain(record.subject),
        "self_judged": record.self_judged,
        "paths": list(record.paths),
        "evidence": {name: evidence_row(one) for name, one in record.evidence.items()},
        "components": [component_row(component) for component in record.components],
        "waivers": [_plain(asdict(waiver)) for waiver in record.waivers],
        "policy_signer": record.policy_signer,
    }
    return json.dumps(document, indent=1, sort_keys=True, allow_nan=False).encode("ascii") + b"\n"


def decode(data: bytes, what: str, limits: Limits = DEFAULT) -> Record:
    """Return the record in a document; `what` names it in errors. Raises InputError, or UnsafeInput over a limit."""
    document = parse_json(data, what, limits)
    if not isinstance(document, dict) or document.get("schema") not in _READ:
        raise InputError(f"{what} is no {SCHEMA} document", hint="secpipe check --emit-input FILE writes one")
    try:
        return Record(
            at=_time(document["at"]),
            environment=_text(document["environment"]),
            subject=_table(document["subject"]),
            evidence={name: read_evidence(name, one) for name, one in _table(document["evidence"]).items()},
            paths=tuple(_text(path) for path in document["paths"]),
            self_judged=_text(document["self_judged"]),
            components=tuple(read_component(one) for one in document["components"]),
            waivers=tuple(_read_waiver(one) for one in document.get("waivers", [])),
            policy_signer=_text(document.get("policy_signer", "")),
        )
    except InputError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise InputError(f"{what} is not a whole {SCHEMA} document ({type(error).__name__})") from None


def evidence_row(one: Evidence) -> dict[str, Any]:
    """Return evidence as plain JSON, losslessly but for its name."""
    return {
        "state": str(one.state),
        "reason": one.reason,
        "since": one.since.astimezone(UTC).isoformat() if one.since else None,
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
        reason=_text(raw["reason"]),
        since=_time(raw["since"]) if raw["since"] is not None else None,
        findings=tuple(read_finding(one) for one in raw["findings"]),
        skips=tuple(read_skip(one) for one in raw["skips"]),
        facts=_table(raw["facts"]),
        producer=_text(raw["producer"]),
        account=read_account(raw.get("account")),
    )


def read_account(raw: Any) -> Account | None:
    """Return the account in a row; None where there is none, as in the first version; raises as `read_evidence`."""
    if raw is None:
        return None
    tallies = []
    for name, one in _table(raw["things"]).items():
        judged, cannot = (
            {_text(key): _whole(n) for key, n in _table(one[part]).items()} for part in ("judged", "cannot_hold")
        )
        tallies.append(Tally(Thing(name), judged, cannot, _whole(one["not_read"]), _whole(one["text_only"])))
    order = list(Thing)
    tallies.sort(key=lambda tally: order.index(tally.thing))
    shallow = tuple(Skip(_text(one["path"]), _text(one["reason"])) for one in _list(raw["text_only"]))
    return Account(tuple(tallies), shallow)


def skip_row(skip: Skip) -> dict[str, Any]:
    """Return a skip as plain JSON, losslessly."""
    return {"path": skip.path, "reason": skip.reason, "soft": skip.soft}


def read_skip(raw: Any) -> Skip:
    """Return the skip in a row; raises as `read_evidence`."""
    return Skip(_text(raw["path"]), _text(raw["reason"]), _flag(raw["soft"]))


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
        rule=_text(raw["rule"]),
        message=_text(raw["message"]),
        severity=Severity(Severity.parse(_text(raw["severity"]))),
        confidence=Confidence(Confidence.parse(_text(raw["confidence"]))),
        path=_text(raw["path"]),
        line=_whole(raw["line"]),
        column=_whole(raw["column"]),
        offset=None if raw["offset"] is None else _whole(raw["offset"]),
        subject=_text(raw["subject"]),
        fix=_text(raw["fix"]),
        owner=_text(raw["owner"]),
        details=_table(raw["details"]),
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
        name: Fact(_text(one["value"]), Grade(one["grade"]), _text(one["source"]))
        for name, one in _table(raw["facts"]).items()
    }
    return Component(
        ref=_text(raw["ref"]),
        kind=ComponentKind(raw["kind"]),
        name=_text(raw["name"]),
        version=_text(raw["version"]),
        purl=_text(raw["purl"]),
        ecosystem=_text(raw["ecosystem"]),
        path=_text(raw["path"]),
        line=_whole(raw["line"]),
        digests=tuple(Digest(name, _text(value)) for name, value in _table(raw["digests"]).items()),
        licenses=tuple(_text(one) for one in raw["licenses"]),
        direct=_flag(raw["direct"]),
        facts=facts,
    )


def _read_waiver(raw: Any) -> Waiver:
    table = _table(raw)
    made: dict[str, Any] = {"expires": date.fromisoformat(_text(table["expires"]))}
    for name in ("paths", "subjects", "env"):
        made[name] = tuple(_text(one) for one in _list(table[name]))
    made |= {item.name: _text(table[item.name]) for item in fields(Waiver) if item.name not in made}
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


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _whole(value: Any) -> int:
    if type(value) is not int:
        raise TypeError
    return value


def _table(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError
    return value


def _time(value: Any) -> datetime:
    when = datetime.fromisoformat(_text(value))
    if when.tzinfo is None:
        raise ValueError
    return when.astimezone(UTC)
