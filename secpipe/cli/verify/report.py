"""What `secpipe verify` says to people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from secpipe.core import times
from secpipe.core.evidence import Evidence, State
from secpipe.core.text import plural, printable


def human(evidence: Evidence, paths: Sequence[str], *, now: datetime, simulated: bool) -> str:
    """Return what a person reads: the answer first, then who signed what, then what is wrong and how to mend it."""
    lines = ["SIMULATED: judged as of another time"] if simulated else []
    what = printable(paths[0]) if len(paths) == 1 else plural(len(paths), "path")
    if evidence.state is State.OK:
        lines.append(f"VERIFIED  {what}")
    else:
        word = "NOT VERIFIED" if evidence.state is State.FAILED else "UNDECIDED"
        lines.append(f"{word}  {what}: {printable(evidence.reason)}")
    for fact in evidence.facts.get("artifacts", []):
        if fact["verified"]:
            lines += [*_signer(fact, evidence.facts), *_ended(fact, now)]
    if evidence.check.startswith("attestation:") and evidence.facts:
        facts = evidence.facts
        told = f", result {facts['result']}" if "result" in facts else ""
        lines.append(f"  {facts['purpose']} by {facts['identity']}, made {facts['made']}{told}")
    if evidence.state is State.OK and evidence.facts.get("pinned") is False:
        lines.append("  note: the trust root is not pinned; who can change it can change this answer (--trust-pin)")
    for finding in evidence.findings:
        mark = "note" if str(finding.severity) == "info" else "fail"
        place = "" if not finding.path or finding.path in finding.message else f"{printable(finding.path)}: "
        lines.append(f"  {mark}: {place}{printable(finding.message)} [{finding.rule}]")
        if finding.fix:
            lines.append(f"        {printable(finding.fix)}")
    return "\n".join(lines) + "\n"


def _ended(fact: dict[str, Any], now: datetime) -> list[str]:
    """Return that a retired key signed this, where no time stamp and no holder says that it was in time."""
    ends = times.maybe_instant(fact.get("sign_until"))
    if ends is None or now < ends or fact.get("trusted_time") or fact.get("grandfathered"):
        return []
    day = times.rfc3339(ends)[:10]
    what = f"this key stopped signing on {day}, and nothing proves that the signature is older"
    return [f"  note: {what} (sign --tsa, secpipe keys grandfather)"]


def _signer(fact: dict[str, Any], facts: Any) -> list[str]:
    name = f'{fact["purpose"]} "{fact["name"]}"' + (f" version {fact['version']}" if fact.get("version") else "")
    count = sum(1 for path in facts.get("covered", {}) if path.startswith(fact["path"]))
    when = f"before {fact['trusted_time']}" if fact.get("trusted_time") else "no trusted time"
    key = f"key version {fact['key_version']} ({' + '.join(fact['halves'])})"
    return [
        f"  {name} signed by {fact['identity']}, {key}, {when}",
        f"  {plural(count, 'file')}, digest {fact['digest']}",
    ]
