"""`secpipe verdict`: the commands by name."""

from __future__ import annotations

import click

from secpipe.cli.lazy import LazyGroup

_TABLE = {
    "list": ("secpipe.cli.verdict.show:list_", "List what a verdict store holds."),
    "show": ("secpipe.cli.verdict.show:show", "Show what a signed verdict says."),
    "verify": ("secpipe.cli.verdict.verify:verify", "May this release go out, by its signed verdict?"),
    "sign": ("secpipe.cli.verdict.sign:sign", "Judge kept evidence again and sign the verdict."),
    "override": ("secpipe.cli.verdict.override:override", "Let a blocked release out: two people, for hours."),
    "push": ("secpipe.cli.verdict.registry:push", "Attach a signed verdict to the image it is about."),
    "pull": ("secpipe.cli.verdict.registry:pull", "Fetch the verdicts attached to an image."),
    "export": ("secpipe.cli.verdict.export:export", "Write a signed verdict for other tools."),
}


@click.command(cls=LazyGroup, table=_TABLE)
def verdict() -> None:
    """Sign, verify, show, export and override verdicts."""
