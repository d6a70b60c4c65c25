"""Evidence of promotion: what signed verdicts a store holds on the same digests, whatever the environment."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from secpipe.core import times
from secpipe.core.evidence import Evidence, State
from secpipe.core.text import printable
from secpipe.core.trust import Trust
from secpipe.core.version import __version__
from secpipe.gate.verdicts import signed, store, vsa
from secpipe.gate.verdicts.signed import About, Broken, Held

CHECK = "promotion"


def gather(where: Path, digest: str, links: str, trust: Trust, now: datetime) -> Evidence:
    """Return the newest verdict on `digest` of each verifier and environment; the policy says which are wanted.

    Facts: `verdicts`: a list of {environment, at, result (PASSED, FAILED, REFUSED), reason, verifier, identity, policy,
    valid_until, entry}. A verdict that does not hold counts as REFUSED, at the time it claims. Raises InputError for a
    store that cannot be read.
    """
    facts: list[dict[str, Any]] = []
    for environment in dict.fromkeys(entry.environment for entry in store.entries(where, digest=digest)):
        found = list(signed.candidates(where, About(digest, links, environment), trust, now))
        facts += [_refused(environment, one) for one in found if isinstance(one, Broken)]
        good = [one for one in found if isinstance(one, Held)]
        for verifier in sorted({one.summary.verifier for one in good}):
            facts.append(_fact(signed.newest([one for one in good if one.summary.verifier == verifier])))
    return Evidence(CHECK, State.OK, facts={"verdicts": facts}, producer=f"secpipe {__version__}")


def _fact(one: Held) -> dict[str, Any]:
    told = one.summary
    return {
        "environment": told.environment,
        "at": times.rfc3339(told.at),
        "result": vsa.PASSED if told.passed else vsa.FAILED,
        "reason": "" if told.passed else f"its decision is {told.decision}",
        "verifier": told.verifier,
        "identity": one.identity.name,
        "policy": told.policy,
        "valid_until": times.rfc3339(told.valid_until),
        "entry": one.folder.name,
    }


def _refused(environment: str, one: Broken) -> dict[str, Any]:
    return {
        "environment": environment,
        "at": one.stamp,
        "result": "REFUSED",
        "reason": printable(one.error.message, 300),
        "verifier": "",
    }
