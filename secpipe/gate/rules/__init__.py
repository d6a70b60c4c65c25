"""One predicate a check. A rule is one file here: its predicate, its place in the report, and the text about it.

A file with rules names them in `RULES`: place in the report -> predicate. What only its reasons say may stand in its
`EXPLAINED`, in the form of `policies/rules/gate.toml`.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from types import ModuleType

from secpipe.gate.ruling import Ruling, Situation

Rule = Callable[[Situation], Ruling]


def placed(modules: Iterable[ModuleType]) -> tuple[Rule, ...]:
    """Return the rules of `modules` in the order of the report; raises ValueError for two in one place."""
    rules: dict[int, Rule] = {}
    for module in modules:
        own: Mapping[int, Rule] = getattr(module, "RULES", {})
        if taken := sorted(own.keys() & rules.keys()):
            raise ValueError(f"{module.__name__}: place {taken[0]} in the report is taken")
        rules |= own
    return tuple(rules[place] for place in sorted(rules))


_MODULES = tuple(import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__))
#: All rules, in the order of the report.
RULES = placed(_MODULES)
#: What the rules' own files say about their reasons.
EXPLAINED = "".join(getattr(module, "EXPLAINED", "") for module in _MODULES)
