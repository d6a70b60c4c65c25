"""`secpipe check --explain` and `--explain-min`: what they add to the verdict's document."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from secpipe.gate.outcome import Outcome


def explained(outcome: Outcome, why: bool, least: bool, progress: Callable[[str], None]) -> dict[str, Any]:
    """Return the document's field `explanation`: its `reasons` one by one, its `least` set of changes, as asked for."""
    from secpipe.gate.explaining import counterfactual
    from secpipe.gate.explaining.explain import explain, origin_of
    from secpipe.gate.outcome import tree_policy

    rules, situation = outcome.rules, outcome.situation
    found: dict[str, Any] = {}
    if why:
        origin = origin_of(rules.policy, situation.environment)
        found["reasons"] = explain(outcome.judgement, situation.policy, origin)
    if least:
        progress("looking for the smallest set of changes")
        tree = tree_policy(rules, situation.environment)
        found["least"] = counterfactual.least(situation, tree).to_dict()
    return {"explanation": found}
