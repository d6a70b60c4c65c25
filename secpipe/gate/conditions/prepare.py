"""From a condition as written to one that can be evaluated: first what may be said, then names and types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from secpipe.core.errors import MissingDependency
from secpipe.core.limits import DEFAULT, Limits
from secpipe.gate.conditions import cel
from secpipe.gate.conditions.expression import Expression, NotAllowed, parse
from secpipe.gate.conditions.fields import FIELDS, typed_fields

if TYPE_CHECKING:
    from secpipe.gate.policies.policy import Condition


@dataclass(frozen=True, slots=True)
class Prepared:
    """A condition that can be evaluated."""

    condition: Condition
    expression: Expression
    program: cel.Program


def prepare(condition: Condition, limits: Limits = DEFAULT) -> Prepared:
    """Return the condition ready to be evaluated.

    Raises NotAllowed where the expression is none that may be used, MissingDependency where CEL is not installed (what
    can be checked without it has been checked then).
    """
    expression = parse(condition.when, condition.on, FIELDS[condition.on], limits)
    if not cel.available():
        raise MissingDependency(cel.NEEDS, hint="pip install 'secpipe[cel]'")
    try:
        return Prepared(condition, expression, cel.compile_checked(condition.when, typed_fields(condition.on)))
    except ImportError as error:
        raise MissingDependency(f"{cel.NEEDS}, which cannot be loaded ({type(error).__name__})") from None


def problem(condition: Condition, limits: Limits = DEFAULT) -> NotAllowed | None:
    """Return what is wrong with a condition, or None; types are looked at only where CEL is installed."""
    try:
        prepare(condition, limits)
    except NotAllowed as error:
        return error
    except MissingDependency:
        pass
    return None
