"""`secpipe advisories`: what the local advisory store knows, and since when."""

from __future__ import annotations

from pathlib import Path

import click


@click.group(short_help="Update and inspect the local advisory store.")
def advisories() -> None:
    """Update and inspect the local advisory store."""


@advisories.command()
@click.argument("path", required=False)
def show(path: str | None) -> None:
    """Say which feeds the store holds, their dates and numbers of records."""
    import json

    from secpipe.scan.vulnerabilities.store import open_store

    about = open_store(Path(path) if path else None).about
    click.echo(json.dumps(about, indent=2, ensure_ascii=False))
