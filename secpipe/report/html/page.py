"""The page as a whole, in the order in which people ask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from secpipe.report.html import lists
from secpipe.report.html.agents import of_agents
from secpipe.report.html.derived import of_lineage
from secpipe.report.html.embedded import embedded
from secpipe.report.html.first import first_screen
from secpipe.report.html.frame import page
from secpipe.report.html.reasons import reasons
from secpipe.report.html.timeline import timeline
from secpipe.report.read import read
from secpipe.report.rules import NONE, Rule


def render(document: Mapping[str, Any], *, color: bool = False, rules: Mapping[str, Rule] = NONE) -> str:
    """Return the document as one HTML page of at most 700 kB, and itself inside it; `rules` tell why in their words."""
    report = read(document)
    parts = [
        *first_screen(report),
        *reasons(report, rules),
        *lists.checks(report.checks),
        *lists.accounts(report),
        *lists.unseen(report.skipped),
        *of_agents(report.given),
        *of_lineage(report.derived, report.underived),
        *timeline(report),
        *lists.suppressed(report),
        *lists.findings(report),
        *lists.rests_on(report),
        *embedded(document),
    ]
    return page(report.subject or report.command, parts)
