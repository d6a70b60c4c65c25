"""The page of the profiles with the table of the keys that each of them sets; called by `generate.py`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from secpipe.gate.policies.policy import Demand, Phase, Policy
from secpipe.gate.policies.policy_file import load, profiles

_WHOLE = {"signatures.roles", "sbom.profiles"}  # tables that are one value
_SKIPPED = {"name", "owner", "mode"}


def profiles_page(docs: Path) -> str:
    """Return `profiles.md` in the folder `docs`, its table made anew between the marks."""
    text = (docs / "profiles.md").read_text(encoding="utf-8")
    start, end = "<!-- keys:begin -->\n", "<!-- keys:end -->"
    before, _, rest = text.partition(start)
    return f"{before}{start}{_table()}{end}{rest.partition(end)[2]}"


def _table() -> str:
    names = profiles()
    default = dict(_leaves(asdict(Policy())))
    shown = [
        {key: value for key, value in _leaves(load(f"builtin:{name}").values) if value != default.get(key)}
        for name in names
    ]
    keys = sorted({key for values in shown for key in values} - _SKIPPED)
    lines = [f"| key | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    lines += [f"| `{key}` | {' | '.join(values.get(key, '') for values in shown)} |" for key in keys]
    return "\n".join(lines) + "\n"


def _leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, Mapping) and f"{prefix}{name}" not in _WHOLE:
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", _words(value)


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} = {item}" for name, item in value.items())
    if isinstance(value, tuple | list):
        return ", ".join(_words(item).replace("*", "\\*") for item in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Phase):
        return f"{value.since}: {value.require or ', '.join(value.algorithms)}"
    return f"{value.type} ({value.max_age_days} days)" if isinstance(value, Demand) else str(value)
