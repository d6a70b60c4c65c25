"""`secpipe keys`: make, list, rotate and revoke hybrid keys."""

from __future__ import annotations

import click

from secpipe.cli.main import LazyGroup

# name -> (module:attribute, one-line help)
COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("secpipe.cli.keys_init:init", "Make a trust root, a keyring and your keys; asks for a passphrase only."),
    "list": ("secpipe.cli.keys_show:list_keys", "List identities and key versions with their state."),
    "show": ("secpipe.cli.keys_show:show", "Show one identity or one key version."),
    "export": ("secpipe.cli.keys_show:export", "Write a public key as PEM, JWK or cosign.pub."),
}


@click.group(cls=LazyGroup, table=COMMANDS)
def keys() -> None:
    """Make, list, rotate and revoke hybrid keys."""
