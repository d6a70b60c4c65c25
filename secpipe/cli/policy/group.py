"""`secpipe policy`: show what a policy demands, compare, check and test it, print its pin."""

from __future__ import annotations

import click

from secpipe.cli.lazy import LazyGroup

_TABLE: dict[str, tuple[str, str]] = {
    "show": ("secpipe.cli.policy.show:show", "Print what a policy demands, and where each value comes from."),
    "lint": ("secpipe.cli.policy.lint:lint", "Check policies for mistakes, in every environment they name."),
    "diff": ("secpipe.cli.policy.diff:diff", "Say what changes from one policy to another, and which way."),
    "test": ("secpipe.cli.policy.test:test", "Run the cases that stand beside a policy."),
    "replay": ("secpipe.cli.policy.replay:replay", "Say which verdicts of the past another policy would have changed."),
    "pin": ("secpipe.cli.policy.show:pin", "Print the digest that --policy-ref takes."),
    "schema": ("secpipe.cli.policy.show:schema", "Print the JSON Schema of policies, for editors."),
}


@click.group(cls=LazyGroup, table=_TABLE)
def policy() -> None:
    """Show, compare, check, test, replay and pin policies."""
