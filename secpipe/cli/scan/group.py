"""`secpipe scan`: the scanners, each for itself; `secpipe check` runs them all."""

from __future__ import annotations

import click

from secpipe.cli.lazy import LazyGroup

_COMMANDS: dict[str, tuple[str, str]] = {
    "models": ("secpipe.cli.scan.models:models", "Find code in model files, without loading them."),
    "agents": ("secpipe.cli.scan.agents:agents", "Find what agents may do, and attacks in what sets them up."),
    "shadow-ai": ("secpipe.cli.scan.shadow_ai:shadow_ai", "Find AI services and models that nobody approved."),
}


@click.command(cls=LazyGroup, table=_COMMANDS)
def scan() -> None:
    """Scan models for code, code for unauthorised AI use, and what agents may do."""
