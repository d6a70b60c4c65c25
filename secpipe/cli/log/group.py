"""`secpipe log`: the commands by name."""

from __future__ import annotations

import click

from secpipe.cli.lazy import LazyGroup

# name -> (module:attribute, one-line help)
_TABLE = {
    "init": ("secpipe.cli.log.write:init", "Begin a log in a folder, with keys of its own."),
    "append": ("secpipe.cli.log.write:append", "Log files by their digest; what is told is on the disk."),
    "checkpoint": ("secpipe.cli.log.write:checkpoint", "Sign what was appended; ask witnesses to cosign it."),
    "show": ("secpipe.cli.log.read:show", "Show entries, the checkpoint, or the log's keys."),
    "prove": ("secpipe.cli.log.read:prove", "Write the proof that a file is logged beside it."),
    "verify": ("secpipe.cli.log.read:verify", "Verify proofs beside files, or a whole log."),
    "witness": ("secpipe.cli.log.witness:witness", "Cosign what other logs sign, and never two stories."),
    "export": ("secpipe.cli.log.read:export", "Copy what a log publishes: to a web server, a bucket, git."),
}


@click.command(cls=LazyGroup, table=_TABLE)
def log() -> None:
    """Keep an append-only log that nobody can rewrite, and prove what stands in it."""
