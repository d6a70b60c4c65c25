"""`secpipe scan`: the scanners by name."""

from __future__ import annotations

import click

from secpipe.cli.main import LazyGroup

TABLE: dict[str, tuple[str, str]] = {
    "models": ("secpipe.cli.scan_models:models", "Find code hidden in model files."),
    "shadow-ai": ("secpipe.cli.scan_shadow_ai:shadow_ai", "Find AI services nobody approved."),
}


@click.command(cls=LazyGroup, table=TABLE)
def scan() -> None:
    """Scan models for code, and code for unauthorised AI use."""
