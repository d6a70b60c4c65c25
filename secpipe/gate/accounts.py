"""Which checks must account for what they are answerable for, and evidence without a whole account (design law 11)."""

from __future__ import annotations

from dataclasses import replace

from secpipe.core.evidence import Evidence, State
from secpipe.core.ledger import Account, Thing
from secpipe.core.text import plural

#: Checks whose OK counts only with an account, and attestations. Stored evidence without one replays as it was.
MUST_ACCOUNT = ("files", "sbom", "signatures", "audit", "models", "shadow-ai", "agents")
#: Checks that are answerable for every file of the tree, whatever it is.
EVERY_FILE = ("files", "sbom", "models", "shadow-ai", "agents")
_ATTESTATION = "attestation:"


def accounted(evidence: Evidence, files: int) -> Evidence:
    """Return the evidence, or that nothing is known where its account is missing or leaves files of the tree out.

    `files` is how many the walk found. Evidence that is not OK says already that something is wrong.
    """
    if evidence.state is not State.OK:
        return evidence
    if evidence.account is None:
        must = evidence.check in MUST_ACCOUNT or evidence.check.startswith(_ATTESTATION)
        return _unknown(evidence, "the check gave no account of what it looked at") if must else evidence
    told = evidence.account.of(Thing.FILE).total
    if evidence.check in EVERY_FILE and told < files:
        return _unknown(evidence, f"the check accounts for {told:,} of {plural(files, 'file')}")
    return evidence


def _unknown(evidence: Evidence, reason: str) -> Evidence:
    return replace(evidence, state=State.SKIPPED, reason=reason)


def none_judged(account: Account | None) -> str:
    """Return what there was of which not one was judged (`4 components`), or "": silence about all is no answer."""
    for tally in account.tallies if account else ():
        if tally.not_read and not (tally.judged or tally.cannot):
            return plural(tally.total, str(tally.thing), tally.thing.plural)
    return ""
