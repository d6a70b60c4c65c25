"""Every file of the release could be read."""

from __future__ import annotations

from secpipe.core.evidence import State
from secpipe.core.text import plural
from secpipe.gate.ruling import Ruling, Situation, rule_on


def files(situation: Situation) -> Ruling:
    """Every file of the release could be read."""
    evidence = situation.of("files")
    summary = plural(int(evidence.facts.get("files", 0)), "file")
    whole = evidence.state is State.OK and not (evidence.skips or evidence.accepted)
    title = "Every file was opened" if whole else "Files that were opened"
    return rule_on(situation, evidence, title, required=True, findings=(), summary=summary)


RULES = {20: files}
