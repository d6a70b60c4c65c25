"""Every file of the release could be read."""

from __future__ import annotations

from secpipe.core.text import plural
from secpipe.gate.ruling import Ruling, Situation, rule_on


def files(situation: Situation) -> Ruling:
    """Every file of the release could be read."""
    evidence = situation.of("files")
    summary = plural(int(evidence.facts.get("files", 0)), "file")
    return rule_on(situation, evidence, "Every file was read", required=True, findings=(), summary=summary)
