"""`secpipe lineage`: the commands by name."""

from __future__ import annotations

import click

from secpipe.cli.lazy import LazyGroup

# name -> (module:attribute, one-line help)
_TABLE = {
    "record": ("secpipe.cli.lineage.record:record", "Record what an output was made from; prompts stay private."),
    "show": (
        "secpipe.cli.lineage.show:show",
        "Show what an asset was made from, and what came of it: the recall list.",
    ),
    "import": ("secpipe.cli.lineage.imports:import_", "Record what a generator wrote into its own file, as claims."),
    "prove": ("secpipe.cli.lineage.prove:prove", "Recompute weights from their named parents, tensor by tensor."),
    "reveal": ("secpipe.cli.lineage.prompts:reveal", "Show the prompts of an output, held against its record."),
    "erase": ("secpipe.cli.lineage.prompts:erase", "Erase the prompts of an output; its record stays as it is."),
}


@click.command(cls=LazyGroup, table=_TABLE)
def lineage() -> None:
    """Record what an asset was made from, and prove it in the bytes."""
