"""Options that the `verdict` commands share, and the pinned rules that they name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from secpipe.gate.deploying import Named, Pinned


def rules_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--policy`, `--policy-ref`, `--trust`, `--trust-pin`: what `secpipe check` takes, pinned in the same way."""
    for option in reversed(
        (
            click.option("--policy", default="", metavar="FILE", help="Policy file, or builtin:NAME."),
            click.option("--policy-ref", default="", metavar="PIN", help="sha256:HEX the policy must have."),
            click.option(
                "--trust", type=click.Path(path_type=Path), metavar="FOLDER", help="Trust root (default keys)."
            ),
            click.option("--trust-pin", default="", metavar="PIN", help="sha256:HEX of a root in its chain."),
        )
    ):
        function = option(function)
    return function


def named(options: dict[str, Any]) -> Named:
    """Return the rules that the options name."""
    from secpipe.gate.deploying import Named

    return Named(
        options["policy"], options["policy_ref"], options["trust"], options["trust_pin"],
        options.get("waivers"), options.get("waivers_ref", ""),
    )  # fmt: skip


def pinned(options: dict[str, Any], environment: str, now: datetime, *, simulated: bool = False) -> Pinned:
    """Return the rules that the options name, verified and resolved; raises as `deploying.pinned`."""
    from secpipe.gate import deploying

    return deploying.pinned(named(options), environment, now, simulated=simulated)
