"""`secpipe scan`: the scanners, each for itself; `secpipe check` runs them all."""

from __future__ import annotations

import click

from secpipe.cli.lazy import LazyGroup

_COMMANDS: dict[str, tuple[str, str]] = {
    "models": ("secpipe.cli.scan.models:models", "Find code in model files, without loading them."),
    "shadow-ai": ("secpipe.cli.scan.shadow_ai:shadow_ai", "Find AI services and models that nobody approved."),
}


@click.command(cls=LazyGroup, table=_COMMANDS)
def scan() -> None:
    """Scan models for code, and code for unauthorised AI use."""
